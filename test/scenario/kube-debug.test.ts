import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pod } from '../../src/api/types/core-v1.ts';
import { serverOf } from '../../src/cli/kube/proxy.ts';
import { pods } from '../../src/client/resources.ts';
import { createHttpsClient } from '../../src/client/https-client.ts';
import { loadConnection } from '../../src/client/kubeconfig-file.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { type Cluster, createCluster } from '../../src/library.ts';
import { installedKubectls } from '../support/kubectl.ts';
import { createSideBySide, type SideBySide } from '../support/side-by-side.ts';

/** The same command line by kubectl and by timonel makes the same containers. */
const [path] = installedKubectls();
let cluster: Cluster;
let side: SideBySide;
const namespace = 'default';

const plain: Pod = {
  metadata: { name: 'web', namespace, labels: { app: 'web' }, annotations: { note: 'x' } },
  spec: {
    initContainers: [{ name: 'first', image: 'busybox' }],
    containers: [
      { name: 'main', image: 'nginx:1', livenessProbe: { tcpSocket: { port: 80 }, initialDelaySeconds: 1000 } },
      { name: 'side', image: 'redis:1' },
    ],
  },
};

beforeAll(async () => {
  cluster = await createCluster({ nodes: 2, seed: 1 });
  if (path) side = createSideBySide(path, await cluster.kubeconfig());
  await cluster.client.create(pods, plain);
}, 120_000);
afterAll(async () => {
  side?.close();
  await cluster.stop();
});

/** Suffixes are anybody's. */
const masked = (text: string): string => text.replaceAll(/debugger(-node-\d+)?-[a-z0-9]{5}\b/g, 'debugger$1-SUFFIX');

/** What there is now of pods, and not before the line ran; names are the same for both. */
async function madeBy(run: () => Promise<unknown>): Promise<unknown> {
  const { items: before } = await cluster.client.list(pods, { namespace });
  await run();
  const { items } = await cluster.client.list(pods, { namespace });
  const isNew = ({ metadata }: Pod): boolean => !before.some((pod) => pod.metadata.uid === metadata.uid);
  const made = items.filter(isNew);
  const inside = items.find(({ metadata }) => metadata.name === 'web')?.spec?.ephemeralContainers ?? [];
  const known = before.find(({ metadata }) => metadata.name === 'web')?.spec?.ephemeralContainers ?? [];
  for (const { metadata } of made) {
    await cluster.client.delete(pods, { name: metadata.name ?? '', namespace }, { gracePeriodSeconds: 0 });
  }
  const { labels, annotations } = made[0]?.metadata ?? {};
  const { nodeName: _, volumes: __, ...spec } = made[0]?.spec ?? { containers: [] };
  const withoutTokens = (text: string): string =>
    text.replaceAll(/"name":"kube-api-access-[a-z0-9]+"/g, '"name":"token"');
  return JSON.parse(
    masked(
      withoutTokens(
        JSON.stringify({
          ...{ labels, annotations, spec },
          inside: inside.slice(known.length).map(({ name: ___, ...container }) => container),
        }),
      ),
    ),
  );
}

const profiles = ['legacy', 'general', 'baseline', 'netadmin', 'restricted', 'sysadmin'];

describe.runIf(path)('timonel debug', () => {
  it.each([
    ...profiles.flatMap((profile) => [
      `debug web --image=busybox:1 --profile=${profile}`,
      `debug web --image=busybox:1 --profile=${profile} --copy-to=copy -c tool`,
      `debug node/node-1 --image=busybox:1 --profile=${profile}`,
    ]),
    'debug web --image=busybox:1 --profile=general --target=main --env=A=1 -- sh -c x',
    'debug web --image=busybox:1 --profile=general --arguments-only -q -- sh -c x',
    'debug web --copy-to=copy -c main --profile=restricted -- sh',
    'debug web --copy-to=copy --set-image=*=busybox:2 --profile=general',
    'debug web --copy-to=copy --image=busybox:3 -c main --set-image=side=a:1 --profile=general --same-node --share-processes=false',
    'debug web --copy-to=copy --image=busybox:3 --profile=baseline --keep-labels --keep-annotations --keep-liveness --keep-init-containers=false',
    'debug web --image=busybox:1 --profile=general --custom={custom.json}',
  ])('%s', async (line) => {
    side.file('custom.json', '{"env":[{"name":"Z","value":"1"}],"securityContext":{"runAsUser":5}}');
    let theirs = { stdout: '', stderr: '' };
    const made = await madeBy(async () => (theirs = await side.theirs(line)));
    let ours = theirs;
    expect(await madeBy(async () => (ours = await side.ours(line)))).toEqual(made);
    const said = ({ stdout, stderr }: typeof theirs): string[] => [masked(stdout), masked(stderr)];
    expect(said(ours)).toEqual(said(theirs));
  });

  it.each([
    'debug web',
    'debug --image=busybox',
    'debug web --image=busybox --set-image=a=b',
    'debug web --image=busybox --replace',
    'debug web --image=busybox --same-node',
    'debug web --copy-to=x',
    'debug web --copy-to=x -- sh',
    'debug web --copy-to=x --image=busybox --target=main',
    'debug web --image=busybox -t',
    'debug web --image=busybox --profile=none',
    'debug web --image=busybox --image-pull-policy=No',
    'debug web --image=bus:box:x',
    'debug web --copy-to=x --set-image=main=a:b:c',
    'debug none --image=busybox --profile=general -c tool',
    'debug service/kubernetes --image=busybox --profile=general',
    'debug web --image=busybox --profile=general -c main',
    'debug web --image=busybox --profile=general -c tool --target=none -q',
    'debug web --image=busybox --custom=/none',
  ])('%s says what kubectl says', async (line) => {
    const { theirs, ours } = await side.both(line);
    expect(ours).toEqual(theirs);
  });
});

describe('timonel proxy', () => {
  const flags = {
    ...{ port: '0', address: '127.0.0.1', apiPrefix: '/', wwwPrefix: '/static/' },
    ...{
      acceptHosts: String.raw`^127\.0\.0\.1$`,
      acceptPaths: '^.*',
      rejectPaths: '^/api/.*/pods/.*/exec',
      rejectMethods: 'PUT',
    },
  };

  async function withProxy(
    more: Partial<typeof flags & { www: string }>,
    work: (url: string) => Promise<void>,
  ): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), 'timonel-proxy-'));
    const file = join(directory, 'kubeconfig');
    writeFileSync(file, await cluster.kubeconfig(), { mode: 0o600 });
    const { connection } = await loadConnection({ environment: {}, file });
    rmSync(directory, { recursive: true });
    const client = createHttpsClient(connection, { clock: systemClock });
    const server = serverOf(client, { ...flags, ...more });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await work(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
    } finally {
      server.close();
      server.closeAllConnections();
      client.close();
    }
  }

  it('asks the server with the credentials of the kubeconfig, for all methods', () =>
    withProxy({}, async (url) => {
      const listed = (await (await fetch(`${url}/api/v1/namespaces/default/pods`)).json()) as { kind: string };
      expect(listed.kind).toBe('PodList');
      const object = { metadata: { name: 'made' }, data: { a: '1' } };
      const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', ...object });
      const headers = { 'content-type': 'application/json' };
      const maps = `${url}/api/v1/namespaces/default/configmaps`;
      expect(await (await fetch(maps, { method: 'POST', headers, body })).json()).toMatchObject(object);
      expect((await fetch(`${maps}/made`, { method: 'DELETE' })).status).toBe(200);
      expect((await fetch(`${maps}/made`)).status).toBe(404);
    }));

  it('answers neither other hosts nor what is rejected', () =>
    withProxy({}, async (url) => {
      const { port } = new URL(url);
      const statuses = await Promise.all([
        fetch(`http://localhost:${port}/version`).then(({ status }) => status),
        fetch(`${url}/api/v1/namespaces/default/pods/web/exec?command=sh`).then(({ status }) => status),
        fetch(`${url}/api/v1/namespaces/default`, { method: 'PUT', body: '{}' }).then(({ status }) => status),
      ]);
      expect(statuses).toEqual([403, 403, 403]);
    }));

  it('serves below a prefix, and files beside it', () =>
    withProxy({ apiPrefix: '/api-here', www: new URL('.', import.meta.url).pathname }, async (url) => {
      expect((await fetch(`${url}/api-here/version`)).status).toBe(200);
      expect((await fetch(`${url}/version`)).status).toBe(404);
      expect(await (await fetch(`${url}/static/kube-debug.test.ts`)).text()).toContain('serves below a prefix');
      expect((await fetch(`${url}/static/..%2f..%2fpackage.json`)).status).toBe(403);
    }));
});
