import { afterEach, describe, expect, it } from 'vitest';
import { createCluster, createSimulatedClock, resources, systemClock, type Cluster } from '../../src/library.ts';

const labels = { app: 'web' };
const deployment = {
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 3,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
};

let cluster: Cluster;
afterEach(() => cluster.stop());

async function runningPods(): Promise<(string | undefined)[]> {
  const { items } = await cluster.client.list(resources.pods, { namespace: 'default', labelSelector: 'app=web' });
  const running = items.filter(({ status, metadata }) => status?.phase === 'Running' && !metadata.deletionTimestamp);
  return running.map(({ spec }) => spec?.nodeName);
}

describe('the library', () => {
  it('runs a deployment in this process, in real time', async () => {
    cluster = await createCluster({ nodes: 2 });
    const abort = new AbortController();
    await cluster.client.create(resources.deployments, deployment);
    for await (const event of cluster.client.watch(resources.deployments, { signal: abort.signal })) {
      if (event.type !== 'ERROR' && event.object.status?.availableReplicas === 3) break;
    }
    abort.abort();
    expect(await runningPods()).toHaveLength(3);
  });

  it('moves the pods of a node that falls silent, in simulated time', async () => {
    const clock = createSimulatedClock();
    cluster = await createCluster({ nodes: 3, clock, seed: 1 });
    await cluster.client.create(resources.deployments, deployment);
    await clock.advance(5_000);
    expect(new Set(await runningPods())).toEqual(new Set(['node-1', 'node-2', 'node-3']));

    await cluster.killNode('node-2');
    await clock.advance(30_000);
    const places = await runningPods();
    expect(places).toHaveLength(3);
    expect(places).not.toContain('node-2');
  });

  it('does the same again from the same seed', async () => {
    const names: string[][] = [];
    for (let run = 0; run < 2; run++) {
      const clock = createSimulatedClock();
      cluster = await createCluster({ nodes: 2, clock, seed: 7 });
      await cluster.client.create(resources.deployments, deployment);
      await clock.advance(5_000);
      const { items } = await cluster.client.list(resources.pods, { namespace: 'default' });
      names.push(items.map(({ metadata, spec }) => `${metadata.name} on ${spec?.nodeName}`));
      if (run === 0) await cluster.stop();
    }
    expect(names[0]).toEqual(names[1]);
  });

  it('serves other clients over HTTPS', async () => {
    cluster = await createCluster({ nodes: 1, clock: systemClock });
    expect(await cluster.kubeconfig()).toMatch(/server: https:\/\/127\.0\.0\.1:\d+/);
  });
});
