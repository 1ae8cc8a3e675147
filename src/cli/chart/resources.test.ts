import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { configMaps, deployments, pods } from '../../client/resources.ts';
import { createResourceMapper, type ResourceMapper } from '../../delivery/apply/resource-mapper.ts';
import type { HttpsClient } from '../../client/https-client.ts';
import type { Release } from '../../delivery/charts/release/release.ts';
import { liveResources, resourceTables } from './resources.ts';

const manifest = `---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: gone}
---
apiVersion: example.com/v1
kind: Nobody
metadata: {name: knows}
`;
const release = { name: 'web', namespace: 'default', manifest } as Release;

let api: TestApiServer;
let context: { client: HttpsClient; mapper: ResourceMapper };
beforeEach(async () => {
  api = await startTestApiServer({ clock: createSimulatedClock() });
  context = { client: api.client as HttpsClient, mapper: createResourceMapper(api.client) };
  const spec = { containers: [{ name: 'web', image: 'web:1' }] };
  const labels = { app: 'web' };
  const namespace = 'default';
  await api.client.create(configMaps, { metadata: { name: 'settings', namespace }, data: { a: '1' } });
  await api.client.create(deployments, {
    metadata: { name: 'web', namespace },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  await api.client.create(pods, { metadata: { name: 'web-1', namespace, labels }, spec });
  await api.client.create(pods, { metadata: { name: 'other', namespace }, spec });
});
afterEach(() => api.close());

it('are those of the manifest that are there, and their pods', async () => {
  const found = await liveResources(context, release);
  expect(
    Object.entries(found).map(([heading, objects]) => [
      heading,
      objects.map(({ kind, metadata }) => [kind, metadata.name]),
    ]),
  ).toEqual([
    ['v1/ConfigMap', [['ConfigMap', 'settings']]],
    ['v1/Deployment', [['Deployment', 'web']]],
    ['v1/Pod(related)', [['Pod', 'web-1']]],
  ]);
});

it('are shown as tables', async () => {
  expect((await resourceTables(context, release)).replace(/ +/g, ' ')).toMatch(
    /^==> v1\/ConfigMap\nNAME DATA AGE\nsettings 1 \S+\n\n==> v1\/Deployment\nNAME READY [^\n]*\nweb [^\n]*\n\n==> v1\/Pod\(related\)\nNAME READY [^\n]*\nweb-1 [^\n]*\n\n$/,
  );
});
