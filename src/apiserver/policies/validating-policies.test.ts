import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import { systemClock } from '../../base/system-clock.ts';
import type {
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
} from '../../api/types/admissionregistration-v1.ts';
import { createSigningKey } from '../../cluster/certificates.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { startTestApiServer } from '../../../test/support/api-server.ts';
import type { TestApiServer } from '../../../test/support/api-server.ts';
import { request } from '../../../test/support/request.ts';
import type { Answer } from '../../../test/support/request.ts';
import { createSecurity } from '../security.ts';
import type { Security } from '../security.ts';

const serviceAccountKey = createSigningKey();
const group = '/apis/admissionregistration.k8s.io/v1';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
let security: Security;
let api: TestApiServer;

beforeEach(async () => {
  const store = createMemoryStore();
  const random = seededRandom(1);
  security = createSecurity({
    ...{ store, random, clock: systemClock, log: silentLogger, serviceAccountKey, issuer: 'https://x' },
  });
  await security.bootstrap();
  api = await startTestApiServer({ store, random, admission: security.admission });
});

afterEach(async () => {
  security.close();
  await api.close();
});

const send = async (line: string, body?: object): Promise<Answer> => {
  const user = { name: 'ann', groups: ['system:authenticated'] };
  const answer = await request(api.server.handler, line, { ...(body && { body }), context: { user } });
  // What follows the policies hears of them a moment after they are stored.
  if (line.includes('polic')) for (let i = 0; i < 20; i++) await new Promise((r) => setImmediate(r));
  return answer;
};

async function policy(
  spec: ValidatingAdmissionPolicySpec,
  binding: Partial<ValidatingAdmissionPolicyBindingSpec> = {},
): Promise<void> {
  const matchConstraints = {
    resourceRules: [
      { operations: ['CREATE', 'UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] },
    ],
  };
  const made = await send(`POST ${group}/validatingadmissionpolicies`, {
    metadata: { name: 'p' },
    spec: { matchConstraints, ...spec },
  });
  expect(made.status, made.bytes.toString()).toBe(201);
  const bound = await send(`POST ${group}/validatingadmissionpolicybindings`, {
    metadata: { name: 'b' },
    spec: { policyName: 'p', validationActions: ['Deny'], ...binding },
  });
  expect(bound.status, bound.bytes.toString()).toBe(201);
}

function deployment(name: string, replicas: number, labels: object = {}): object {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  return { metadata: { name, labels }, spec: { replicas, selector: { matchLabels: { a: 'b' } }, template } };
}

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
      spec: { validations: [{ expression: 'object.spec.replicas >' }, { expression: '"text"' }] },
    });
    expect(answer.status).toBe(422);
    expect(answer.json().message).toContain('spec.validations[0].expression: Invalid value');
    expect(answer.json().message).toContain('must evaluate to bool');
  });
});
