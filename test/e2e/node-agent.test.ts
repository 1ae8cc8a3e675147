import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import { systemClock as clock } from '../../src/base/system-clock.ts';
import type { Client } from '../../src/client/client.ts';
import { configMaps, nodes, pods } from '../../src/client/resources.ts';
import type { Container, ContainerState, Pod, PodSpec } from '../../src/api/types/core-v1.ts';
import { makeBusyboxBase } from '../../src/cluster/images/base-image.ts';
import { openImageLibrary } from '../../src/cluster/images/image-library.ts';
import { setUpNetwork } from '../../src/cluster/local-network.ts';
import {
  cleanUpCluster,
  nodeCgroup,
  nodeRuntimeSocket,
  startNodeContainerd,
  type LocalNode,
} from '../../src/cluster/local-node.ts';
import { planNetwork, planNode, type NetworkPlan } from '../../src/cluster/network-plan.ts';
import { readRoutes } from '../../src/cluster/netns.ts';
import { createAgent, type Agent } from '../../src/node/agent.ts';
import { detectContainerd } from '../../src/node/containerd.ts';
import { createCriRuntime, type CriRuntime } from '../../src/node/cri.ts';
import {
  parseEvictionThresholds,
  upstreamImageCollection,
  type PressurePolicy,
} from '../../src/node/eviction-thresholds.ts';
import { createLinuxSystem } from '../../src/node/linux-system.ts';
import { readMachine } from '../../src/node/machine.ts';
import { startTestApiServer, type TestApiServer } from '../support/api-server.ts';

const cluster = `e2e-agent-${process.pid}`;
const base = mkdtempSync(join(tmpdir(), 'tma-'));
const directories = { data: join(base, 'data'), run: join(base, 'run') };
const root = join(base, 'agent');
const namespace = 'default';

describe('the node agent with real containers', () => {
  let plan: NetworkPlan;
  let node: LocalNode;
  let api: TestApiServer;
  let client: Client;
  let runtime: CriRuntime;
  let agent: Agent;

  const importImage = async (name: string): Promise<void> => {
    const library = openImageLibrary(join(directories.data, 'images'));
    const tar = await makeBusyboxBase(join(base, 'cache'));
    await library.import(tar, { name, run: { Cmd: ['sh'], Env: ['PATH=/bin'] }, sockets: [nodeRuntimeSocket(node)] });
  };

  const newAgent = async (pressure?: PressurePolicy): Promise<Agent> => {
    const machine = await readMachine(base);
    const made = createAgent({
      client,
      runtime,
      clock,
      random: systemRandom,
      log: silentLogger,
      system: createLinuxSystem(),
      rootDirectory: root,
      node: {
        name: 'node-1',
        addresses: [{ type: 'InternalIP', address: node.plan.address }],
        capacity: machine.capacity,
        allocatable: machine.capacity,
        kubeletPort: 10250,
        system: { ...machine.system, kubeletVersion: 'v1.36.0' },
      },
      dns: { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', host: machine.dns },
      settings: { cgroupRoot: nodeCgroup(node) },
      ...(pressure && { pressure }),
    });
    await made.start();
    return made;
  };

  beforeAll(async () => {
    plan = planNetwork({ cluster, clusterIndex: 61, taken: readRoutes().destinations }) as NetworkPlan;
    node = { network: plan, plan: planNode(plan, `${cluster}-1`, 1), directories };
    await setUpNetwork(plan, [node.plan]);
    await startNodeContainerd(node, await detectContainerd());
    await importImage('busybox:1');
    runtime = createCriRuntime({ socketPath: nodeRuntimeSocket(node), clock, log: silentLogger });
    await runtime.ready();
    api = await startTestApiServer();
    client = api.client;
    agent = await newAgent();
  });

  afterAll(async () => {
    await agent?.stop();
    runtime?.close();
    await api?.close();
    await cleanUpCluster({ cluster, directories, plan, clock, removeData: true });
    rmSync(base, { recursive: true, force: true });
  });

  const shell = (script: string, more: Partial<Container> = {}): Container => ({
    name: 'app',
    image: 'busybox:1',
    command: ['sh', '-c', script],
    ...more,
  });

  const create = (name: string, spec: Partial<PodSpec> & Pick<PodSpec, 'containers'>): Promise<Pod> => {
    const full = { nodeName: 'node-1', terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, ...spec };
    return client.create(pods, { metadata: { name, namespace }, spec: full });
  };

  /** Waits by watching; undefined as soon as the pod is gone. */
  const until = async (name: string, holds: (pod: Pod) => boolean): Promise<Pod | undefined> => {
    const fieldSelector = `metadata.name=${name}`;
    const list = await client.list(pods, { namespace, fieldSelector });
    const [found] = list.items;
    if (!found || holds(found)) return found;
    const abort = new AbortController();
    const resourceVersion = list.metadata.resourceVersion ?? '';
    try {
      for await (const event of client.watch(pods, {
        namespace,
        fieldSelector,
        resourceVersion,
        signal: abort.signal,
      })) {
        if (event.type === 'DELETED') return undefined;
        if (event.type !== 'BOOKMARK' && event.type !== 'ERROR' && holds(event.object)) return event.object;
      }
    } finally {
      abort.abort();
    }
    throw new Error(`the watch of ${name} ended`);
  };

  const isReady = (pod: Pod): boolean =>
    pod.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True';
  const stateOf = (pod: Pod): ContainerState | undefined => pod.status?.containerStatuses?.[0]?.state;
  const remove = async (...names: string[]): Promise<void> => {
    await Promise.all(names.map((name) => client.delete(pods, { namespace, name })));
    await Promise.all(names.map((name) => until(name, () => false)));
  };
  const logOf = (pod: Pod): string => {
    const directory = `${namespace}_${pod.metadata.name}_${pod.metadata.uid}`;
    return readFileSync(join(root, 'pods-logs', directory, 'app/0.log'), 'utf8').replace(/^\S+ \S+ F /gm, '');
  };
  const inside = async (pod: Pod, ...command: string[]): Promise<string> => {
    const id = pod.status?.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
    return Buffer.from((await runtime.execSync(id, command, 5)).stdout).toString();
  };

  it('gives a pod its volumes, variables, names and limits, and follows its config map', async () => {
    const metadata = { name: 'conf', namespace };
    await client.create(configMaps, { metadata, data: { key: 'one' } });
    const script =
      'id; df /memory | tail -1; ls -ld /empty /memory; hostname; cat /etc/resolv.conf; env; touch /done; exec sleep 1000';
    await create('full', {
      securityContext: { fsGroup: 2000 },
      volumes: [
        { name: 'conf', configMap: { name: 'conf' } },
        { name: 'empty', emptyDir: {} },
        { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
      ],
      containers: [
        shell(script, {
          resources: { limits: { cpu: '200m', memory: '32Mi' } },
          env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
          volumeMounts: [
            { name: 'conf', mountPath: '/conf' },
            { name: 'empty', mountPath: '/empty', subPath: 'a/b' },
            { name: 'memory', mountPath: '/memory' },
          ],
          readinessProbe: { exec: { command: ['test', '-e', '/done'] }, periodSeconds: 1 },
        }),
      ],
    });
    const pod = (await until('full', isReady)) as Pod;
    const log = logOf(pod);
    expect(log).toMatch(/groups=.*2000/);
    expect(log).toMatch(/^tmpfs\s+8192 /m);
    expect(log).toMatch(/^drwxrws.* \/empty$/m);
    // As every tmpfs: who makes a file there is who may remove it.
    expect(log).toMatch(/^drwxrwsrwt.* \/memory$/m);
    expect(log).toContain('search default.svc.cluster.local svc.cluster.local cluster.local');
    expect(log).toContain(`IP=${pod.status?.podIP}`);
    expect(await inside(pod, 'cat', '/conf/key')).toBe('one');
    await client.patch(configMaps, metadata, { kind: 'merge', document: { data: { key: 'two' } } });
    await expect.poll(() => inside(pod, 'cat', '/conf/key')).toBe('two');
    await remove('full');
    await expect.poll(() => readdirSync(join(root, 'pods'))).toEqual([]);
  });

  it('tells what a pod, its network and its containers use', async () => {
    const script = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; touch /done; exec sleep 1000';
    await create('busy', {
      containers: [
        shell(script, {
          resources: { limits: { cpu: '500m', memory: '32Mi' } },
          readinessProbe: { exec: { command: ['test', '-e', '/done'] }, periodSeconds: 1 },
        }),
      ],
    });
    const pod = (await until('busy', isReady)) as Pod;
    // Nobody listens, and the question arrives.
    await fetch(`http://${pod.status?.podIP}:81/`).catch(() => undefined);
    const { groups, machine } = await agent.backend.groups();
    expect(machine.cpuCores).toBeGreaterThan(0);
    expect(groups[0]).toMatchObject({ labels: { id: '/', pod: '' } });
    const own = groups.filter(({ labels }) => labels.pod === 'busy');
    expect(own.map(({ labels }) => [labels.container, labels.id.split('/').length])).toEqual([
      ['', 3],
      ['', 4],
      ['app', 4],
    ]);
    const [whole, sandbox, app] = own;
    expect(app?.usage.cpu).toMatchObject({ quota: 50_000, period: 100_000 });
    expect(app?.usage.cpu.total).toBeGreaterThan(0);
    expect(app?.usage.memory).toMatchObject({ limit: 32 * 2 ** 20 });
    expect(app?.usage.memory.workingSet).toBeGreaterThan(0);
    expect(app?.labels.image).toContain('busybox');
    expect(whole?.usage.cpu.total).toBeGreaterThanOrEqual(app?.usage.cpu.total ?? Infinity);
    expect(sandbox?.interfaces).toMatchObject([{ name: 'eth0' }]);
    expect(sandbox?.interfaces?.[0]?.receive.packets).toBeGreaterThan(0);
    await remove('busy');
    expect((await agent.backend.groups()).groups.filter(({ labels }) => labels.pod === 'busy')).toEqual([]);
  });

  it('resizes a pod as it runs, and says why when the kernel will not', async () => {
    const of = (cpu: string, memory: string): Container['resources'] => {
      return { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu, memory } };
    };
    const made = await create('sized', { containers: [shell('sleep 1000', { resources: of('200m', '32Mi') })] });
    const before = (await until('sized', isReady)) as Pod;
    const resize = async (cpu: string, memory: string): Promise<void> => {
      const document = { spec: { containers: [{ name: 'app', resources: of(cpu, memory) }] } };
      const change = { kind: 'strategic', document } as const;
      await client.patch(pods, { namespace, name: 'sized' }, change, { subresource: 'resize' });
    };
    const has = (memory: string) => (pod: Pod) =>
      pod.status?.containerStatuses?.[0]?.resources?.limits?.memory === memory &&
      pod.status.conditions?.every(({ type }) => !type.startsWith('PodResize')) === true;
    const id = before.status?.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
    const groups = `${nodeCgroup(node)}/kubepods/burstable/pod${made.metadata.uid}`;
    const read = (controller: string, group: string, file: string): string =>
      readFileSync(join('/sys/fs/cgroup', controller, group, file), 'utf8').trim();
    const limits = (group: string): unknown[] =>
      existsSync('/sys/fs/cgroup/cgroup.controllers')
        ? [read('', group, 'cpu.max').split(' ')[0], read('', group, 'memory.max')].map(Number)
        : [read('cpu', group, 'cpu.cfs_quota_us'), read('memory', group, 'memory.limit_in_bytes')].map(Number);
    for (const [cpu, memory, quota, bytes] of [
      ['400m', '64Mi', 40_000, 64 * 2 ** 20],
      ['100m', '24Mi', 10_000, 24 * 2 ** 20],
    ] as const) {
      await resize(cpu, memory);
      const after = (await until('sized', has(memory))) as Pod;
      expect(after.status?.containerStatuses?.[0]).toMatchObject({
        restartCount: 0,
        containerID: `containerd://${id}`,
      });
      expect(limits(`${groups}/${id}`)).toEqual([quota, bytes]);
      await expect.poll(() => limits(groups)).toEqual([quota, bytes]);
    }
    await client.patch(
      ...([pods, { namespace, name: 'sized' }] as const),
      {
        kind: 'strategic',
        document: {
          spec: {
            containers: [{ name: 'app', resources: { requests: { memory: '4Ki' }, limits: { memory: '4Ki' } } }],
          },
        },
      },
      { subresource: 'resize' },
    );
    const failed = await until(
      'sized',
      ({ status }) =>
        status?.conditions?.some(({ type, reason }) => type === 'PodResizeInProgress' && reason === 'Error') === true,
    );
    const condition = failed?.status?.conditions?.find(({ type }) => type === 'PodResizeInProgress');
    expect(condition?.message).toMatch(/memory limit \(4096\) below current usage/);
    await remove('sized');
  });

  it('shows the last words of a container that crashes, and why one cannot start', async () => {
    await create('crash', { containers: [shell('echo last words >/dev/termination-log; exit 3')] });
    await create('broken', { containers: [{ name: 'app', image: 'busybox:1', command: ['/nope'] }] });
    const crash = await until('crash', (pod) => stateOf(pod)?.waiting?.reason === 'CrashLoopBackOff');
    expect(crash?.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 3,
      reason: 'Error',
      message: 'last words\n',
    });
    const broken = await until('broken', (pod) => stateOf(pod)?.waiting?.reason === 'RunContainerError');
    expect(broken && stateOf(broken)?.waiting?.message).toContain('/nope');
    await remove('crash', 'broken');
  });

  it('runs init containers and sidecars to a finished pod', async () => {
    const sleep = ['sleep', '1000'];
    await create('job', {
      restartPolicy: 'Never',
      initContainers: [
        { name: 'init', image: 'busybox:1', command: ['true'] },
        { name: 'proxy', image: 'busybox:1', restartPolicy: 'Always', command: sleep },
      ],
      containers: [shell('exit 0')],
    });
    const job = await until('job', (pod) => pod.status?.phase === 'Succeeded');
    expect(job?.status?.initContainerStatuses?.map((s) => s.state?.terminated?.exitCode)).toEqual([0, 137]);
    await remove('job');
  });

  it('starts a pod as soon as its image is imported', async () => {
    await create('late', {
      containers: [shell('exec sleep 1000', { image: 'late:1', imagePullPolicy: 'IfNotPresent' })],
    });
    await until('late', (pod) => /^ErrImage|^ImagePull/.test(stateOf(pod)?.waiting?.reason ?? ''));
    await importImage('late:1');
    expect(await until('late', isReady)).toBeDefined();
    await remove('late');
  });

  it('mounts an image as a volume, to be read, and takes it down', async () => {
    const mount = { name: 'image', mountPath: '/image' };
    const script = 'ls /image/bin/busybox /bin2/busybox; echo x >/image/x || echo read-only; exec sleep 1000';
    await create('mounting', {
      volumes: [{ name: 'image', image: { reference: 'busybox:1', pullPolicy: 'IfNotPresent' } }],
      containers: [shell(script, { volumeMounts: [mount, { ...mount, mountPath: '/bin2', subPath: 'bin' }] })],
    });
    const pod = (await until('mounting', isReady)) as Pod;
    // The complaint goes another way than the rest, and may come before it.
    await expect.poll(() => logOf(pod)).toMatch(/^read-only$/m);
    expect(logOf(pod)).toMatch(/^\/bin2\/busybox\n\/image\/bin\/busybox$/m);
    await remove('mounting');
    await expect.poll(() => readdirSync(join(root, 'pods'))).toEqual([]);
  });

  it('lays the layers of an image over each other', async () => {
    const { mounts } = createLinuxSystem();
    const at = (...parts: string[]): string => join(base, 'layers', ...parts);
    for (const name of ['top', 'bottom', 'mount']) mkdirSync(at(name), { recursive: true });
    writeFileSync(at('bottom', 'a'), 'below');
    writeFileSync(at('bottom', 'b'), 'below');
    writeFileSync(at('top', 'a'), 'above');
    await mounts.mountLayers(at('mount'), [at('top'), at('bottom')]);
    await mounts.mountLayers(at('mount'), [at('top'), at('bottom')]);
    try {
      expect(['a', 'b'].map((name) => readFileSync(at('mount', name), 'utf8'))).toEqual(['above', 'below']);
      expect(() => writeFileSync(at('mount', 'c'), '')).toThrow('EROFS');
    } finally {
      await mounts.unmountAll(at('mount'));
    }
    expect(readdirSync(at('mount'))).toEqual([]);
  });

  it('takes variables from a file, and no groups but those that it is given', async () => {
    const key = (name: string, optional?: boolean) => ({
      name,
      valueFrom: { fileKeyRef: { volumeName: 'shared', path: 'app.env', key: name, ...(optional && { optional }) } },
    });
    const write = `printf "ONE='first'\\nTWO='a\\nb'\\n" >/shared/app.env`;
    const containers = [
      shell('echo "<$ONE><$TWO><$THREE>"; id -G; exec sleep 1000', {
        env: [key('ONE'), key('TWO'), key('THREE', true)],
      }),
    ];
    await create('variables', {
      volumes: [{ name: 'shared', emptyDir: {} }],
      securityContext: { runAsUser: 0, supplementalGroups: [3000], supplementalGroupsPolicy: 'Strict' },
      initContainers: [shell(write, { name: 'init', volumeMounts: [{ name: 'shared', mountPath: '/shared' }] })],
      containers,
    });
    const pod = (await until('variables', isReady)) as Pod;
    await expect.poll(() => logOf(pod)).toBe('<first><a\nb><>\n0 3000\n');
    await remove('variables');
  });

  it('ends a pod when less is left of the machine than is to be', async () => {
    const { load } = createLinuxSystem();
    const { capacityBytes, availableBytes } = await load.memory();
    expect(availableBytes).toBeGreaterThan(0);
    expect(availableBytes).toBeLessThan(capacityBytes);
    expect((await load.processes()).most).toBeGreaterThan((await load.processes()).running);
    await create('victim', { containers: [shell('exec sleep 1000')] });
    await until('victim', isReady);
    await agent.stop();
    const thresholds = parseEvictionThresholds(`memory.available<${capacityBytes}`);
    agent = await newAgent({ thresholds, images: upstreamImageCollection });
    try {
      const victim = await until('victim', (pod) => pod.status?.phase === 'Failed');
      expect(victim?.status).toMatchObject({ reason: 'Evicted' });
      expect(victim?.status?.message).toMatch(
        /^The node was low on resource: memory\. Threshold .*Container app was using \S+, request is 0, has larger /,
      );
      const found = await client.get(nodes, { name: 'node-1' });
      expect(found.status?.conditions?.find(({ type }) => type === 'MemoryPressure')?.status).toBe('True');
    } finally {
      await agent.stop();
      agent = await newAgent();
      await remove('victim');
    }
  });

  it('is adopted by the next agent without a restart', async () => {
    await create('stays', { containers: [shell('exec sleep 1000')] });
    await create('goes', { containers: [shell('exec sleep 1000')] });
    const before = (await Promise.all([until('stays', isReady), until('goes', isReady)]))[0];
    await agent.stop();
    await client.delete(pods, { namespace, name: 'goes' }, { gracePeriodSeconds: 0 });
    agent = await newAgent();
    await expect.poll(async () => (await runtime.listPodSandboxes()).length).toBe(1);
    const after = await until('stays', isReady);
    expect(after?.status?.containerStatuses?.[0]?.containerID).toBe(
      before?.status?.containerStatuses?.[0]?.containerID,
    );
    await remove('stays');
  });

  it('leaves nothing of thirty pods that came and went', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `many-${i}`);
    let from = clock.monotonic();
    const container = shell('while true; do sleep 1000; done');
    await Promise.all(names.map((name) => create(name, { containers: [container] })));
    await Promise.all(names.map((name) => until(name, isReady)));
    const upMs = clock.monotonic() - from;
    from = clock.monotonic();
    await remove(...names);
    console.log(`30 pods: ready in ${Math.round(upMs)} ms, gone in ${Math.round(clock.monotonic() - from)} ms`);
    await expect.poll(async () => (await runtime.listPodSandboxes()).length).toBe(0);
    await expect.poll(() => [...readdirSync(join(root, 'pods')), ...readdirSync(join(root, 'pods-logs'))]).toEqual([]);
    const cgroup = `/sys/fs/cgroup/memory${nodeCgroup(node)}/kubepods/besteffort`;
    const left = (): string[] =>
      existsSync(cgroup) ? readdirSync(cgroup).filter((name) => name.startsWith('pod')) : [];
    await expect.poll(left).toEqual([]);
  });
});
