import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, remains, root, run, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-e2e-'));
const cluster = new TestCluster('e2e', join(scratch, 'kubeconfig'));
const packages = 'python3-flask,python3-redis,redis-server,redis-tools';

interface PodList {
  items: {
    metadata: { name: string; uid: string; deletionTimestamp?: string };
    spec: { nodeName?: string };
    status: { phase: string; containerStatuses?: { restartCount: number; ready: boolean; containerID: string }[] };
  }[];
}

async function webPods(): Promise<PodList['items']> {
  return (await cluster.json<PodList>('get', 'pods', '-l', 'app=web-deployment')).items;
}

const lightApp = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: light
spec:
  replicas: 6
  selector:
    matchLabels:
      app: light
  template:
    metadata:
      labels:
        app: light
    spec:
      containers:
      - name: httpd
        image: busybox
        command: [sh, -c, "mkdir /www; hostname > /www/index.html; exec httpd -f -p 5000 -h /www"]
        readinessProbe:
          httpGet:
            path: /
            port: 5000
          periodSeconds: 1
`;

async function serviceUrl(): Promise<string> {
  const ip = await cluster.kubectl('get', 'service', 'python-service', '-o', 'go-template={{.spec.clusterIP}}');
  return `http://${ip}:8000`;
}

async function call(url: string, options: RequestInit = {}): Promise<string> {
  const response = await fetch(url, {
    ...options,
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(2_000),
  });
  return response.text();
}

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '2');
  await cluster.timonel('image', 'base', '--busybox');
  await cluster.timonel('image', 'base', 'python-flask', '--include', packages);
  await cluster.timonel('image', 'base', 'python-guestbook', '--include', packages);
  await cluster.timonel('image', 'base', 'guestbook-db', '--include', packages);
  await cluster.timonel('build', '-t', 'hello', join(root, 'examples/hello'));
  await cluster.timonel('build', '-t', 'hello:2', join(root, 'examples/hello'));
  await cluster.timonel('build', '-t', 'guestbook-web', join(root, 'examples/guestbook/web'));
}, 400_000);

afterAll(async () => {
  cluster.endAll();
  await cluster.timonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  rmSync('/var/lib/timonel-examples', { recursive: true, force: true });
  expect(await remains('e2e')).toEqual([]);
});

describe('a cluster of two nodes', () => {
  it('shows its nodes as ready, with versions, addresses and runtime', async () => {
    const text = await cluster.kubectl('get', 'nodes', '-o', 'wide');
    const rows = text.trim().split('\n').slice(1);
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(row).toMatch(
        /^e2e-\d\s+Ready\s+<none>\s+\S+\s+v1\.36\.\S+\s+10\.89\.\d+\.\d+\s+<none>\s+.+containerd:\/\/\d/,
      );
    }
  });

  it('deploys three replicas and spreads them over the nodes', async () => {
    await cluster.kubectl('create', 'deployment', 'web-deployment', '--image=hello', '--replicas=3', '--port=5000');
    await cluster.kubectl('rollout', 'status', 'deployment/web-deployment', '--timeout=60s');
    const pods = await webPods();
    expect(pods).toHaveLength(3);
    expect(new Set(pods.map((pod) => pod.spec.nodeName)).size).toBe(2);
  });

  it('balances a service over them, from the host', async () => {
    await cluster.kubectl(
      'expose',
      'deployment',
      'web-deployment',
      '--name=python-service',
      '--port=8000',
      '--target-port=5000',
    );
    const url = await serviceUrl();
    // The app has no readiness probe: for a moment its pods are ready and it does not listen yet.
    const answers = new Set<string>();
    await eventually(async () => {
      await call(url).then(
        (answer) => answers.add(answer),
        () => undefined,
      );
      return answers.size === 3;
    }, 'three different answers');
    const inTurn: string[] = [];
    for (let i = 0; i < 30; i++) inTurn.push(await call(url));
    for (const answer of answers) expect(inTurn.filter((other) => other === answer)).toHaveLength(10);
    for (const answer of answers) expect(answer).toMatch(/^Hello from web-deployment-/);
  });

  it('is reached by its name from a pod', async () => {
    const flags = ['--image=busybox', '--image-pull-policy=IfNotPresent', '--restart=Never', '-i', '--rm', '--quiet'];
    const out = await cluster.kubectl('run', 'client', ...flags, '--', 'wget', '-qO-', 'http://python-service:8000');
    expect(out).toContain('Hello from web-deployment-');
  });

  it('refuses connections to a service without endpoints at once', async () => {
    await cluster.kubectl('create', 'service', 'clusterip', 'nobody', '--tcp=80:80');
    const ip = await cluster.kubectl('get', 'service', 'nobody', '-o', 'go-template={{.spec.clusterIP}}');
    const started = performance.now();
    await expect(call(`http://${ip}:80`)).rejects.toThrow('fetch failed');
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('answers on a node port, on 127.0.0.1 and on a node', async () => {
    await cluster.kubectl(
      'expose',
      'deployment',
      'web-deployment',
      '--name=outside',
      '--port=80',
      '--target-port=5000',
      '--type=NodePort',
    );
    const port = await cluster.kubectl(
      'get',
      'service',
      'outside',
      '-o',
      'go-template={{(index .spec.ports 0).nodePort}}',
    );
    const node = await cluster.kubectl('get', 'node', 'e2e-2', '-o', 'jsonpath={.status.addresses[0].address}');
    for (const host of ['127.0.0.1', node]) {
      const answer = await eventually(
        () => call(`http://${host}:${port}`).catch(() => undefined),
        `port ${port} of ${host}`,
      );
      expect(answer).toContain('Hello from');
    }
  });

  it('shows pods as upstream does, describes them, and watches', async () => {
    const watch = cluster.background('kubectl', 'get', 'pods', '-o', 'wide', '-w');
    const header = (await cluster.kubectl('get', 'pods', '-o', 'wide')).split('\n')[0];
    expect(header?.split(/\s{2,}/)).toEqual([
      ...['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE', 'IP', 'NODE', 'NOMINATED NODE', 'READINESS GATES'],
    ]);
    const [pod] = await webPods();
    const described = await cluster.kubectl('describe', 'pod', pod?.metadata.name ?? '');
    expect(described).toMatch(/Status:\s+Running/);
    expect(described).toMatch(/Normal\s+Scheduled\s.*Successfully assigned default\/web-deployment/);
    expect(described).toMatch(/Normal\s+Started\s/);
    await eventually(async () => watch.output().includes('web-deployment-'), 'the watch to show pods');
    watch.child.kill();
  });

  it('gives logs, runs commands, copies files and forwards ports', async () => {
    const name = (await webPods())[0]?.metadata.name ?? '';
    const logs = cluster.background('kubectl', 'logs', '-f', name);
    await eventually(async () => logs.output().includes('Running on'), 'the log');
    logs.child.kill();

    expect((await cluster.kubectl('exec', name, '--', 'hostname')).trim()).toBe(name);
    const echoed = await cluster.kubectlWith('through stdin', 'exec', '-i', name, '--', 'cat');
    expect(echoed).toBe('through stdin');
    const failed = await cluster.tryKubectl('exec', name, '--', 'sh', '-c', 'exit 3');
    expect(failed.code).toBe(3);

    writeFileSync(join(scratch, 'file'), 'copied there and back\n');
    await cluster.kubectl('cp', join(scratch, 'file'), `${name}:/tmp/file`);
    expect(await cluster.kubectl('exec', name, '--', 'cat', '/tmp/file')).toBe('copied there and back\n');

    const forward = cluster.background('kubectl', 'port-forward', `pod/${name}`, ':5000');
    const port = await eventually(async () => /127\.0\.0\.1:(\d+) ->/.exec(forward.output())?.[1], 'the forward');
    expect(await call(`http://127.0.0.1:${port}`)).toBe(`Hello from ${name}\n`);
    forward.child.kill();
  });

  it('scales, updates without losing a request, shows history and rolls back', async () => {
    const url = await serviceUrl();
    const requests = { ok: 0, failed: 0, stop: false };
    const client = (async () => {
      while (!requests.stop)
        await call(url).then(
          () => requests.ok++,
          () => requests.failed++,
        );
    })();
    await cluster.kubectl('scale', 'deployment', 'web-deployment', '--replicas=10');
    await cluster.kubectl('rollout', 'status', 'deployment/web-deployment', '--timeout=60s');
    await cluster.kubectl('set', 'image', 'deployment/web-deployment', 'hello=hello:2');
    await cluster.kubectl('rollout', 'status', 'deployment/web-deployment', '--timeout=120s');
    expect(await cluster.kubectl('rollout', 'history', 'deployment/web-deployment')).toMatch(/1\s+<none>\n2\s+<none>/);
    await cluster.kubectl('rollout', 'undo', 'deployment/web-deployment');
    await cluster.kubectl('rollout', 'status', 'deployment/web-deployment', '--timeout=120s');
    requests.stop = true;
    await client;
    const image = 'go-template={{(index .spec.template.spec.containers 0).image}}';
    expect(await cluster.kubectl('get', 'deployment', 'web-deployment', '-o', image)).toBe('hello');
    expect(requests.ok).toBeGreaterThan(10);
  });

  it('says why an image cannot be pulled, and recovers when it appears', async () => {
    await cluster.kubectl('run', 'late', '--image=registry.invalid/late:1', '--restart=Never', '--', 'sleep', '60');
    await eventually(
      async () => /ErrImagePull|ImagePullBackOff/.test(await cluster.kubectl('get', 'pod', 'late')),
      'the pull to fail',
    );
    await cluster.timonel('image', 'base', 'registry.invalid/late:1', '--busybox');
    await eventually(async () => (await cluster.kubectl('get', 'pod', 'late')).includes('Running'), 'the pod to run');
    await cluster.kubectl('delete', 'pod', 'late', '--grace-period=0', '--force');
  });

  it('gives an image that is made again to every node that has the old one', async () => {
    const digests = async (): Promise<string[]> => {
      const nodes = (await cluster.json<{ items: { metadata: { name: string } }[] }>('get', 'nodes')).items;
      const listed = nodes.map(async ({ metadata }) => {
        const socket = `/run/timonel/${cluster.name}/nodes/${metadata.name}/containerd.sock`;
        const { stdout } = await run(['ctr', '-a', socket, '-n', 'k8s.io', 'images', 'ls']);
        return /^docker.io\/library\/again:1 .*(sha256:[0-9a-f]+)/m.exec(stdout)?.[1] ?? 'none';
      });
      return Promise.all(listed);
    };
    const make = async (content: string): Promise<string[]> => {
      mkdirSync(join(scratch, 'root/etc'), { recursive: true });
      mkdirSync(join(scratch, 'root/usr'), { recursive: true });
      writeFileSync(join(scratch, 'root/etc/content'), content);
      await run(['tar', '-C', join(scratch, 'root'), '-cf', join(scratch, 'root.tar'), '.']);
      await cluster.timonel('image', 'import', join(scratch, 'root.tar'), 'again:1');
      return digests();
    };
    const [first, ...others] = await make('one');
    expect(first).toMatch(/^sha256:/);
    expect(others).toEqual([first]);
    const [second, ...rest] = await make('two');
    expect(second).not.toBe(first);
    expect(rest).toEqual([second]);
  });

  it('says why a pod finds no node', async () => {
    const overrides = JSON.stringify({ spec: { nodeSelector: { disk: 'ssd' } } });
    await cluster.kubectl('run', 'picky', '--image=busybox', '--restart=Never', `--overrides=${overrides}`);
    const said = await eventually(async () => {
      const text = await cluster.kubectl('describe', 'pod', 'picky');
      return text.includes('FailedScheduling') && text;
    }, 'the event');
    expect(said).toContain("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.");
    await cluster.kubectl('delete', 'pod', 'picky');
  });
});

describe('losing things', () => {
  it('keeps containers running over a kill -9 of the server in the middle of a rollout', async () => {
    await cluster.kubectl('scale', 'deployment', 'web-deployment', '--replicas=4');
    await cluster.kubectl('rollout', 'status', 'deployment/web-deployment', '--timeout=60s');
    await cluster.kubectl(
      'run',
      'witness',
      '--image=busybox',
      '--image-pull-policy=IfNotPresent',
      '--',
      'sleep',
      '3600',
    );
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/witness', '--timeout=30s');
    const before = await cluster.json<PodList['items'][0]>('get', 'pod', 'witness');
    await cluster.kubectl('set', 'image', 'deployment/web-deployment', 'hello=hello:2');
    const status = JSON.parse(await cluster.timonel('status', '--name', 'e2e', '-o', 'json')) as { serverPid: number };
    process.kill(status.serverPid, 'SIGKILL');
    await cluster.timonel('up');
    await cluster.kubectl('rollout', 'status', 'deployment/web-deployment', '--timeout=120s');
    const after = await cluster.json<PodList['items'][0]>('get', 'pod', 'witness');
    expect(after.status.containerStatuses?.[0]).toMatchObject({
      restartCount: 0,
      containerID: before.status.containerStatuses?.[0]?.containerID,
    });
  });

  it('survives the loss of a node: endpoints out within 3 s, replacements within 10 s, and the node comes back', async () => {
    await cluster.timonel('node', 'add');
    expect((await cluster.kubectl('get', 'nodes')).match(/ Ready /g)).toHaveLength(3);
    // An app that starts at once and is ready when it answers, so that what fails is the network's doing.
    await cluster.kubectlWith(lightApp, 'create', '-f', '-');
    await cluster.kubectl('expose', 'deployment', 'light', '--port=80', '--target-port=5000');
    await cluster.kubectl('rollout', 'status', 'deployment/light', '--timeout=60s');
    const lightPods = async (): Promise<PodList['items']> =>
      (await cluster.json<PodList>('get', 'pods', '-l', 'app=light')).items;
    const lost = (await lightPods()).filter((pod) => pod.spec.nodeName === 'e2e-2').map((pod) => pod.metadata.name);
    expect(lost.length).toBeGreaterThan(0);
    const ip = await cluster.kubectl('get', 'service', 'light', '-o', 'go-template={{.spec.clusterIP}}');
    const url = `http://${ip}`;

    await cluster.timonel('node', 'kill', 'e2e-2');
    const killed = performance.now();
    const failures: number[] = [];
    let stop = false;
    const client = (async () => {
      while (!stop) {
        const began = performance.now() - killed;
        await call(url).catch(() => failures.push(began));
      }
    })();
    await eventually(
      async () => /e2e-2\s+NotReady/.test(await cluster.kubectl('get', 'nodes')),
      'the node to be NotReady',
      10_000,
    );
    await eventually(
      async () => {
        const running = (await lightPods()).filter(
          (pod) => !lost.includes(pod.metadata.name) && pod.status.containerStatuses?.[0]?.ready,
        );
        return running.length === 6;
      },
      'the replacements to run',
      15_000,
    );
    const replacedMs = performance.now() - killed;
    stop = true;
    await client;
    expect(replacedMs).toBeLessThan(10_000);
    expect(Math.max(0, ...failures)).toBeLessThan(3_000);

    await cluster.timonel('node', 'start', 'e2e-2');
    await eventually(async () => /e2e-2\s+Ready/.test(await cluster.kubectl('get', 'nodes')), 'the node to be back');
    await eventually(
      async () => (await lightPods()).every((pod) => !lost.includes(pod.metadata.name)),
      'the old pods to be gone',
    );
  });
});

describe('the guestbook', () => {
  it('stores and reads data through the name of the database service, and keeps it over the death of the pod', async () => {
    const directory = join(root, 'examples/guestbook');
    for (const file of ['db-pod.yml', 'db-svc.yml', 'web-pod.yml', 'web-svc.yml', 'web-rc.yml']) {
      await cluster.kubectl('create', '-f', join(directory, file));
    }
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod', '-l', 'app=guestbook', '--timeout=60s');
    const url = 'http://127.0.0.1:30005/';
    const thanks = await eventually(
      () => call(url, { method: 'POST', body: 'first line' }).catch(() => undefined),
      'the guestbook to answer',
    );
    expect(thanks).toBe('thank you\n');
    expect(await call(url)).toContain('first line\n');

    const db = await cluster.json<PodList['items'][0]>('get', 'pod', 'db');
    const node = db.spec.nodeName ?? '';
    await cluster.kubectl('delete', 'pod', 'db');
    for (const other of ['e2e-1', 'e2e-2', 'e2e-3'].filter((name) => name !== node))
      await cluster.kubectl('cordon', other);
    await cluster.kubectl('create', '-f', join(directory, 'db-pod.yml'));
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/db', '--timeout=60s');
    const again = await eventually(async () => {
      const text = await call(url).catch(() => '');
      return text.includes('first line') && text;
    }, 'the data to be read again');
    expect(again).toContain('first line\n');
  });
});

describe('the files of 2017', () => {
  it('go in as they stand, with a warning that names the version of today', async () => {
    const file = join(scratch, 'deployment.yml');
    writeFileSync(
      file,
      `apiVersion: apps/v1beta1
kind: Deployment
metadata:
  name: old-style
spec:
  replicas: 1
  template:
    metadata:
      labels:
        app: old
    spec:
      containers:
      - name: web
        image: hello
        imagePullPolicy: IfNotPresent
        ports:
        - containerPort: 5000
`,
    );
    const created = await cluster.tryKubectl('create', '-f', file);
    expect(created.code).toBe(0);
    expect(created.stderr).toContain('apps/v1beta1 Deployment is deprecated');
    const selector = await cluster.kubectl(
      'get',
      'deployment.apps',
      'old-style',
      '-o',
      'jsonpath={.spec.selector.matchLabels.app}',
    );
    expect(selector).toBe('old');
    await cluster.kubectl('delete', 'deployment', 'old-style');
  });
});

describe('down and up', () => {
  it('keeps data over down, leaves nothing running, and comes back', async () => {
    await cluster.timonel('down');
    expect(await remains('e2e')).toEqual([]);
    await cluster.timonel('up');
    expect(await cluster.kubectl('get', 'deployment', 'web-deployment')).toContain('web-deployment');
  });
});
