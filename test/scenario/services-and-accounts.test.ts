import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { Resource } from '../../src/client/client.ts';
import {
  endpoints,
  endpointSlices,
  events,
  nodes,
  pods,
  replicaSets,
  secrets,
  serviceAccounts,
  services,
} from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld();
});
afterEach(() => world.stop());

const namespace = 'default';
const labels = { app: 'web' };
const slicesOf = (name: string): Promise<EndpointSlice[]> =>
  world.list(endpointSlices, { labelSelector: `kubernetes.io/service-name=${name}` });

async function replicate(replicas: number, spec: Record<string, unknown> = {}): Promise<void> {
  await world.client.create(replicaSets, {
    metadata: { name: 'web', namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'web:1' }] } },
      ...spec,
    },
  });
}

const statusOf = async () => (await world.client.get(replicaSets, { name: 'web', namespace })).status;

describe('the endpoints of a service', () => {
  const create = () =>
    world.client.create(services, {
      metadata: { name: 'web', namespace, labels: { team: 'a' } },
      spec: { selector: labels, ports: [{ port: 80, targetPort: 5000 }] },
    });

  it('start as one empty slice and fill without another being made', async () => {
    await create();
    await world.until('a slice', async () => (await slicesOf('web')).length === 1);
    await replicate(5);
    await world.until('five', async () => (await slicesOf('web'))[0]?.endpoints?.length === 5);
    const [slice, ...others] = await slicesOf('web');
    expect(others).toEqual([]);
    expect(slice?.ports).toEqual([{ name: '', protocol: 'TCP', port: 5000 }]);
    expect(slice?.metadata.labels).toMatchObject({ team: 'a' });
  });

  it('need a second slice from the hundred and first on, and give it back', async () => {
    await create();
    await replicate(101);
    const counts = async () => (await slicesOf('web')).map((slice) => slice.endpoints?.length ?? 0);
    const sum = async () => (await counts()).reduce((total, count) => total + count, 0);
    await world.until('a hundred and one', async () => (await sum()) === 101);
    expect((await counts()).length).toBe(2);
    await world.client.patch(
      replicaSets,
      { name: 'web', namespace },
      { kind: 'merge', document: { spec: { replicas: 0 } } },
    );
    await world.until('one empty slice', async () => JSON.stringify(await counts()) === '[0]');
  });

  it('are divided among zones where the service asks for it and the nodes tell enough', async () => {
    const zone = 'topology.kubernetes.io/zone';
    const label = async (name: string, value: string | null): Promise<void> => {
      const document = { metadata: { labels: { [zone]: value } } };
      await world.client.patch(nodes, { name }, { kind: 'merge', document });
    };
    const all = await world.list(nodes);
    for (const [i, { metadata }] of all.entries()) {
      const name = metadata.name ?? '';
      await label(name, `z${i % 2}`);
      const document = { status: { allocatable: { cpu: '4' } } };
      await world.client.patch(nodes, { name }, { kind: 'merge', document }, { subresource: 'status' });
    }
    await world.client.create(services, {
      metadata: { name: 'web', namespace, annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } },
      spec: { selector: labels, ports: [{ port: 80 }] },
    });
    await replicate(6);
    const hinted = async () => {
      const found = (await slicesOf('web')).flatMap((slice) => slice.endpoints ?? []);
      return found.flatMap(({ hints }) => hints?.forZones?.[0]?.name ?? []).toSorted();
    };
    await world.until('hints', async () => (await hinted()).length === 6);
    expect(new Set(await hinted())).toEqual(new Set(['z0', 'z1']));
    await label(all[0]?.metadata.name ?? '', null);
    await world.until('none', async () => (await hinted()).length === 0);
    await world.until('both events', async () => {
      const reasons = (await world.list(events)).map(({ reason }) => reason);
      return reasons.includes('TopologyAwareHintsEnabled') && reasons.includes('TopologyAwareHintsDisabled');
    });
  });

  it('go with the service', async () => {
    await create();
    await world.until('both', async () => (await slicesOf('web')).length === 1 && (await hasEndpoints('web')));
    await world.client.delete(services, { name: 'web', namespace });
    await world.until('neither', async () => (await slicesOf('web')).length === 0 && !(await hasEndpoints('web')));
  });

  it('are mirrored when somebody wrote them by hand, and go with them', async () => {
    await world.client.create(services, { metadata: { name: 'db', namespace }, spec: { ports: [{ port: 5432 }] } });
    await world.client.create(endpoints, {
      metadata: { name: 'db', namespace },
      subsets: [{ addresses: [{ ip: '10.9.0.1' }], ports: [{ port: 5432 }] }],
    });
    await world.until('a mirror', async () => (await slicesOf('db'))[0]?.endpoints?.[0]?.addresses[0] === '10.9.0.1');
    const [mirror] = await slicesOf('db');
    expect(mirror?.metadata.labels?.['endpointslice.kubernetes.io/managed-by']).toBe(
      'endpointslicemirroring-controller.k8s.io',
    );
    await world.client.delete(endpoints, { name: 'db', namespace });
    await world.until('none', async () => (await slicesOf('db')).length === 0);
  });

  const hasEndpoints = async (name: string) => (await world.list(endpoints)).some((e) => e.metadata.name === name);
});

describe('a replica set', () => {
  const quotas: Resource = {
    group: '',
    version: 'v1',
    plural: 'resourcequotas',
    kind: 'ResourceQuota',
    namespaced: true,
  };

  it('says that it cannot create pods, and that it can again', async () => {
    const quota = { metadata: { name: 'few', namespace }, spec: { hard: { pods: '1' } } };
    await world.client.create(quotas, quota);
    await world.clock.advance(100);
    await replicate(3);
    await world.until('the failure', async () => (await statusOf())?.conditions?.[0]?.reason === 'FailedCreate');
    expect((await world.list(events)).map((event) => event.reason)).toContain('FailedCreate');
    expect(await world.list(pods)).toHaveLength(1);
    await world.client.delete(quotas, { name: 'few', namespace });
    await world.until('all three', async () => (await statusOf())?.readyReplicas === 3, 90_000);
    expect((await statusOf())?.conditions ?? []).toEqual([]);
  });

  it('counts pods as available after minReadySeconds, to the second', async () => {
    await replicate(2, { minReadySeconds: 10 });
    await world.until('ready', async () => (await statusOf())?.readyReplicas === 2);
    await world.clock.advance(9_000);
    expect((await statusOf())?.availableReplicas ?? 0).toBe(0);
    await world.clock.advance(1_000);
    expect((await statusOf())?.availableReplicas).toBe(2);
  });
});

describe('a node that comes back in time', () => {
  it('keeps pods that tolerate its absence for a while', async () => {
    await replicate(2, {
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: 'main', image: 'web:1' }],
          tolerations: [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }],
        },
      },
    });
    await world.until('ready', async () => (await statusOf())?.readyReplicas === 2);
    world.runner.kill('node-1');
    await world.clock.advance(10_000);
    expect((await statusOf())?.readyReplicas).toBe(1);
    await world.runner.revive('node-1');
    await world.until('no taints', async () => {
      const { spec } = await world.client.get(nodes, { name: 'node-1' });
      return (spec?.taints ?? []).length === 0;
    });
    await world.clock.advance(120_000);
    expect((await world.list(pods)).filter((pod) => pod.metadata.deletionTimestamp)).toEqual([]);
    expect((await world.list(events)).map((event) => event.message)).toContainEqual(
      expect.stringContaining('Cancelling deletion of Pod default/web-'),
    );
  });
});

describe('a token Secret made by hand', () => {
  it('is filled, and goes with its account', async () => {
    await world.client.create(serviceAccounts, { metadata: { name: 'robot', namespace } });
    await world.client.create(secrets, {
      metadata: { name: 'robot-token', namespace, annotations: { 'kubernetes.io/service-account.name': 'robot' } },
      type: 'kubernetes.io/service-account-token',
    });
    const get = () => world.client.get(secrets, { name: 'robot-token', namespace });
    await world.until('a token', async () => (await get()).data?.token !== undefined);
    const { data, metadata } = await get();
    const text = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString();
    expect([text('namespace'), text('ca.crt'), text('token').split('.').length]).toEqual([namespace, 'the CA', 3]);
    expect(metadata.annotations?.['kubernetes.io/service-account.uid']).toMatch(/^[0-9a-f-]{36}$/);
    await world.client.delete(serviceAccounts, { name: 'robot', namespace });
    await world.until('it gone', async () => (await world.list(secrets)).length === 0);
  });
});
