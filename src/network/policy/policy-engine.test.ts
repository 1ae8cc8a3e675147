import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { silentLogger } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { networkPolicies, pods } from '../../client/resources.ts';
import { createInformers } from '../../client/shared-informers.ts';
import type { PolicyDataplane } from './nft-policy.ts';
import { createPolicyEngine, type PolicyEngine } from './policy-engine.ts';
import type { PolicyRules } from './policy-rules.ts';

let api: TestApiServer;
let engine: PolicyEngine;
/** Every state that the kernel was in; undefined: no rules at all. */
let applied: (PolicyRules | undefined)[];
let failures: number;
let watched: string[];
let changed: () => void;

beforeEach(async () => {
  api = await startTestApiServer();
  applied = [];
  watched = [];
  failures = 0;
  changed = () => {};
  const dataplane: PolicyDataplane = {
    async apply(rules) {
      if (failures-- > 0) throw new Error('no');
      applied.push(rules);
      changed();
    },
  };
  const client = observed(api.client, (plural) => watched.push(plural));
  // Retries come at once.
  const clock = { ...api.clock, sleep: async () => {} };
  const openInformers = () => createInformers({ client, clock, random: seededRandom(1), log: silentLogger });
  engine = createPolicyEngine({
    ...{ client, openInformers, dataplane, clock, log: silentLogger },
    ...{ nodeName: 'here', dnsAddresses: [] },
  });
});

afterEach(async () => {
  engine.stop();
  await api.close();
});

/** The same client; says what is watched. */
function observed(client: Client, watching: (plural: string) => void): Client {
  const watch: Client['watch'] = (resource, options) => {
    watching(resource.plural);
    return client.watch(resource, options);
  };
  return new Proxy(client, {
    get(target, name) {
      const method: unknown = name === 'watch' ? watch : Reflect.get(target, name);
      return (method as () => unknown).bind(target);
    },
  });
}

const deny = (name = 'deny') => ({ metadata: { name, namespace: 'default' }, spec: { podSelector: {} } });

async function create(name: string): Promise<Pod> {
  const spec = { nodeName: 'here', containers: [{ name: 'c', image: 'i' }] };
  return api.client.create(pods, { metadata: { name, namespace: 'default' }, spec });
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise<void>((resolve) => (changed = resolve));
}

const isolated = (ip: string): boolean => applied.at(-1)?.dispatch.ingress.get(ip) !== undefined;

describe('the policy engine', () => {
  it('follows no pods and keeps nobody waiting while there are no policies', async () => {
    await engine.start();
    const pod = await create('a');
    await engine.catchUp('default');
    await engine.admit(pod, ['10.0.0.1']);
    expect(applied).toEqual([undefined]);
    expect(watched).not.toContain('pods');
  });

  it('lets no pod go on before the policies that were there before it hold for its address', async () => {
    await engine.start();
    await api.client.create(networkPolicies, deny());
    const pod = await create('a');
    await engine.catchUp('default');
    await engine.admit(pod, ['10.0.0.1']);
    expect(isolated('10.0.0.1')).toBe(true);
  });

  it('waits for a kernel that refuses', async () => {
    await api.client.create(networkPolicies, deny());
    failures = 1;
    await engine.start();
    expect(applied).toHaveLength(1);
  });

  it('frees the address of a pod that is gone, and forgets everything with the last policy', async () => {
    await api.client.create(networkPolicies, deny());
    await engine.start();
    const pod = await create('a');
    await engine.admit(pod, ['10.0.0.1']);
    engine.forget(pod);
    await until(() => applied.at(-1)?.dispatch.ingress.has('10.0.0.1') === false);
    await api.client.delete(networkPolicies, { name: 'deny', namespace: 'default' });
    await until(() => applied.at(-1) === undefined);
  });

  it('takes the addresses of pods that an earlier agent started from their status', async () => {
    await api.client.create(networkPolicies, deny());
    const pod = await create('a');
    const status = { ...pod.status, phase: 'Running', podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] };
    await api.client.update(pods, { ...pod, status }, { subresource: 'status' });
    await engine.start();
    expect(isolated('10.0.0.9')).toBe(true);
  });

  it('gives an address to the pod that got it last', async () => {
    await api.client.create(networkPolicies, deny());
    await engine.start();
    const [old, young] = [await create('old'), await create('young')];
    await engine.admit(old, ['10.0.0.1']);
    await engine.admit(young, ['10.0.0.1']);
    engine.forget(old);
    await engine.admit(young, ['10.0.0.1']);
    expect(isolated('10.0.0.1')).toBe(true);
  });
});
