import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExpressionWarning, ValidatingAdmissionPolicySpec } from '../../src/api/types/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../../src/api/types/apiextensions-v1.ts';
import { customResourceDefinitions, validatingAdmissionPolicies } from '../../src/client/resources.ts';
import { type ControllerWorld, startControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld();
});
afterEach(() => world.stop());

const definition: CustomResourceDefinition = {
  metadata: { name: 'crontabs.stable.example' },
  spec: {
    group: 'stable.example',
    scope: 'Namespaced',
    names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', listKind: 'CronTabList' },
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { replicas: { type: 'integer' } } } },
          },
        },
      },
    ],
  },
};

function policyFor(group: string, plural: string, expression: string): ValidatingAdmissionPolicySpec {
  const rule = { apiGroups: [group], apiVersions: ['v1'], resources: [plural], operations: ['*'] };
  return { matchConstraints: { resourceRules: [rule] }, validations: [{ expression }] };
}

/** The warnings, once the policy's status is of its newest state. */
async function warnings(name: string): Promise<ExpressionWarning[] | undefined> {
  const { metadata, status } = await world.client.get(validatingAdmissionPolicies, { name });
  if (status?.observedGeneration !== metadata.generation || !status?.typeChecking) return undefined;
  return status.typeChecking.expressionWarnings ?? [];
}

describe("a validating policy's status", () => {
  it('warns of expressions that do not fit, until they do', async () => {
    const metadata = { name: 'replicas' };
    const spec = policyFor('apps', 'deployments', "object.spec.replicas > '1'");
    await world.client.create(validatingAdmissionPolicies, { metadata, spec });
    await world.until('a warning', async () => (await warnings('replicas'))?.length === 1);
    expect(await warnings('replicas')).toEqual([
      {
        fieldRef: 'spec.validations[0].expression',
        warning: expect.stringContaining("found no matching overload for '_>_' applied to '(int, string)'") as string,
      },
    ]);
    const document = { spec: policyFor('apps', 'deployments', 'object.spec.replicas > 1') };
    await world.client.patch(validatingAdmissionPolicies, metadata, { kind: 'merge', document });
    await world.until('no warning', async () => (await warnings('replicas'))?.length === 0);
  });

  it('knows custom resources, those too that come after it', async () => {
    const metadata = { name: 'crontabs' };
    const spec = policyFor('stable.example', 'crontabs', 'object.spec.maxRetries < 10');
    await world.client.create(validatingAdmissionPolicies, { metadata, spec });
    await world.until('nothing to check', async () => (await warnings('crontabs'))?.length === 0);
    await world.client.create(customResourceDefinitions, definition);
    await world.until('a warning', async () => (await warnings('crontabs'))?.length === 1);
    await world.client.delete(customResourceDefinitions, { name: definition.metadata.name ?? '' });
    await world.until('nothing to check', async () => (await warnings('crontabs'))?.length === 0);
  });
});
