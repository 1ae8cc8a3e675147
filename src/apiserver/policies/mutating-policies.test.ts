import { describe, expect, it } from 'vitest';
import type {
  MutatingAdmissionPolicyBindingSpec,
  MutatingAdmissionPolicySpec,
  Mutation,
} from '../../api/types/admissionregistration-v1.ts';
import { deployment, deploymentsPath as deployments, policiesPath as group } from '../../../test/support/policies.ts';
import { serverWithPolicies } from '../../../test/support/policies.ts';

const send = serverWithPolicies();

const apply = (expression: string): Mutation => ({
  patchType: 'ApplyConfiguration',
  applyConfiguration: { expression },
});
const patch = (expression: string): Mutation => ({ patchType: 'JSONPatch', jsonPatch: { expression } });
const label = (name: string, value: string): Mutation =>
  apply(`Object{metadata: Object.metadata{labels: {"${name}": ${value}}}}`);

async function policy(
  { name = 'p', ...spec }: MutatingAdmissionPolicySpec & { name?: string },
  binding: MutatingAdmissionPolicyBindingSpec = {},
): Promise<void> {
  const matchConstraints = {
    resourceRules: [
      { operations: ['CREATE', 'UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] },
    ],
  };
  const made = await send(`POST ${group}/mutatingadmissionpolicies`, {
    metadata: { name },
    spec: { matchConstraints, reinvocationPolicy: 'Never', ...spec },
  });
  expect(made.status, made.bytes.toString()).toBe(201);
  const bound = await send(`POST ${group}/mutatingadmissionpolicybindings`, {
    metadata: { name: `${name}-binding` },
    spec: { policyName: name, ...binding },
  });
  expect(bound.status, bound.bytes.toString()).toBe(201);
}

interface Made {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: { replicas: number; template: { spec: { initContainers?: object[]; containers: { name: string }[] } } };
}

async function make(name = 'a', replicas = 1, labels: object = {}): Promise<Made> {
  const answer = await send(`POST ${deployments}`, deployment(name, replicas, labels));
  expect(answer.status, answer.bytes.toString()).toBe(201);
  return answer.json<Made>();
}

describe('mutating admission policies', () => {
  it('merge apply configurations, lists by their keys, and have defaults filled in after them', async () => {
    await policy({
      mutations: [
        apply(`Object{
          metadata: Object.metadata{annotations: {"mutated-by": "admission-policy"}},
          spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
            containers: object.spec.template.spec.containers.map(c,
              Object.spec.template.spec.containers{name: c.name, tty: true}
            ) + [Object.spec.template.spec.containers{name: "extra", image: "x"}]
          }}}
        }`),
      ],
    });
    const { metadata, spec } = await make();
    expect(metadata.annotations).toEqual({ 'mutated-by': 'admission-policy' });
    expect(spec.template.spec.containers).toMatchObject([
      { name: 'c', image: 'i', tty: true, terminationMessagePolicy: 'File' },
      { name: 'extra', image: 'x', terminationMessagePolicy: 'File', imagePullPolicy: 'Always' },
    ]);
    const stored = (await send(`GET ${deployments}/a`)).json<Made>();
    expect(stored.metadata.annotations).toEqual({ 'mutated-by': 'admission-policy' });
  });

  it('patch by JSON patches, which do nothing where a test in them fails', async () => {
    await policy({
      mutations: [
        patch(
          '[JSONPatch{op: "test", path: "/spec/replicas", value: 1}, JSONPatch{op: "replace", path: "/spec/replicas", value: 3}]',
        ),
        patch('[JSONPatch{op: "add", path: "/metadata/labels/seen", value: string(object.spec.replicas)}]'),
      ],
    });
    expect(await make('a', 1, { x: 'y' })).toMatchObject({
      spec: { replicas: 3 },
      metadata: { labels: { seen: '3' } },
    });
    expect(await make('b', 2, { x: 'y' })).toMatchObject({
      spec: { replicas: 2 },
      metadata: { labels: { seen: '2' } },
    });
  });

  it('know variables, conditions, params and the namespace', async () => {
    await send('POST /api/v1/namespaces/default/configmaps', { metadata: { name: 'param' }, data: { max: '5' } });
    await policy(
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        matchConditions: [{ name: 'large', expression: 'object.spec.replicas > int(params.data.max)' }],
        variables: [{ name: 'part', expression: 'Object.spec{replicas: int(params.data.max)}' }],
        mutations: [apply('Object{spec: variables.part}'), label('ns', 'namespaceObject.metadata.name')],
      },
      { paramRef: { name: 'param', parameterNotFoundAction: 'Deny' } },
    );
    expect(await make('a', 9)).toMatchObject({ spec: { replicas: 5 }, metadata: { labels: { ns: 'default' } } });
    const small = await make('b', 4);
    expect(small.spec.replicas).toBe(4);
    expect(small.metadata.labels?.ns).toBeUndefined();
    await send('DELETE /api/v1/namespaces/default/configmaps/param');
    const answer = await send(`POST ${deployments}`, deployment('c', 9));
    expect(answer.status).toBe(422);
    expect(answer.json().message).toBe(
      "policy 'p' with binding 'p-binding' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
    );
  });

  it('look again, when they want to, at what those after them made', async () => {
    const seen = (name: string): Mutation =>
      label(name, `string(has(object.metadata.labels) && "late" in object.metadata.labels)`);
    await policy({ name: 'a', reinvocationPolicy: 'Never', mutations: [seen('never')] });
    await policy({ name: 'b', reinvocationPolicy: 'IfNeeded', mutations: [seen('needed')] });
    await policy({ name: 'c', mutations: [label('late', '"yes"')] });
    expect((await make()).metadata.labels).toEqual({ never: 'false', needed: 'true', late: 'yes' });
  });

  it('refuse what their schema does not know, and what would replace a value as a whole', async () => {
    await policy({ mutations: [apply('Object{spec: Object.spec{nothing: 1}}')] });
    const unknown = await send(`POST ${deployments}`, deployment('a', 1));
    expect(unknown.status).toBe(422);
    expect(unknown.json().message).toContain('.spec.nothing: field not declared in schema');
    await send(`DELETE ${group}/mutatingadmissionpolicies/p`);
    await send(`DELETE ${group}/mutatingadmissionpolicybindings/p-binding`);
    await policy({
      mutations: [apply('Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {"a": "c"}}}}')],
    });
    expect((await send(`POST ${deployments}`, deployment('a', 1))).json().message).toContain(
      'may not mutate atomic arrays, maps or structs: .spec.selector',
    );
  });

  it('fail or pass over what cannot be evaluated, as their failure policy says', async () => {
    await policy({ failurePolicy: 'Ignore', mutations: [label('x', 'object.nothing'), label('y', '"y"')] });
    const passed = await make('a');
    expect(passed.metadata.labels).toEqual({ y: 'y' });
    await send(`DELETE ${group}/mutatingadmissionpolicies/p`);
    await send(`DELETE ${group}/mutatingadmissionpolicybindings/p-binding`);
    await policy({ mutations: [label('x', 'object.nothing')] });
    expect((await send(`POST ${deployments}`, deployment('b', 1))).json()).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: expect.stringContaining("policy 'p' with binding 'p-binding' denied request: ") as string,
    });
  });

  it('are refused when they say nothing, or what does not compile', async () => {
    const refused = await send(`POST ${group}/mutatingadmissionpolicies`, {
      metadata: { name: 'bad' },
      spec: {
        reinvocationPolicy: 'Sometimes',
        mutations: [{ patchType: 'ApplyConfiguration' }, { patchType: 'Other', jsonPatch: { expression: '[]' } }],
      },
    });
    expect(refused.status).toBe(422);
    for (const path of [
      'spec.matchConstraints: Required value',
      'spec.mutations[0].applyConfiguration: Required value',
      'spec.mutations[1].patchType: Unsupported value: "Other"',
      'spec.reinvocationPolicy: Unsupported value: "Sometimes"',
    ]) {
      expect(refused.json().message).toContain(path);
    }
    const matchConstraints = {
      resourceRules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
    };
    const spec = { matchConstraints, reinvocationPolicy: 'Never', mutations: [apply('"text"'), patch('Object{}')] };
    const wrong = await send(`POST ${group}/mutatingadmissionpolicies`, { metadata: { name: 'bad' }, spec });
    expect(wrong.json().message).toContain('spec.mutations[0].applyConfiguration.expression: Invalid value');
    expect(wrong.json().message).toContain('must evaluate to Object');
    expect(wrong.json().message).toContain('must evaluate to list<JSONPatch>');
  });
});
