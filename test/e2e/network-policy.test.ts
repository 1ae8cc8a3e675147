import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, remains, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-policy-'));
const cluster = new TestCluster('netpol', join(scratch, 'kubeconfig'));

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '2');
  await cluster.timonel('image', 'base', '--busybox', 'bb');
  await cluster.kubectl('create', 'namespace', 'other');
  const pods = [pod('web', 1), pod('db', 1), pod('far', 2), pod('probe', 2, 'other')];
  await cluster.kubectlWith(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }), 'apply', '-f', '-');
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '-A', '--timeout=30s');
  for (const name of ['web', 'db', 'far']) addresses[name] = await addressOf(name);
  addresses['probe'] = await addressOf('probe', 'other');
}, 60_000);

afterAll(async () => {
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  expect(await remains('netpol')).toEqual([]);
});

const addresses: Record<string, string> = {};

function pod(name: string, node: number, namespace = 'default') {
  const serve = 'httpd -p 8080; httpd -p 9090; exec sleep 3600';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      nodeName: `netpol-${node}`,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          ...{ name: 'c', image: 'bb', imagePullPolicy: 'Never', command: ['sh', '-c', serve] },
          ports: [{ name: 'http', containerPort: 8080 }],
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
        },
      ],
    },
  };
}

async function addressOf(name: string, namespace = 'default'): Promise<string> {
  return cluster.kubectl('get', 'pod', name, '-n', namespace, '-o', 'jsonpath={.status.podIP}');
}

/** Whether a pod gets a connection: busybox's httpd answers 404, which is an answer. */
async function reaches(from: string, to: string, port = 8080): Promise<boolean> {
  const namespace = from === 'probe' ? 'other' : 'default';
  const get = ['nc', '-w', '1', addresses[to] ?? to, String(port), '-e', 'true'];
  return (await cluster.tryKubectl('exec', '-n', namespace, from, '--', ...get)).code === 0;
}

/** Applies one policy in place of the last one, and waits until `probe` shows that it is in force. */
async function policy(spec: Record<string, unknown>): Promise<void> {
  const object = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p' },
    spec: { podSelector: { matchLabels: { app: 'web' } }, ...spec },
  };
  await cluster.tryKubectl('delete', 'networkpolicy', 'p', '--ignore-not-found');
  await cluster.kubectlWith(JSON.stringify(object), 'apply', '-f', '-');
}

const reach = async (expected: Record<string, boolean>): Promise<void> => {
  await eventually(
    async () => {
      const found = await Promise.all(Object.keys(expected).map(async (from) => [from, await reaches(from, 'web')]));
      return JSON.stringify(Object.fromEntries(found)) === JSON.stringify(expected);
    },
    `reaching web as ${JSON.stringify(expected)}`,
  );
};

describe('network policies', () => {
  it('deny by default, on the same node and from another, and leave the probes alone', async () => {
    await reach({ db: true, far: true, probe: true });
    await policy({ ingress: [] });
    await reach({ db: false, far: false, probe: false });
    expect(await reaches('web', 'db')).toBe(true);
    const { status } = await cluster.json<{ status: { conditions: { type: string; status: string }[] } }>(
      'get',
      'pod',
      'web',
    );
    expect(status.conditions.find(({ type }) => type === 'Ready')?.status).toBe('True');
  });

  it.each([
    ['pods', [{ podSelector: { matchLabels: { app: 'db' } } }], { db: true, far: false, probe: false }],
    [
      'namespaces',
      [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } }],
      { db: false, far: false, probe: true },
    ],
    [
      'pods of namespaces',
      [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'far' } } }],
      { db: false, far: true, probe: false },
    ],
  ])('know %s', async (_, from, expected) => {
    await policy({ ingress: [{ from }] });
    await reach(expected);
  });

  it('know blocks with exceptions', async () => {
    const blocks = [{ ipBlock: { cidr: '0.0.0.0/0', except: [`${addresses['far']}/32`] } }];
    await policy({ ingress: [{ from: blocks }] });
    await reach({ db: true, far: false, probe: true });
  });

  it('know ports by number, by name and by range', async () => {
    const open = async (): Promise<boolean[]> => [await reaches('far', 'web', 8080), await reaches('far', 'web', 9090)];
    const becomes = (expected: boolean[]) =>
      eventually(async () => JSON.stringify(await open()) === JSON.stringify(expected), `ports ${expected.join()}`);
    await policy({ ingress: [{ ports: [{ port: 9090 }] }] });
    await becomes([false, true]);
    await policy({ ingress: [{ ports: [{ port: 'http' }] }] });
    await becomes([true, false]);
    await policy({ ingress: [{ ports: [{ port: 8000, endPort: 8999 }] }] });
    await becomes([true, false]);
  });

  it('hold for what a pod sends', async () => {
    await policy({ policyTypes: ['Egress'], egress: [{ to: [{ podSelector: { matchLabels: { app: 'db' } } }] }] });
    await eventually(async () => !(await reaches('web', 'far')), 'egress to be denied');
    expect(await reaches('web', 'db')).toBe(true);
    expect(await reaches('far', 'web')).toBe(true);
  });

  it('take names that the node answers itself for the DNS pod of other clusters', async () => {
    const asks = async (): Promise<boolean> => {
      const look = ['timeout', '2', 'nslookup', 'kubernetes.default.svc.cluster.local'];
      return (await cluster.tryKubectl('exec', 'db', '--', ...look)).code === 0;
    };
    const to = [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }];
    const podSelector = { matchLabels: { app: 'db' } };
    expect(await asks()).toBe(true);
    await policy({ podSelector, policyTypes: ['Egress'] });
    await eventually(async () => !(await asks()), 'names to be denied');
    await policy({ podSelector, egress: [{ to, ports: [{ port: 53, protocol: 'UDP' }] }] });
    await eventually(asks, 'names to be allowed');
  });

  it('judge by the pod behind a service, and let others through it', async () => {
    await cluster.kubectl('expose', 'pod', 'web', '--port', '80', '--target-port', '8080');
    const service = await cluster.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    await policy({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'far' } } }], ports: [{ port: 8080 }] }] });
    await eventually(() => reaches('far', service, 80), 'the service to answer');
    expect(await reaches('db', service, 80)).toBe(false);
    expect(await reaches('probe', service, 80)).toBe(false);
  });

  it('hold before a pod can answer anybody', async () => {
    await policy({ podSelector: { matchLabels: { app: 'late' } }, ingress: [] });
    await reach({ db: true });
    const prefix = (addresses['web'] as string).replace(/\d+$/, '');
    const last = Number((addresses['web'] as string).split('.')[3]);
    // Pods get addresses in turn.
    const hammer = hammerOn(
      Array.from({ length: 6 }, (_, i) => `${prefix}${last + i + 1}`),
      addresses['db'] as string,
    );
    await cluster.kubectlWith(JSON.stringify(pod('late', 1)), 'apply', '-f', '-');
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/late', '--timeout=20s');
    const late = await addressOf('late');
    await eventually(() => Promise.resolve(hammer.tried(late) > 20), 'more than twenty attempts');
    await hammer.settle();
    expect(hammer.answered(late)).toBe(0);
    await cluster.kubectl('delete', 'networkpolicy', 'p');
    await eventually(async () => hammer.answered(late) > 0, 'the pod to answer when the policy is gone');
    hammer.stop();
  });

  it('hold before a pod can ask anybody', async () => {
    await policy({ podSelector: { matchLabels: { app: 'eager' } }, policyTypes: ['Egress'] });
    await reach({ db: true });
    // From its first moment on, as fast as it can.
    const ask = `nc -w 1 ${addresses['web']} 8080 -e true && echo open; nc -w 1 ${addresses['far']} 8080 -e true && echo open`;
    const command = ['sh', '-c', `for i in 1 2 3 4 5; do ${ask}; done; echo done; exec sleep 3600`];
    const eager = [1, 2, 1, 2].map((node, i) => {
      const { metadata, spec, ...type } = pod('eager', node);
      const containers = [{ name: 'c', image: 'bb', imagePullPolicy: 'Never', command }];
      return { ...type, metadata: { ...metadata, name: `eager-${i}` }, spec: { ...spec, containers } };
    });
    await cluster.kubectlWith(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: eager }), 'apply', '-f', '-');
    const said = (): Promise<string> => cluster.kubectl('logs', '-l', 'app=eager', '--tail=-1');
    const isDone = async (): Promise<boolean> =>
      (await said().catch(() => '')).split('\n').filter((line) => line === 'done').length === eager.length;
    await eventually(isDone, 'all to have asked', 30_000);
    expect(await said()).not.toContain('open');
    await cluster.kubectl('delete', 'networkpolicy', 'p');
    const program = `nc -w 1 ${addresses['web']} 8080 -e true`;
    await eventually(
      async () => (await cluster.tryKubectl('exec', 'eager-0', '--', 'sh', '-c', program)).code === 0,
      'the pod to be let out when the policy is gone',
    );
  }, 60_000);
});

/** Connects to each address again and again, except where `others` have answered before. */
function hammerOn(targets: readonly string[], known: string) {
  const counts = new Map<string, { tried: number; answered: number }>();
  let isRunning = true;
  const attempt = (ip: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host: ip, port: 8080, timeout: 150 });
      const end = (answered: boolean): void => {
        socket.destroy();
        resolve(answered);
      };
      socket.on('connect', () => end(true));
      socket.on('timeout', () => end(false));
      socket.on('error', () => end(false));
    });
  const loop = async (ip: string): Promise<void> => {
    const count = counts.get(ip) ?? { tried: 0, answered: 0 };
    counts.set(ip, count);
    while (isRunning) {
      count.tried++;
      if (await attempt(ip)) count.answered++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  for (const ip of targets) if (ip !== known) for (let i = 0; i < 4; i++) void loop(ip);
  return {
    tried: (ip: string) => counts.get(ip)?.tried ?? 0,
    answered: (ip: string) => counts.get(ip)?.answered ?? 0,
    settle: () => attempt(known),
    stop: () => (isRunning = false),
  };
}
