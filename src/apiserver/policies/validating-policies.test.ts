import { describe, expect, it } from 'vitest';
import type {
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
} from '../../api/types/admissionregistration-v1.ts';
import { deployment, deploymentsPath as deployments, policiesPath as group } from '../../../test/support/policies.ts';
import { serverWithPolicies } from '../../../test/support/policies.ts';

const send = serverWithPolicies();

async function policy(
  spec: ValidatingAdmissionPolicySpec,
  binding: Partial<ValidatingAdmissionPolicyBindingSpec> = {},
): Promise<void> {
  const made = await send(`POST ${group}/validatingadmissionpolicies`, {
    metadata: { name: 'p' },
    spec: { matchConstraints: { resourceRules }, ...spec },
  });
  expect(made.status, made.bytes.toString()).toBe(201);
  const bound = await send(`POST ${group}/validatingadmissionpolicybindings`, {
    metadata: { name: 'b' },
    spec: { policyName: 'p', validationActions: ['Deny'], ...binding },
  });
  expect(bound.status, bound.bytes.toString()).toBe(201);
}

const resourceRules = [
  { operations: ['CREATE', 'UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] },
];

describe('validating admission policies', () => {
  it('refuse what an expression does not hold for', async () => {
    await policy({
      validations: [
        { expression: 'object.spec.replicas > 1', messageExpression: "'only ' + string(object.spec.replicas)" },
      ],
    });
    expect((await send(`POST ${deployments}`, deployment('a', 2))).status).toBe(201);
    const refused = await send(`POST ${deployments}`, deployment('b', 1));
    expect(refused.status).toBe(422);
    expect(refused.json()).toMatchObject({
      reason: 'Invalid',
      message: `deployments.apps "b" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: only 1`,
    });
  });

  it('know variables, the old object, the request, its namespace and what its user may do', async () => {
    await policy({
      variables: [
        { name: 'replicas', expression: 'object.spec.replicas' },
        { name: 'odd', expression: 'variables.replicas % 2 == 1' },
        { name: 'broken', expression: 'object.spec.nothing' },
      ],
      validations: [
        { expression: 'variables.odd' },
        { expression: 'oldObject == null || oldObject.spec.replicas <= variables.replicas', message: 'never down' },
        { expression: "request.userInfo.username == 'ann' && namespaceObject.metadata.name == 'default'" },
        { expression: "!authorizer.group('apps').resource('deployments').check('get').allowed()", reason: 'Forbidden' },
      ],
    });
    const made = await send(`POST ${deployments}`, deployment('a', 3));
    expect(made.status, made.bytes.toString()).toBe(201);
    expect((await send(`POST ${deployments}`, deployment('b', 2))).json().message).toContain(
      'failed expression: variables.odd',
    );
    expect((await send(`PUT ${deployments}/a`, deployment('a', 1))).json().message).toContain('never down');
  });

  it('take params by name or selector, for each of which they must hold', async () => {
    const map = (name: string, max: string): object => ({
      metadata: { name, labels: { limit: 'yes' } },
      data: { max },
    });
    await policy(
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [{ expression: 'object.spec.replicas <= int(params.data.max)' }],
      },
      { paramRef: { selector: { matchLabels: { limit: 'yes' } }, parameterNotFoundAction: 'Deny' } },
    );
    expect((await send(`POST ${deployments}`, deployment('a', 1))).json().message).toContain('no params found');
    await send('POST /api/v1/namespaces/default/configmaps', map('five', '5'));
    expect((await send(`POST ${deployments}`, deployment('a', 4))).status).toBe(201);
    await send('POST /api/v1/namespaces/default/configmaps', map('three', '3'));
    expect((await send(`POST ${deployments}`, deployment('b', 4))).status).toBe(422);
  });

  it('only warn where their binding says so, and are narrowed by it', async () => {
    await policy(
      { validations: [{ expression: 'false', message: 'not good' }] },
      { validationActions: ['Warn', 'Audit'], matchResources: { objectSelector: { matchLabels: { watched: 'yes' } } } },
    );
    expect((await send(`POST ${deployments}`, deployment('a', 1))).headers.warning).toBeUndefined();
    const warned = await send(`POST ${deployments}`, deployment('b', 1, { watched: 'yes' }));
    expect(warned.status).toBe(201);
    expect(warned.headers.warning).toEqual([
      `299 - "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': not good"`,
    ]);
  });

  it('fail or pass over what cannot be evaluated, as their failure policy says', async () => {
    await policy({ validations: [{ expression: "object.spec.nothing == 'x'" }] });
    expect((await send(`POST ${deployments}`, deployment('a', 1))).json().message).toContain('resulted in error');
    await send(`DELETE ${group}/validatingadmissionpolicies/p`);
    await send(`DELETE ${group}/validatingadmissionpolicybindings/b`);
    await policy({ failurePolicy: 'Ignore', validations: [{ expression: "object.spec.nothing == 'x'" }] });
    expect((await send(`POST ${deployments}`, deployment('a', 1))).status).toBe(201);
  });

  it('have expressions that compile', async () => {
    const answer = await send(`POST ${group}/validatingadmissionpolicies`, {
      metadata: { name: 'bad' },
      spec: {
        matchConstraints: { resourceRules },
        validations: [{ expression: 'object.spec.replicas >' }, { expression: '"text"' }],
      },
    });
    expect(answer.status).toBe(422);
    expect(answer.json().message).toContain('spec.validations[0].expression: Invalid value');
    expect(answer.json().message).toContain('must evaluate to bool');
  });

  it('say what they are about, and their bindings what they do', async () => {
    const refused = await send(`POST ${group}/validatingadmissionpolicies`, {
      metadata: { name: 'bad' },
      spec: {
        failurePolicy: 'Maybe',
        paramKind: { apiVersion: 'a/b/c', kind: 'X_Y' },
        matchConstraints: { matchPolicy: 'Exact', resourceRules: [{ operations: ['*', 'CREATE'], apiGroups: [''] }] },
        matchConditions: [{ name: 'a b', expression: '' }],
        variables: [{ name: 'a-b', expression: '1' }],
      },
    });
    expect(refused.status).toBe(422);
    const causes = (refused.json().details as { causes: { field: string; message: string }[] }).causes;
    expect(causes.map(({ field }) => field)).toEqual([
      'spec.failurePolicy',
      'spec.paramKind.apiVersion',
      'spec.paramKind.kind',
      'spec.matchConstraints.resourceRules[0].operations',
      'spec.matchConstraints.resourceRules[0].apiVersions',
      'spec.matchConstraints.resourceRules[0].resources',
      'spec.matchConditions[0].expression',
      'spec.matchConditions[0].name',
      'spec.variables[0].name',
      'spec.validations',
      'spec.auditAnnotations',
    ]);
    const binding = await send(`POST ${group}/validatingadmissionpolicybindings`, {
      metadata: { name: 'bad' },
      spec: { policyName: 'p', validationActions: ['Deny', 'Warn'], paramRef: { parameterNotFoundAction: 'Deny' } },
    });
    expect(binding.json().message).toContain('spec.paramRef: Required value: one of name or selector');
    expect(binding.json().message).toContain('must not contain both Deny and Warn');
  });
});
