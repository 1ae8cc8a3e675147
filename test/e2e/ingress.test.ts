import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Secret } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { Ingress } from '../../src/api/types/networking-v1.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { createHttpsClient } from '../../src/client/https-client.ts';
import { loadConnection } from '../../src/client/kubeconfig-file.ts';
import { endpointSlices, ingresses, secrets } from '../../src/client/resources.ts';
import { call } from '../support/http-call.ts';
import { wrkOn } from '../support/wrk.ts';
import { path } from '../support/ingress-objects.ts';
import { certificateFor, freePort } from '../support/ingress-proxy.ts';
import { eventually, remains, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-e2e-ingress-'));
const kubeconfig = join(scratch, 'kubeconfig');
const cluster = new TestCluster('e2eing', kubeconfig);
let httpPort = 0;
let httpsPort = 0;
let podAddresses: string[] = [];

const namespace = 'default';
const get = (host: string, url = '/', options: Parameters<typeof call>[2] = {}) =>
  call(httpPort, url, { host, ...options });

/** Two pods that say their names, a service for both, and one whose endpoints the test writes. */
function objects(): unknown[] {
  const script =
    'mkdir /www && hostname > /www/index.html && mkdir /www/new && cp /www/index.html /www/new && httpd -f -p 8080 -h /www';
  const container = { name: 'c', image: 'bb', imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', script] };
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ ...container, readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } }],
    },
  };
  const spec = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template };
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  return [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports } },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'own' }, spec: { ports } },
  ];
}

function slice(addresses: readonly string[]): EndpointSlice {
  return {
    metadata: { namespace, name: 'own-1', labels: { 'kubernetes.io/service-name': 'own' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
}

function ingress(name: string, host: string, service = 'web', tls?: string): Ingress {
  const rules = [{ host, http: { paths: [path('/', service)] } }];
  const spec = { ingressClassName: 'timonel', rules, ...(tls && { tls: [{ hosts: [host], secretName: tls }] }) };
  return { metadata: { namespace, name, annotations: { 'nginx.ingress.kubernetes.io/ssl-redirect': 'false' } }, spec };
}

function secretFor(name: string, host: string): Secret {
  const { certificate, key } = certificateFor(host);
  const data = { 'tls.crt': base64(certificate), 'tls.key': base64(key) };
  return { metadata: { namespace, name }, type: 'kubernetes.io/tls', data };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function withClient<T>(work: (client: ReturnType<typeof createHttpsClient>) => Promise<T>): Promise<T> {
  const { connection } = await loadConnection({ environment: { KUBECONFIG: kubeconfig } });
  const client = createHttpsClient(connection, { clock: systemClock });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

async function apply(...items: unknown[]): Promise<void> {
  await cluster.kubectlWith(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'apply', '-f', '-');
}

const isServed = (host: string, url = '/'): Promise<unknown> =>
  eventually(async () => (await get(host, url).catch(() => undefined))?.status === 200, `${host}${url}`);

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  [httpPort, httpsPort] = [await freePort(), await freePort()];
  const ports = ['--ingress-http-port', String(httpPort), '--ingress-https-port', String(httpsPort)];
  await cluster.timonel('up', '--nodes', '1', ...ports, '--ingress-default-backend', 'default/web:80');
  await cluster.timonel('image', 'base', '--busybox', 'bb');
  await apply(...objects());
  await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  const addresses = await cluster.kubectl('get', 'pods', '-o', 'jsonpath={.items[*].status.podIP}');
  podAddresses = addresses.split(' ');
});

afterAll(async () => {
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  expect(await remains('e2eing')).toEqual([]);
});

describe('ingresses of a cluster', () => {
  it('lead from the host to pods, and say where they are served', async () => {
    await cluster.kubectl('create', 'ingress', 'web', '--rule=web.localhost/*=web:80');
    await isServed('web.localhost');
    const answers = new Set<string>();
    for (let i = 0; i < 10; i++) answers.add((await get('web.localhost')).body);
    expect(answers.size).toBe(2);
    const found = await eventually(async () => {
      const { status } = await cluster.json<Ingress>('get', 'ingress', 'web');
      return status?.loadBalancer?.ingress?.[0]?.ip;
    }, 'an address');
    expect(found).toMatch(/^10\./);
    // The class's default backend has what no rule matches.
    expect((await get('other.localhost')).status).toBe(200);
  });

  it('are made in the old versions of the API too', async () => {
    const rules = (host: string) => [
      { host, http: { paths: [{ path: '/', backend: { serviceName: 'web', servicePort: 80 } }] } },
    ];
    for (const group of ['extensions', 'networking.k8s.io']) {
      const host = `${group.split('.')[0]}.localhost`;
      await cluster.kubectlWith(
        JSON.stringify({
          ...{ apiVersion: `${group}/v1beta1`, kind: 'Ingress' },
          metadata: { name: group.split('.')[0], annotations: { 'kubernetes.io/ingress.class': 'nginx' } },
          spec: { rules: rules(host) },
        }),
        'apply',
        '-f',
        '-',
      );
      await isServed(host, '/new/');
    }
  });

  it('are live 50 ms after the API has taken them', async () => {
    const took = await withClient(async (client) => {
      const all: number[] = [];
      for (let index = 0; index < 9; index++) {
        const host = `fast${index}.localhost`;
        expect((await get(host)).status).toBe(200);
        await client.create(ingresses, ingress(`fast${index}`, host, 'own'));
        const accepted = performance.now();
        // The class's default backend has another answer: 503, since nobody is behind `own` yet.
        while ((await get(host)).status !== 503) if (performance.now() - accepted > 5000) throw new Error('not live');
        all.push(performance.now() - accepted);
      }
      return all.toSorted((a, b) => a - b);
    });
    expect(took[4]).toBeLessThan(50);
  });

  it('lose no request of 200 changes of endpoints, routes and certificates', async () => {
    await withClient(async (client) => {
      await client.create(endpointSlices, slice(podAddresses));
      await client.create(ingresses, ingress('own', 'own.localhost', 'own'));
      await isServed('own.localhost');
      const running = wrkOn(httpPort, '/', 'own.localhost');
      for (let change = 0; change < 200; change++) {
        const name = `change-${change % 9}`;
        if (change % 3 === 0) await client.update(endpointSlices, slice([podAddresses[(change / 3) % 2] ?? '']));
        else if (change % 3 === 1)
          await replace(client, ingress(name, `${name}.localhost`, 'web', `tls-${change % 9}`));
        else await replaceSecret(client, secretFor(`tls-${(change - 1) % 9}`, `change-${(change - 1) % 9}.localhost`));
      }
      const { sent, failures } = await running.stop();
      expect(failures).toEqual([]);
      expect(sent).toBeGreaterThan(200);
    });
    await eventually(async () => (await servedName('change-1.localhost')) === 'change-1.localhost', 'a certificate');
  });

  it('tell what they cannot do, and refuse what would be open', async () => {
    const closed = ingress('closed', 'closed.localhost');
    closed.metadata.annotations = { 'nginx.ingress.kubernetes.io/enable-modsecurity': 'true' };
    await apply({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', ...closed });
    await eventually(async () => (await get('closed.localhost')).status === 503, 'a refusal');
    await eventually(async () => {
      const events = await cluster.kubectl('get', 'events', '--field-selector', 'reason=Refused', '-o', 'name');
      return events !== '';
    }, 'an event');
  });

  it('are listed, and their requests logged', async () => {
    const rows = JSON.parse(await cluster.timonel('ingress', 'list', '-o', 'json')) as {
      name: string;
      status: string;
    }[];
    expect(rows.find(({ name }) => name === 'web')).toMatchObject({
      ...{ host: 'web.localhost', service: 'web:80', endpoints: 2, status: 'Active', class: 'timonel' },
    });
    await get('web.localhost', '/new/?logged');
    await eventually(
      async () => (await cluster.timonel('ingress', 'logs', '--tail', '5')).includes('?logged'),
      'a line',
    );
    const { ingress: at } = JSON.parse(await cluster.timonel('status', '--name', 'e2eing', '-o', 'json')) as {
      ingress: { urls: string[]; metrics: string };
    };
    expect(at.urls).toEqual([`http://localhost:${httpPort}`, `https://localhost:${httpsPort}`]);
    expect(await (await fetch(at.metrics)).text()).toContain('haproxy_frontend_http_requests_total{proxy="clear"}');
  });

  it('have what their class says, as soon as it says so', async () => {
    const statusOf = async (): Promise<number> => (await get('web.localhost')).status;
    const classIs = (parameters: unknown): Promise<string> =>
      cluster.kubectl('patch', 'ingressclass', 'timonel', '-p', JSON.stringify({ spec: { parameters } }));
    const literals = ['--from-literal=block-cidrs=127.0.0.0/8', '--from-literal=worker-processes=4'];
    await cluster.kubectl('create', 'configmap', 'defaults', '-n', 'kube-system', ...literals);
    await classIs({ kind: 'ConfigMap', scope: 'Namespace', namespace: 'kube-system', name: 'defaults' });
    await eventually(async () => (await statusOf()) === 403, 'the parameters of the class');
    await eventually(async () => {
      const events = await cluster.kubectl(
        'get',
        'events',
        '--field-selector',
        'reason=UnknownParameter',
        '-o',
        'json',
      );
      return events.includes('parameter worker-processes has no effect here');
    }, 'an event of the class');
    await cluster.kubectl(
      'patch',
      'configmap',
      'defaults',
      '-n',
      'kube-system',
      '-p',
      '{"data":{"block-cidrs":"192.0.2.1"}}',
    );
    await eventually(async () => (await statusOf()) === 200, 'other parameters');
    await cluster.kubectl('delete', 'configmap', 'defaults', '-n', 'kube-system');
    await eventually(async () => (await statusOf()) === 503, 'that nobody is served without them');
    await classIs(null);
    await eventually(async () => (await statusOf()) === 200, 'a class without parameters');
  });
});

type Client = ReturnType<typeof createHttpsClient>;

async function replace(client: Client, wanted: Ingress): Promise<void> {
  const { name = '' } = wanted.metadata;
  await client.delete(ingresses, { namespace, name }).catch(() => {});
  await client.create(ingresses, wanted);
}

async function replaceSecret(client: Client, wanted: Secret): Promise<void> {
  const { name = '' } = wanted.metadata;
  await client.delete(secrets, { namespace, name }).catch(() => {});
  await client.create(secrets, wanted);
}

function servedName(servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port: httpsPort, servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
