import { expect, it } from 'vitest';
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/types/flowcontrol-v1.ts';
import { silentLogger } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { createSigningKey } from '../../cluster/certificates.ts';
import { createControlPlane } from '../../cluster/control-plane.ts';
import { localControllerSettings } from '../../controllers/settings.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { unreachableConnector } from '../streaming/unreachable-connector.ts';
import type { ApiRequest, RequestContext } from '../handler.ts';

const admin = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };
const flowSchemas = {
  ...{
    group: 'flowcontrol.apiserver.k8s.io',
    version: 'v1',
    plural: 'flowschemas',
    kind: 'FlowSchema',
    namespaced: false,
  },
};
const levels = { ...flowSchemas, plural: 'prioritylevelconfigurations', kind: 'PriorityLevelConfiguration' };

async function server() {
  const plane = await createControlPlane({
    ...{ store: createMemoryStore(), clock: createSimulatedClock(), random: seededRandom(1), log: silentLogger },
    ...{ serviceAccountKey: createSigningKey(), certificateAuthority: '', serviceCidr: '10.96.0.0/16' },
    ...{ advertise: { address: '192.0.2.1', port: 6443 }, connector: unreachableConnector },
    ...{ controllers: localControllerSettings, evictionAfterSeconds: 2 },
  });
  const ask = (path: string, commonName: string, organizations: string[] = []) => {
    const request: ApiRequest = {
      ...{ method: 'GET', path, query: new URLSearchParams(), headers: {}, body: { kind: 'none' } },
      signal: new AbortController().signal,
    };
    const context: RequestContext = { clientCertificate: { commonName, organizations, fingerprint: commonName } };
    return plane.api.handler(request, context);
  };
  return { plane, ask, client: plane.api.clientFor(admin) };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

const level = (limitResponse: object, shares = 1): PriorityLevelConfiguration => ({
  metadata: { name: 'narrow' },
  spec: { type: 'Limited', limited: { nominalConcurrencyShares: shares, limitResponse } as never },
});
const schema: FlowSchema = {
  metadata: { name: 'noxu' },
  spec: {
    ...{ priorityLevelConfiguration: { name: 'narrow' }, matchingPrecedence: 1000 },
    distinguisherMethod: { type: 'ByUser' },
    rules: [
      {
        subjects: [{ kind: 'User', user: { name: 'noxu' } }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      },
    ],
  },
};

it('tells each request its flow schema and priority level, those of others by default', async () => {
  const { plane, ask, client } = await server();
  const names = async (answer: { headers: object }) => {
    const { 'x-kubernetes-pf-flowschema-uid': of, 'x-kubernetes-pf-prioritylevel-uid': at } = answer.headers as Record<
      string,
      string
    >;
    const [schemas, configurations] = await Promise.all([client.list(flowSchemas), client.list(levels)]);
    const nameOf = (items: { metadata: { uid?: string; name?: string } }[], uid: string | undefined) =>
      items.find(({ metadata }) => metadata.uid === uid)?.metadata.name;
    return [nameOf(schemas.items, of), nameOf(configurations.items, at)];
  };
  await client.create(levels, level({ type: 'Reject' }));
  await client.create(flowSchemas, schema);
  await settled();
  expect(await names(await ask('/version', 'noxu'))).toEqual(['noxu', 'narrow']);
  expect(await names(await ask('/version', 'foo'))).toEqual(['global-default', 'global-default']);
  expect(await names(await ask('/healthz', 'foo'))).toEqual(['probes', 'exempt']);
  expect(await names(await ask('/version', 'root', ['system:masters']))).toEqual(['exempt', 'exempt']);
  const node = (path: string) => ask(path, 'system:node:n1', ['system:nodes']);
  expect(await names(await node('/api/v1/nodes/n1'))).toEqual(['system-node-high', 'node-high']);
  expect(await names(await node('/api/v1/pods'))).toEqual(['system-nodes', 'system']);
  expect(await names(await ask('/apis/apps/v1/deployments', 'system:kube-scheduler'))).toEqual([
    'kube-scheduler',
    'workload-high',
  ]);
  expect(
    await names(await ask('/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x', 'system:kube-scheduler')),
  ).toEqual(['system-leader-election', 'leader-election']);
  await plane.stop();
});

it('says in its status whether the level of a schema is there', async () => {
  const { plane, client } = await server();
  const dangling = async () => {
    await settled();
    const { status } = await client.get<FlowSchema>(flowSchemas, { name: 'noxu' });
    return status?.conditions?.map(({ type, status: value, reason }) => [type, value, reason]);
  };
  await client.create(flowSchemas, schema);
  expect(await dangling()).toEqual([['Dangling', 'True', 'NotFound']]);
  await client.create(levels, level({ type: 'Reject' }));
  expect(await dangling()).toEqual([['Dangling', 'False', 'Found']]);
  await client.delete(levels, { name: 'narrow' });
  expect(await dangling()).toEqual([['Dangling', 'True', 'NotFound']]);
  await plane.stop();
});

it('refuses with 429 what a level has no seats for, and serves it again when they are free', async () => {
  const { plane, ask, client } = await server();
  await client.create(levels, level({ type: 'Reject' }, 0));
  await client.create(flowSchemas, schema);
  await settled();
  // Without seats of its own it has those that others lend.
  expect((await ask('/version', 'noxu')).status).toBe(200);
  const document = { spec: { limited: { borrowingLimitPercent: 0 } } };
  await client.patch(levels, { name: 'narrow' }, { kind: 'merge', document });
  await settled();
  const refused = await ask('/version', 'noxu');
  expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
  expect((await ask('/version', 'foo')).status).toBe(200);
  await client.delete(flowSchemas, { name: 'noxu' });
  await settled();
  expect((await ask('/version', 'noxu')).status).toBe(200);
  await plane.stop();
});

it('serves everybody still when all is deleted', async () => {
  const { plane, ask, client } = await server();
  for (const resource of [flowSchemas, levels]) {
    for (const { metadata } of (await client.list(resource)).items)
      await client.delete(resource, { name: metadata.name ?? '' });
  }
  await settled();
  expect((await ask('/version', 'foo')).status).toBe(200);
  expect((await ask('/api/v1/nodes', 'root', ['system:masters'])).status).toBe(200);
  await plane.stop();
});
