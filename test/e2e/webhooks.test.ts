import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { patchResponse, startWebhookServer, verdict } from '../support/webhook-server.ts';
import type { Review, WebhookServer } from '../support/webhook-server.ts';
import { eventually, remains, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-e2e-'));
const cluster = new TestCluster('webhooks', join(scratch, 'kubeconfig'));
const apply = (manifest: object) => cluster.kubectlWith(JSON.stringify(manifest), 'apply', '-f', '-');
let hook: WebhookServer;

/** Pods get a label and a container more; nobody attaches to one. */
function answer(review: Review): object {
  const { operation } = review.request;
  if (operation === 'CONNECT') return { allowed: false, status: { message: 'attaching is not allowed here' } };
  const container = { name: 'added', image: 'busybox', imagePullPolicy: 'IfNotPresent', command: ['sleep', '1000'] };
  return patchResponse([
    { op: 'add', path: '/metadata/labels/hooked', value: 'yes' },
    { op: 'add', path: '/spec/containers/-', value: container },
  ]);
}

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '1', '--no-ingress');
  await cluster.timonel('image', 'base', '--busybox');
  // Where the API server itself is reached, which is an address of the host.
  const own = await cluster.kubectl('get', 'endpoints', 'kubernetes', '-o', 'jsonpath={.subsets[0].addresses[0].ip}');
  hook = await startWebhookServer((review) => verdict(review, answer(review)), own);
  await serveHook(own);
}, 120_000);

afterAll(async () => {
  cluster.endAll();
  await hook.close();
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true });
  expect(await remains('webhooks')).toEqual([]);
}, 60_000);

/** A service without a selector, whose endpoint is the webhook outside. */
async function serveHook(address: string): Promise<void> {
  await cluster.kubectl('create', 'namespace', 'hooks');
  const labels = { 'kubernetes.io/service-name': 'hook' };
  await apply({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'hook', namespace: 'hooks' } },
    spec: { ports: [{ port: 443, targetPort: hook.port }] },
  });
  await apply({
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    metadata: { name: 'hook-1', namespace: 'hooks', labels },
    ...{ addressType: 'IPv4', endpoints: [{ addresses: [address] }], ports: [{ name: '', port: hook.port }] },
  });
}

function configuration(kind: string, operations: string[], resources: string[]): object {
  const service = { namespace: 'hooks', name: 'hook', path: '/review' };
  const webhook = {
    name: 'hook.example.com',
    clientConfig: { service, caBundle: hook.caBundle },
    rules: [{ operations, apiGroups: [''], apiVersions: ['v1'], resources }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  return { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name: 'hook' }, webhooks: [webhook] };
}

it('changes what pods run, and refuses kubectl attach, through a service', async () => {
  await apply(configuration('MutatingWebhookConfiguration', ['CREATE'], ['pods']));
  await apply(configuration('ValidatingWebhookConfiguration', ['CONNECT'], ['pods/attach']));
  const dryRun = ['run', 'try', '--image=busybox', '--dry-run=server', '-o', 'jsonpath={.metadata.labels.hooked}'];
  await eventually(async () => (await cluster.kubectl(...dryRun)) === 'yes', 'the webhook is asked');
  const containers = [{ name: 'main', image: 'busybox', imagePullPolicy: 'IfNotPresent', command: ['sleep', '1000'] }];
  const template = { metadata: { labels: { app: 'web' } }, spec: { terminationGracePeriodSeconds: 0, containers } };
  await apply({
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
    spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template },
  });
  await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
  expect(await cluster.kubectl('get', 'pods', '-l', 'hooked=yes', '--no-headers')).toMatch(/^web-\S+\s+2\/2\s+Running/);
  const attached = await cluster.tryKubectl('attach', 'deployment/web', '-c', 'main');
  expect(attached.stderr).toContain('attaching is not allowed here');
}, 90_000);
