import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec, PodStatus } from '../api/types/core-v1.ts';
import { observation, type PodMemory, type ProbeVerdict, type WaitingReason } from './pod-observation.ts';
import { generatePodStatus, podOutcome, type PodStatusInput } from './pod-status.ts';
import type { ContainerStatusInfo, SandboxStatus } from './runtime.ts';

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const app: Container = { name: 'app', image: 'app:1' };
const ready: ProbeVerdict = { ready: true, started: true, failed: 'none', unhealthy: false };

interface Given {
  spec?: Partial<PodSpec>;
  status?: PodStatus;
  deleted?: boolean;
  containers?: Partial<ContainerStatusInfo>[];
  sandboxes?: SandboxStatus[];
  waiting?: Record<string, WaitingReason>;
  starting?: string[];
  verdict?: ProbeVerdict;
  failure?: PodStatusInput['failure'];
}

const sandbox: SandboxStatus = {
  id: 's0',
  name: 'web',
  namespace: 'default',
  uid: 'u1',
  attempt: 0,
  state: 'ready',
  createdAtMs: 0,
  labels: {},
  annotations: {},
  ip: '10.0.0.7',
  additionalIps: [],
};

function container(change: Partial<ContainerStatusInfo>): ContainerStatusInfo {
  const base = { id: 'c0', sandboxId: 's0', name: 'app', attempt: 0, state: 'running' as const, createdAtMs: 0 };
  const image = { image: 'docker.io/library/app:1', imageRef: 'sha256:abc', labels: {}, annotations: {} };
  const end = { exitCode: 0, reason: '', message: '', logPath: '' };
  return { ...base, ...image, startedAtMs: nowMs - 5000, finishedAtMs: nowMs - 1000, ...end, ...change };
}

function input(given: Given): PodStatusInput {
  const pod: Pod = {
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'u1',
      generation: 1,
      ...(given.deleted && { deletionTimestamp: '2026-01-02T03:04:05Z' }),
    },
    spec: { containers: [app], restartPolicy: 'Always', ...given.spec },
    ...(given.status && { status: given.status }),
  };
  const memory: PodMemory = {
    starting: new Set(given.starting),
    waiting: new Map(Object.entries(given.waiting ?? {})),
    verdictOf: () => given.verdict ?? ready,
    resized: new Set(),
    resourcesOf: () => undefined,
  };
  return {
    pod,
    observed: observation(given.sandboxes ?? [sandbox], (given.containers ?? []).map(container)),
    memory,
    nowMs,
    runtimeName: 'containerd',
    hostIps: ['192.0.2.1'],
    ...(given.failure && { failure: given.failure }),
  };
}

const statusOf = (given: Given): PodStatus => generatePodStatus(input(given));
const condition = (status: PodStatus, type: string): unknown => status.conditions?.find((c) => c.type === type);

describe('a pod that starts', () => {
  it('is pending, with its containers being created', () => {
    const status = statusOf({ sandboxes: [] });
    expect(status).toMatchObject({
      phase: 'Pending',
      hostIP: '192.0.2.1',
      startTime: '2026-01-02T03:04:05Z',
      qosClass: 'BestEffort',
    });
    expect(status.podIP).toBeUndefined();
    expect(status.containerStatuses).toMatchObject([
      {
        name: 'app',
        state: { waiting: { reason: 'ContainerCreating' } },
        ready: false,
        started: false,
        image: 'app:1',
      },
    ]);
    expect(condition(status, 'PodReadyToStartContainers')).toMatchObject({ status: 'False' });
    expect(condition(status, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [app]',
      observedGeneration: 1,
    });
  });

  it('shows whom its containers run as, where the runtime tells', () => {
    const shown = (user?: ContainerStatusInfo['user']): unknown =>
      statusOf({ containers: [user ? { user } : {}] }).containerStatuses?.[0]?.user;
    expect(shown({ uid: 1000, gid: 3000, groups: [3000, 4000] })).toEqual({
      linux: { uid: 1000, gid: 3000, supplementalGroups: [3000, 4000] },
    });
    expect(shown()).toBeUndefined();
  });

  it('waits for its init containers, by name', () => {
    const status = statusOf({
      spec: { initContainers: [{ name: 'one' }, { name: 'two' }] },
      containers: [{ name: 'one' }],
    });
    expect(status.phase).toBe('Pending');
    expect(condition(status, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [one two]',
    });
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    expect(status.initContainerStatuses).toMatchObject([
      { name: 'one', state: { running: {} } },
      { name: 'two', state: { waiting: { reason: 'PodInitializing' } } },
    ]);
  });

  it('does not show a container as running before its postStart hook is done', () => {
    const status = statusOf({ containers: [{}], starting: ['app'] });
    expect(status.containerStatuses).toMatchObject([
      { ready: false, state: { waiting: { reason: 'ContainerCreating' } } },
    ]);
    expect(status.phase).toBe('Pending');
  });

  it('does not show a container as running that is ended because its postStart hook failed', () => {
    const waiting = { app: { reason: 'PostStartHookError', message: 'PostStartHook failed' } };
    const [status] = statusOf({ containers: [{}], waiting }).containerStatuses ?? [];
    expect(status).toMatchObject({ ready: false, state: { waiting: waiting.app } });
  });

  it('says why an image does not come', () => {
    const waiting = { app: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "app:1"' } };
    const status = statusOf({ waiting });
    expect(status.phase).toBe('Pending');
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: waiting.app });
  });
});

describe('a running pod', () => {
  it('is ready when its containers are', () => {
    const status = statusOf({ containers: [{}] });
    expect(status).toMatchObject({ phase: 'Running', podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }] });
    expect(status.containerStatuses).toMatchObject([
      {
        ready: true,
        started: true,
        restartCount: 0,
        image: 'docker.io/library/app:1',
        imageID: 'sha256:abc',
        containerID: 'containerd://c0',
        state: { running: { startedAt: '2026-01-02T03:04:00Z' } },
      },
    ]);
    for (const type of ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready', 'PodReadyToStartContainers']) {
      expect(condition(status, type), type).toMatchObject({ status: 'True' });
    }
  });

  it('is not ready before its readiness gates', () => {
    const spec = { readinessGates: [{ conditionType: 'example.com/lb' }] };
    expect(condition(statusOf({ spec, containers: [{}] }), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: 'corresponding condition of pod readiness gate "example.com/lb" does not exist.',
    });
  });

  it('keeps the transition time of a condition that stays', () => {
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2025-12-31T00:00:00Z' }];
    const status = statusOf({ containers: [{}], status: { conditions } });
    expect(condition(status, 'Ready')).toMatchObject({ lastTransitionTime: '2025-12-31T00:00:00Z' });
    expect(condition(status, 'ContainersReady')).toMatchObject({ lastTransitionTime: '2026-01-02T03:04:05Z' });
  });

  it('shows a crash loop with the last end', () => {
    const message = 'back-off 10s restarting failed container=app pod=web_default(u1)';
    const status = statusOf({
      containers: [{ state: 'exited', exitCode: 3, reason: 'Error', attempt: 2 }],
      waiting: { app: { reason: 'CrashLoopBackOff', message } },
    });
    expect(status.phase).toBe('Running');
    expect(status.containerStatuses).toMatchObject([
      {
        restartCount: 2,
        state: { waiting: { reason: 'CrashLoopBackOff', message } },
        lastState: { terminated: { exitCode: 3, reason: 'Error', containerID: 'containerd://c0' } },
      },
    ]);
  });

  it('remembers the attempt before', () => {
    const containers = [
      { id: 'c1', attempt: 1 },
      { id: 'c0', state: 'exited' as const, exitCode: 1 },
    ];
    expect(statusOf({ containers }).containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 1, containerID: 'containerd://c0' } },
    });
  });
});

describe('a pod that ends', () => {
  const ended = { state: 'exited' as const, reason: 'Completed' };

  it('succeeds or fails by its exit codes', () => {
    const spec = { restartPolicy: 'Never' };
    const succeeded = statusOf({ spec, containers: [ended] });
    expect(succeeded.phase).toBe('Succeeded');
    expect(condition(succeeded, 'Ready')).toMatchObject({ status: 'False', reason: 'PodCompleted' });
    expect(condition(succeeded, 'Initialized')).toMatchObject({ status: 'True', reason: 'PodCompleted' });
    const failed = statusOf({ spec, containers: [{ ...ended, exitCode: 2 }] });
    expect(failed.phase).toBe('Failed');
    expect(condition(failed, 'ContainersReady')).toMatchObject({ reason: 'PodFailed' });
  });

  it('goes on where its container is not to start again, but stays', () => {
    const given = input({ containers: [{ ...ended, exitCode: 3 }] });
    given.pod.metadata.annotations = { 'timonel.dev/restart': 'never' };
    const status = generatePodStatus(given);
    expect(status.phase).toBe('Running');
    expect(status.containerStatuses).toMatchObject([{ state: { terminated: { exitCode: 3 } }, ready: false }]);
    expect(condition(status, 'Ready')).toMatchObject({ status: 'False' });
  });

  it('says that it stands still, and afterwards that it does not', () => {
    const paused = generatePodStatus({ ...input({ containers: [{}] }), isPaused: true });
    expect(condition(paused, 'timonel.dev/Paused')).toMatchObject({ status: 'True' });
    const given = input({ containers: [{}], status: { conditions: paused.conditions } });
    expect(condition(generatePodStatus(given), 'timonel.dev/Paused')).toMatchObject({ status: 'False' });
    expect(condition(statusOf({ containers: [{}] }), 'timonel.dev/Paused')).toBeUndefined();
  });

  it('is Failed with its first init container that may not run again', () => {
    const spec = { restartPolicy: 'Never', initContainers: [{ name: 'init' }] };
    expect(statusOf({ spec, containers: [{ ...ended, name: 'init', exitCode: 1 }] }).phase).toBe('Failed');
  });

  it('is not over in the API while a sidecar runs, though the agent knows it is', () => {
    const spec = { restartPolicy: 'Never', initContainers: [{ name: 'proxy', restartPolicy: 'Always' }] };
    const given: Given = {
      spec,
      containers: [ended, { name: 'proxy', id: 'p0' }],
      status: { phase: 'Running' },
    };
    expect(statusOf(given).phase).toBe('Running');
    expect(podOutcome(input(given))).toBe('Succeeded');
  });

  it('keeps a finished phase for ever', () => {
    expect(statusOf({ status: { phase: 'Failed', reason: 'Evicted', message: 'm' }, sandboxes: [] })).toMatchObject({
      phase: 'Failed',
      reason: 'Evicted',
      message: 'm',
    });
  });

  it('is Failed when it was deleted and its containers were killed', () => {
    expect(statusOf({ deleted: true, containers: [{ ...ended, exitCode: 137 }] }).phase).toBe('Failed');
    expect(statusOf({ deleted: true, containers: [ended] }).phase).toBe('Succeeded');
  });

  it('gives the reason of its failure', () => {
    const failure = { reason: 'DeadlineExceeded', message: 'too long' };
    expect(statusOf({ failure, containers: [{ ...ended, exitCode: 137 }] })).toMatchObject({
      phase: 'Failed',
      ...failure,
    });
  });

  it('says that a container was lost', () => {
    const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };
    const old = { name: 'app', ready: true, restartCount: 1, image: '', imageID: '', containerID: 'containerd://x' };
    const status = statusOf({
      sandboxes: [],
      status: { phase: 'Running', containerStatuses: [{ ...old, state: running }] },
    });
    expect(status.containerStatuses).toMatchObject([
      { restartCount: 2, lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } } },
    ]);
  });
});
