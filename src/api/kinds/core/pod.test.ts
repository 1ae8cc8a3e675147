import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec, PodStatus } from '../../types/core-v1.ts';
import { pod as podKind } from './pod.ts';

function makePod(spec: Partial<PodSpec> = {}, container: Partial<Container> = {}): Pod {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers: [{ name: 'web', image: 'nginx:1.27', ...container }], ...spec },
  };
  podKind.defaults?.(pod as never);
  return pod;
}

function causes(pod: Pod): string[] {
  return (podKind.validate?.(pod as never) ?? []).map(({ field, message }) => `${field}: ${message}`);
}

function updateCauses(pod: Pod, old: Pod): string[] {
  return (podKind.validateUpdate?.(pod as never, old as never, '') ?? []).map(({ message }) => message ?? '');
}

function cells(status: PodStatus, { spec = {}, metadata = {} }: { spec?: Partial<PodSpec>; metadata?: object } = {}) {
  const pod = makePod(spec);
  pod.status = status;
  Object.assign(pod.metadata, { creationTimestamp: '2026-01-01T00:00:00Z' }, metadata);
  const now = Date.parse('2026-01-01T00:10:00Z');
  return Object.fromEntries((podKind.columns ?? []).map(({ name, value }) => [name, value(pod as never, now)]));
}

const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };

function containerStatus(name: string, extra: object = {}) {
  return { name, ready: true, restartCount: 0, image: '', imageID: '', state: running, ...extra };
}

describe('pod defaults', () => {
  it('complete a bare pod as upstream does', () => {
    expect(makePod({}, { image: 'nginx', ports: [{ containerPort: 80 }] }).spec).toEqual({
      containers: [
        {
          name: 'web',
          image: 'nginx',
          imagePullPolicy: 'Always',
          ports: [{ containerPort: 80, protocol: 'TCP' }],
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
    });
  });

  it.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    ['localhost:5000/nginx', 'Always'],
    ['localhost:5000/nginx:1', 'IfNotPresent'],
    ['nginx@sha256:0123', 'IfNotPresent'],
  ])('pull %s by the policy %s', (image, policy) => {
    expect(makePod({}, { image }).spec?.containers[0]?.imagePullPolicy).toBe(policy);
  });

  it('request what the limits allow, where nothing is requested', () => {
    const resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } };
    expect(makePod({}, { resources }).spec?.containers[0]?.resources?.requests).toEqual({ cpu: '500m', memory: '1Gi' });
  });

  it('give probes their numbers and HTTP handlers path and scheme', () => {
    const { livenessProbe } = makePod({}, { livenessProbe: { httpGet: { port: 80 } } }).spec!.containers[0]!;
    expect(livenessProbe).toEqual({
      httpGet: { port: 80, path: '/', scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    });
  });

  it('give volumes of files a mode, and a volume without a source an empty directory', () => {
    const { volumes } = makePod({
      volumes: [
        { name: 'a', configMap: { name: 'x' } },
        { name: 'b' },
        { name: 'c', hostPath: { path: '/x' } },
        { name: 'd', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
      ],
    }).spec!;
    expect(volumes).toEqual([
      { name: 'a', configMap: { name: 'x', defaultMode: 420 } },
      { name: 'b', emptyDir: {} },
      { name: 'c', hostPath: { path: '/x', type: '' } },
      {
        name: 'd',
        projected: { defaultMode: 420, sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }] },
      },
    ]);
  });

  it('open on the host what the container opens, in the network of the host', () => {
    const { containers } = makePod({ hostNetwork: true }, { ports: [{ containerPort: 80 }] }).spec!;
    expect(containers[0]?.ports).toEqual([{ containerPort: 80, hostPort: 80, protocol: 'TCP' }]);
  });

  it('write the service account under its old name too', () => {
    expect(makePod({ serviceAccount: 'robot' }).spec).toMatchObject({ serviceAccountName: 'robot' });
  });

  it('sum requests of a pod that has limits as a whole', () => {
    const spec = makePod(
      { resources: { limits: { cpu: '2', memory: '1Gi' } } },
      { resources: { requests: { cpu: '250m' } } },
    ).spec;
    expect(spec?.resources?.requests).toEqual({ cpu: '250m', memory: '1Gi' });
  });
});

describe('pod creation', () => {
  it.each([
    ['BestEffort', {}],
    ['Burstable', { requests: { cpu: '1' } }],
    ['Guaranteed', { limits: { cpu: '1000m', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } }],
  ])('starts as Pending with quality of service %s', (qosClass, resources) => {
    const pod = makePod({}, { resources });
    pod.status = { phase: 'Running' };
    podKind.prepareForCreate?.(pod as never, { now: 0 });
    expect(pod.status).toEqual({ phase: 'Pending', qosClass });
  });

  it('takes a negative grace for the shortest, also when a pod is updated', () => {
    const pod = makePod({ terminationGracePeriodSeconds: -1 });
    podKind.prepareForCreate?.(pod as never, { now: 0 });
    expect(pod.spec?.terminationGracePeriodSeconds).toBe(1);
    const updated = makePod({ terminationGracePeriodSeconds: -1 });
    podKind.prepareForUpdate?.(updated as never, pod as never, '', { now: 0 });
    expect(updated.spec?.terminationGracePeriodSeconds).toBe(1);
    expect(updateCauses(updated, pod)).toEqual([]);
  });

  it('says that a gated pod is not scheduled', () => {
    const pod = makePod({ schedulingGates: [{ name: 'example.com/wait' }] });
    podKind.prepareForCreate?.(pod as never, { now: 0 });
    expect(pod.status?.conditions).toMatchObject([
      { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' },
    ]);
  });
});

describe('pod validation', () => {
  it('accepts a pod that uses much', () => {
    const pod = makePod(
      {
        initContainers: [
          { name: 'prepare', image: 'a' },
          { name: 'sidecar', image: 'b', restartPolicy: 'Always', startupProbe: { exec: { command: ['true'] } } },
        ],
        volumes: [{ name: 'data' }, { name: 'config', configMap: { name: 'c', items: [{ key: 'k', path: 'a/b' }] } }],
        tolerations: [{ operator: 'Exists' }, { key: 'a', value: 'b', effect: 'NoExecute', tolerationSeconds: 5 }],
        topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
        hostAliases: [{ ip: '10.0.0.1', hostnames: ['a.example'] }],
        dnsConfig: { searches: ['.', '_sip._tcp.abc_d.example.com', 'example.com.'] },
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] }],
            },
          },
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, podAffinityTerm: { topologyKey: 'zone', labelSelector: { matchLabels: { a: 'b' } } } },
            ],
          },
        },
      },
      {
        env: [
          { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        ],
        envFrom: [{ configMapRef: { name: 'c' } }],
        ports: [{ name: 'http', containerPort: 80 }],
        readinessProbe: { tcpSocket: { port: 'http' }, successThreshold: 2 },
        volumeMounts: [
          { name: 'data', mountPath: '/data', subPath: 'a' },
          { name: 'config', mountPath: '/config' },
        ],
        resources: { limits: { 'example.com/gpu': '1', cpu: '2' } },
      },
    );
    expect(causes(pod)).toEqual([]);
  });

  it.each<[string, Partial<PodSpec>, Partial<Container>, string]>([
    ['no container', { containers: [] }, {}, 'spec.containers: Required value'],
    ['no image', {}, { image: '' }, 'spec.containers[0].image: Required value'],
    [
      'a restart policy of its own making',
      { restartPolicy: 'Sometimes' },
      {},
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
    ],
    [
      'a mount of no volume',
      {},
      { volumeMounts: [{ name: 'x', mountPath: '/x' }] },
      'spec.containers[0].volumeMounts[0].name: Not found: "x"',
    ],
    [
      'two mounts at one path',
      { volumes: [{ name: 'x' }] },
      {
        volumeMounts: [
          { name: 'x', mountPath: '/x' },
          { name: 'x', mountPath: '/x' },
        ],
      },
      'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique',
    ],
    [
      'a port out of range',
      {},
      { ports: [{ containerPort: 70000 }] },
      'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      'a probe with two handlers',
      {},
      { livenessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 1 } } },
      'spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
    ],
    [
      'a liveness probe that must succeed twice',
      {},
      { livenessProbe: { tcpSocket: { port: 1 }, successThreshold: 2 } },
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ],
    [
      'requests above limits',
      {},
      { resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } },
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [
      'an unknown resource',
      {},
      { resources: { limits: { speed: '1' } } },
      'spec.containers[0].resources.limits[speed]: Invalid value: "speed": must be a standard resource type or fully qualified',
    ],
    [
      'a variable with value and source',
      {},
      { env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] },
      'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ],
    [
      'two sources of a volume',
      { volumes: [{ name: 'v', emptyDir: {}, secret: { secretName: 's' } }] },
      {},
      'spec.volumes[0].secret: Forbidden: may not specify more than one volume type',
    ],
    [
      'an init container with a probe',
      { initContainers: [{ name: 'i', image: 'i', livenessProbe: { tcpSocket: { port: 1 } } }] },
      {},
      'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
    [
      'a name used twice',
      { initContainers: [{ name: 'web', image: 'i' }] },
      {},
      'spec.initContainers[0].name: Duplicate value: "web"',
    ],
    [
      'a toleration with a value that is not compared',
      { tolerations: [{ operator: 'Equal' }] },
      {},
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
    [
      'an own DNS without a server',
      { dnsPolicy: 'None' },
      {},
      'spec.dnsConfig: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None',
    ],
  ])('refuses %s', (_, spec, container, cause) => {
    expect(causes(makePod(spec, container))).toContain(cause);
  });
});

describe('pod update', () => {
  it('lets images, a shorter deadline and further tolerations through', () => {
    const old = makePod({ activeDeadlineSeconds: 100, tolerations: [{ key: 'a', operator: 'Exists' }] });
    const pod = structuredClone(old);
    pod.spec!.containers[0]!.image = 'nginx:2';
    pod.spec!.activeDeadlineSeconds = 50;
    pod.spec!.tolerations!.push({ key: 'b', operator: 'Exists' });
    expect(updateCauses(pod, old)).toEqual([]);
  });

  it("refuses anything else in upstream's words", () => {
    const old = makePod();
    const pod = structuredClone(old);
    pod.spec!.nodeSelector = { disk: 'ssd' };
    expect(updateCauses(pod, old)[0]).toMatch(
      /^Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`,`spec\.initContainers/,
    );
  });

  it('refuses to take a toleration away and to add a container', () => {
    const old = makePod({ tolerations: [{ key: 'a', operator: 'Exists' }] });
    const less = structuredClone(old);
    less.spec!.tolerations = [];
    expect(updateCauses(less, old)[0]).toContain('existing toleration can not be modified');
    const more = structuredClone(old);
    more.spec!.containers.push({ name: 'b', image: 'b' });
    expect(updateCauses(more, old)).toEqual(['Forbidden: pod updates may not add or remove containers']);
  });

  it('keeps the status on a write to the pod, and the spec on a write to its status', () => {
    const old = makePod();
    old.status = { phase: 'Running', qosClass: 'BestEffort' };
    const pod = makePod({ nodeName: 'elsewhere' });
    pod.status = { phase: 'Failed' };
    podKind.prepareForUpdate?.(pod as never, old as never, 'status', { now: 0 });
    expect(pod).toMatchObject({ spec: old.spec, status: { phase: 'Failed', qosClass: 'BestEffort' } });
    podKind.prepareForUpdate?.(pod as never, old as never, '', { now: 0 });
    expect(pod.status?.phase).toBe('Running');
  });

  it('takes nothing but ephemeral containers through their subresource', () => {
    const old = makePod();
    const pod = makePod({ nodeName: 'x', ephemeralContainers: [{ name: 'debug', image: 'busybox' }] });
    podKind.prepareForUpdate?.(pod as never, old as never, 'ephemeralcontainers', { now: 0 });
    expect(pod.spec?.nodeName).toBeUndefined();
    expect(pod.spec?.ephemeralContainers).toHaveLength(1);
  });
});

describe('pod deletion', () => {
  const decide = (pod: Pod, seconds?: number) => podKind.gracefulDeletion?.(pod as never, seconds);

  it('gives a pod on a node the grace that was asked for, else its own', () => {
    const pod = makePod({ nodeName: 'n' });
    expect(decide(pod)).toEqual({ kind: 'graceful', seconds: 30 });
    expect(decide(pod, 5)).toEqual({ kind: 'graceful', seconds: 5 });
    expect(decide(pod, 0)).toEqual({ kind: 'now' });
  });

  it('removes at once what no node runs, or what has ended', () => {
    expect(decide(makePod())).toEqual({ kind: 'now' });
    const ended = makePod({ nodeName: 'n' });
    ended.status = { phase: 'Succeeded' };
    expect(decide(ended)).toEqual({ kind: 'now' });
  });
});

describe('pod columns', () => {
  it('print a running pod', () => {
    const status: PodStatus = {
      phase: 'Running',
      podIPs: [{ ip: '10.1.0.2' }],
      containerStatuses: [containerStatus('web')],
    };
    expect(cells(status, { spec: { nodeName: 'n1' } })).toEqual({
      Name: 'web',
      Ready: '1/1',
      Status: 'Running',
      Restarts: '0',
      Age: '10m',
      IP: '10.1.0.2',
      Node: 'n1',
      'Nominated Node': '<none>',
      'Readiness Gates': '<none>',
    });
  });

  it('say when a crashing container ended last', () => {
    const web = containerStatus('web', {
      ready: false,
      restartCount: 3,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:05:00Z' } },
    });
    const { Ready, Status, Restarts } = cells({ phase: 'Running', containerStatuses: [web] });
    expect([Ready, Status, Restarts]).toEqual(['0/1', 'CrashLoopBackOff', '3 (5m ago)']);
  });

  it.each<[string, PodStatus, Partial<PodSpec>]>([
    ['Pending', { phase: 'Pending' }, {}],
    [
      'ContainerCreating',
      {
        phase: 'Pending',
        containerStatuses: [containerStatus('web', { state: { waiting: { reason: 'ContainerCreating' } } })],
      },
      {},
    ],
    [
      'Completed',
      {
        phase: 'Succeeded',
        containerStatuses: [containerStatus('web', { state: { terminated: { exitCode: 0, reason: 'Completed' } } })],
      },
      {},
    ],
    [
      'ExitCode:3',
      { phase: 'Failed', containerStatuses: [containerStatus('web', { state: { terminated: { exitCode: 3 } } })] },
      {},
    ],
    [
      'Signal:9',
      {
        phase: 'Failed',
        containerStatuses: [containerStatus('web', { state: { terminated: { exitCode: 137, signal: 9 } } })],
      },
      {},
    ],
    ['Evicted', { phase: 'Failed', reason: 'Evicted' }, {}],
    [
      'SchedulingGated',
      { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
      {},
    ],
    [
      'Init:1/2',
      {
        phase: 'Pending',
        initContainerStatuses: [
          containerStatus('a', { state: { terminated: { exitCode: 0 } } }),
          containerStatus('b', { ready: false }),
        ],
      },
      {
        initContainers: [
          { name: 'a', image: 'a' },
          { name: 'b', image: 'b' },
        ],
      },
    ],
    [
      'Init:Error',
      {
        phase: 'Pending',
        initContainerStatuses: [containerStatus('a', { state: { terminated: { exitCode: 1, reason: 'Error' } } })],
      },
      { initContainers: [{ name: 'a', image: 'a' }] },
    ],
    [
      'NotReady',
      {
        phase: 'Running',
        containerStatuses: [
          containerStatus('web', { state: { terminated: { exitCode: 0, reason: 'Completed' } } }),
          containerStatus('other'),
        ],
      },
      {},
    ],
  ])('show the status %s', (text, status, spec) => {
    expect(cells(status, { spec }).Status).toBe(text);
  });

  it('tell a pod that goes from one whose node is lost', () => {
    const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(cells({ phase: 'Running' }, { metadata }).Status).toBe('Terminating');
    expect(cells({ phase: 'Running', reason: 'NodeLost' }, { metadata }).Status).toBe('Unknown');
  });

  it('count sidecars among the containers', () => {
    const status: PodStatus = {
      phase: 'Running',
      initContainerStatuses: [containerStatus('side', { started: true, restartCount: 2 })],
      containerStatuses: [containerStatus('web')],
    };
    const spec = { initContainers: [{ name: 'side', image: 'a', restartPolicy: 'Always' }] };
    const { Ready, Restarts } = cells(status, { spec });
    expect([Ready, Restarts]).toEqual(['2/2', '2']);
  });
});
