import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SimulatedClock } from '../base/simulated-clock.ts';
import type { Client } from '../client/client.ts';
import { events, pods } from '../client/resources.ts';
import type { Container, Pod, PodSpec } from '../api/types/core-v1.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { startAgentWorld, testAgent } from '../../test/support/node-agent.ts';
import type { Agent } from './agent.ts';
import type { MemorySystem } from './memory-system.ts';
import type { SimulatedRuntime } from './simulated.ts';

let clock: SimulatedClock;
let api: TestApiServer;
let client: Client;
let runtime: SimulatedRuntime;
let system: MemorySystem;
let agent: Agent;

const newAgent = (): Agent => testAgent({ client, runtime, clock, system });

beforeEach(async () => {
  ({ clock, api, client, runtime, system, agent } = await startAgentWorld());
});

afterEach(async () => {
  await agent.stop();
  await api.close();
});

const app: Container = { name: 'app', image: 'app:1' };

async function create(name: string, spec: Partial<PodSpec>): Promise<void> {
  const full = { nodeName: 'node-1', containers: [app], automountServiceAccountToken: false, ...spec };
  await client.create(pods, { metadata: { name, namespace: 'default' }, spec: full });
  await clock.settle();
}

const get = (name: string): Promise<Pod> => client.get(pods, { namespace: 'default', name });

describe('pods that are resized', () => {
  const resources = (cpu: string, memory: string): Container['resources'] => {
    return { requests: { cpu, memory }, limits: { cpu, memory } };
  };
  const spec = (cpu: string, memory: string, more: Partial<Container> = {}): Partial<PodSpec> => {
    return { containers: [{ ...app, resources: resources(cpu, memory), ...more }] };
  };
  const resize = async (name: string, cpu: string, memory: string): Promise<void> => {
    const document = { spec: { containers: [{ name: 'app', resources: resources(cpu, memory) }] } };
    await client.patch(
      pods,
      { namespace: 'default', name },
      { kind: 'strategic', document },
      { subresource: 'resize' },
    );
    await clock.settle();
  };
  const conditionsOf = async (name: string): Promise<object[]> => {
    const { conditions = [] } = (await get(name)).status ?? {};
    return conditions.filter(({ type }) => type.startsWith('PodResize'));
  };

  it('get more as they run, and the API hears of it', async () => {
    const update = vi.spyOn(runtime, 'updateContainerResources');
    const groups = vi.spyOn(system.cgroups, 'ensure');
    await create('web', spec('500m', '128Mi'));
    const [before] = (await get('web')).status?.containerStatuses ?? [];
    await resize('web', '1', '256Mi');
    const [after] = (await get('web')).status?.containerStatuses ?? [];
    expect(after).toMatchObject({
      allocatedResources: { cpu: '1', memory: '256Mi' },
      resources: resources('1', '256Mi'),
    });
    expect(after).toMatchObject({ containerID: before?.containerID, restartCount: 0 });
    expect(update.mock.calls.map(([, given]) => given)).toEqual([
      { cpuShares: 1024, cpuQuota: 100_000, cpuPeriod: 100_000, memoryLimitBytes: 256 * 2 ** 20 },
    ]);
    expect(groups.mock.lastCall?.[1]).toMatchObject({ cpuQuota: 100_000, memoryLimitBytes: 256 * 2 ** 20 });
    expect(await conditionsOf('web')).toEqual([]);
    const { items } = await client.list(events, { namespace: 'default' });
    const told = items.map(({ reason, message }) => `${reason}: ${message}`);
    expect(told.filter((text) => text.startsWith('Resize'))).toEqual([
      expect.stringContaining('ResizeStarted: Pod resize started: {"containers":[{"name":"app"') as string,
      expect.stringContaining('ResizeCompleted: Pod resize completed: ') as string,
    ]);
  });

  it('are made anew where their policy says so', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    await create('web', { ...spec('500m', '128Mi', { resizePolicy }), restartPolicy: 'OnFailure' });
    await resize('web', '1', '128Mi');
    expect((await get('web')).status?.containerStatuses?.[0]?.restartCount).toBe(0);
    await resize('web', '1', '256Mi');
    await clock.advance(31_000);
    const [status] = (await get('web')).status?.containerStatuses ?? [];
    expect(status).toMatchObject({ restartCount: 1, resources: resources('1', '256Mi'), state: { running: {} } });
    expect(await conditionsOf('web')).toEqual([]);
  });

  it('wait for room, and are told when there never will be', async () => {
    await create('big', spec('1500m', '128Mi'));
    await create('web', spec('500m', '128Mi'));
    await resize('web', '1', '128Mi');
    expect(await conditionsOf('web')).toMatchObject([
      {
        ...{ type: 'PodResizePending', status: 'True', reason: 'Deferred' },
        message: "Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000",
      },
    ]);
    expect((await get('web')).status?.containerStatuses?.[0]?.allocatedResources).toMatchObject({ cpu: '500m' });
    await resize('web', '3', '128Mi');
    expect(await conditionsOf('web')).toMatchObject([
      { reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000" },
    ]);
    await resize('web', '1', '128Mi');
    await resize('big', '1', '128Mi');
    expect(await conditionsOf('web')).toEqual([]);
    expect((await get('web')).status?.containerStatuses?.[0]?.resources).toEqual(resources('1', '128Mi'));
  });

  it('keep what they have when the kernel refuses, and get it when asked for something else', async () => {
    await create('web', spec('500m', '128Mi'));
    const stats = vi.spyOn(runtime, 'containerStats').mockImplementation(async () => {
      const [{ id } = { id: '' }] = await runtime.listContainers();
      const usage = { containerId: id, podUid: '', name: 'app', timestampMs: 0, cpuUsageNanoseconds: 0 };
      return [{ ...usage, writableLayerBytes: 0, memoryWorkingSetBytes: 2 ** 20 }];
    });
    await resize('web', '500m', '10Ki');
    expect(await conditionsOf('web')).toMatchObject([
      {
        ...{ type: 'PodResizeInProgress', reason: 'Error' },
        message: 'attempting to set container "app" memory limit (10240) below current usage (1048576)',
      },
    ]);
    expect((await get('web')).status?.containerStatuses?.[0]).toMatchObject({
      ...{ allocatedResources: { memory: '10Ki' }, resources: resources('500m', '128Mi') },
    });
    expect(stats).toHaveBeenCalled();
    await resize('web', '500m', '64Mi');
    await clock.advance(2000);
    expect(await conditionsOf('web')).toEqual([]);
    expect((await get('web')).status?.containerStatuses?.[0]?.resources).toEqual(resources('500m', '64Mi'));
  });

  it('go on where another agent left off', async () => {
    await create('big', spec('1500m', '128Mi'));
    await create('web', spec('500m', '128Mi'));
    await resize('web', '1', '128Mi');
    await agent.stop();
    agent = newAgent();
    await agent.start();
    await clock.settle();
    expect(await conditionsOf('web')).toMatchObject([{ reason: 'Deferred' }]);
    expect((await get('web')).status?.containerStatuses?.[0]?.resources).toEqual(resources('500m', '128Mi'));
    await client.delete(pods, { namespace: 'default', name: 'big' }, { gracePeriodSeconds: 1 });
    await clock.advance(2000);
    expect((await get('web')).status?.containerStatuses?.[0]).toMatchObject({
      ...{ restartCount: 0, resources: resources('1', '128Mi') },
    });
  });
});
