import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpsClient } from '../../src/client/https-client.ts';
import { loadConnection } from '../../src/client/kubeconfig-file.ts';
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

  it('runs pods that end to their end', async () => {
    const clock = createSimulatedClock();
    cluster = await createCluster({ nodes: 2, clock, seed: 1 });
    const annotations = { 'simulated.timonel.dev/exit-after-ms': '60000' };
    const spec = { containers: [{ name: 'sum', image: 'sum:1' }], restartPolicy: 'Never' };
    const template = { metadata: { annotations }, spec };
    const name = { name: 'sum', namespace: 'default' };
    await cluster.client.create(resources.jobs, { metadata: name, spec: { template, completions: 4, parallelism: 2 } });
    await clock.advance(125_000);
    const { status } = await cluster.client.get(resources.jobs, name);
    expect(status?.conditions?.map(({ type }) => type)).toEqual(['SuccessCriteriaMet', 'Complete']);
    expect(status?.succeeded).toBe(4);
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

  it('answers a client that reads the kubeconfig', async () => {
    cluster = await createCluster();
    const directory = mkdtempSync(join(tmpdir(), 'timonel-library-'));
    try {
      const file = join(directory, 'config');
      writeFileSync(file, await cluster.kubeconfig());
      const { connection } = await loadConnection({ file, environment: {} });
      const client = createHttpsClient(connection, { clock: systemClock });
      const { items } = await client.list(resources.nodes);
      expect(items.map(({ metadata }) => metadata.name)).toEqual(['node-1']);
      client.close();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('applies manifests again and again, and waits for what becomes of them', async () => {
    cluster = await createCluster();
    const manifest = (replicas: number): string => {
      const metadata = { name: 'web', namespace: 'shop' };
      const spec = { ...deployment.spec, replicas };
      const web = JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec });
      return `apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n---\n${web}\n`;
    };
    for (const replicas of [2, 4]) {
      await cluster.apply(manifest(replicas));
      const name = { name: 'web', namespace: 'shop' };
      const found = await cluster.waitFor(
        resources.deployments,
        name,
        (d) => d?.status?.availableReplicas === replicas,
      );
      expect(found?.spec?.replicas).toBe(replicas);
    }
    await expect(cluster.apply('kind: Nothing')).rejects.toThrow('apiVersion of this Nothing is not set');
    const never = cluster.waitFor(resources.pods, { name: 'none', namespace: 'shop' }, (pod) => pod !== undefined, 20);
    await expect(never).rejects.toThrow('not ready after 0.02 s: Pod shop/none: it is undefined');
  });

  it('starts within 100 ms once its code is warm, and many stand side by side', async () => {
    cluster = await createCluster();
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = systemClock.monotonic();
      const next = await createCluster();
      times.push(systemClock.monotonic() - start);
      await next.stop();
    }
    expect(Math.min(...times)).toBeLessThan(100);
    const others = await Promise.all([1, 2, 3].map(() => createCluster({ nodes: 2 })));
    await others[0]?.client.create(resources.deployments, deployment);
    const counts = others.map(async (other) => (await other.client.list(resources.deployments)).items.length);
    expect(await Promise.all(counts)).toEqual([1, 0, 0]);
    await Promise.all(others.map((other) => other.stop()));
  });

  it('leaves no timer and no handle when it stops', async () => {
    const clock = createSimulatedClock();
    const before = process.getActiveResourcesInfo().length;
    cluster = await createCluster({ nodes: 3, clock, seed: 3 });
    await cluster.kubeconfig();
    await cluster.client.create(resources.deployments, deployment);
    await clock.advance(5_000);
    await cluster.stop();
    await clock.settle();
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before);
    expect(clock.pendingTimers).toBe(0);
  });
});
