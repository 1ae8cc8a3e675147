import { afterEach, beforeEach, expect, it } from 'vitest';
import { deployments, endpointSlices, pods, replicaSets, services } from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld({ watchDelayMs: 20 });
});
afterEach(() => world.stop());

const labels = { app: 'web' };
const name = { name: 'web', namespace: 'default' };

it('creates nothing twice though every cache is behind', async () => {
  const seen = new Set<string>();
  const look = async (): Promise<number> => {
    const all = await world.list(pods);
    for (const pod of all) seen.add(pod.metadata.uid ?? '');
    return all.filter((pod) => !pod.metadata.deletionTimestamp).length;
  };
  await world.client.create(services, {
    metadata: name,
    spec: { selector: labels, ports: [{ port: 80, targetPort: 5000 }] },
  });
  // This event comes when the slice is made and its own event is still on the way.
  await world.client.patch(services, name, { kind: 'merge', document: { metadata: { labels } } });
  await world.clock.advance(100);
  expect(await world.list(endpointSlices)).toHaveLength(1);
  await world.client.create(deployments, {
    metadata: name,
    spec: {
      replicas: 8,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'web:1' }] } },
    },
  });
  const isThere = async (replicas: number): Promise<boolean> => {
    await look();
    const { status } = await world.client.get(deployments, name);
    return status?.availableReplicas === replicas && status.replicas === replicas;
  };
  await world.until('eight', () => isThere(8), 60_000);
  expect([seen.size, (await world.list(replicaSets)).length]).toEqual([8, 1]);
  await world.client.patch(deployments, name, { kind: 'merge', document: { spec: { replicas: 3 } } });
  await world.until('three', () => isThere(3), 60_000);
  await world.clock.advance(2_000);
  expect([seen.size, await look()]).toEqual([8, 3]);
  expect(await world.list(endpointSlices)).toHaveLength(1);
});
