import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../api/types/core-v1.ts';
import { computePodActions, hashAnnotation } from './pod-actions.ts';
import { observation, type PodMemory, type ProbeVerdict } from './pod-observation.ts';
import { containerHash } from './pod-spec.ts';
import type { ContainerStatusInfo, SandboxStatus } from './runtime.ts';

const healthy: ProbeVerdict = { ready: true, started: true, failed: 'none', unhealthy: false };

function podOf(spec: Partial<PodSpec>): Pod {
  const metadata = { name: 'web', namespace: 'default', uid: 'u1' };
  return { metadata, spec: { containers: [{ name: 'app', image: 'app:1' }], restartPolicy: 'Always', ...spec } };
}

function sandbox(attempt = 0, state: SandboxStatus['state'] = 'ready'): SandboxStatus {
  const identity = { name: 'web', namespace: 'default', uid: 'u1', attempt };
  return {
    ...identity,
    id: `s${attempt}`,
    state,
    createdAtMs: attempt,
    labels: {},
    annotations: {},
    ip: '10.0.0.1',
    additionalIps: [],
  };
}

function ran(spec: Container, change: Partial<ContainerStatusInfo> = {}): ContainerStatusInfo {
  const attempt = change.attempt ?? 0;
  return {
    id: `${spec.name}-${attempt}`,
    sandboxId: 's0',
    name: spec.name,
    attempt,
    state: 'running',
    image: spec.image ?? '',
    imageRef: '',
    createdAtMs: attempt,
    labels: {},
    annotations: { [hashAnnotation]: containerHash(spec) },
    startedAtMs: 0,
    finishedAtMs: 0,
    exitCode: 0,
    reason: '',
    message: '',
    logPath: '',
    ...change,
  };
}

function actions(options: {
  pod: Pod;
  sandboxes?: SandboxStatus[];
  containers?: ContainerStatusInfo[];
  verdicts?: Record<string, ProbeVerdict>;
  starting?: string[];
}): ReturnType<typeof computePodActions> {
  const memory: PodMemory = {
    starting: new Set(options.starting),
    waiting: new Map(),
    resized: new Set(),
    resourcesOf: () => undefined,
    verdictOf: (id) => options.verdicts?.[id] ?? healthy,
  };
  return computePodActions(
    options.pod,
    observation(options.sandboxes ?? [sandbox()], options.containers ?? []),
    memory,
  );
}

const names = (found: ReturnType<typeof computePodActions>): string[] => found.start.map((s) => s.container.spec.name);
const app: Container = { name: 'app', image: 'app:1' };
const init: Container = { name: 'init', image: 'init:1' };
const second: Container = { name: 'second', image: 'init:1' };
const sidecar: Container = { name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' };

describe('sandboxes', () => {
  it('come first', () => {
    expect(actions({ pod: podOf({}), sandboxes: [] })).toMatchObject({ createSandbox: { attempt: 0 }, start: [] });
  });

  it('are made anew when they are down, once nothing runs any more', () => {
    const down = [sandbox(0, 'notReady')];
    const busy = actions({ pod: podOf({}), sandboxes: down, containers: [ran(app)] });
    expect(busy.createSandbox).toBeUndefined();
    expect(busy.kill.map((kill) => kill.containerId)).toEqual(['app-0']);
    const ended = [ran(app, { state: 'exited', exitCode: 137 })];
    expect(actions({ pod: podOf({}), sandboxes: down, containers: ended }).createSandbox).toEqual({ attempt: 1 });
  });

  it('are not made anew for a pod that never restarts and has run', () => {
    const ended = [ran(app, { state: 'exited', exitCode: 1 })];
    const pod = podOf({ restartPolicy: 'Never' });
    expect(actions({ pod, sandboxes: [sandbox(0, 'notReady')], containers: ended }).createSandbox).toBeUndefined();
  });

  it('are made anew for a pod that never restarts and whose container was made but never ran', () => {
    const pod = podOf({ restartPolicy: 'Never' });
    const containers = [ran(app, { state: 'created' })];
    expect(actions({ pod, sandboxes: [sandbox(0, 'notReady')], containers }).createSandbox).toEqual({ attempt: 1 });
  });

  it('count as down without an address, unless the pod is in the host network', () => {
    const bare = { ...sandbox(), ip: '' };
    expect(actions({ pod: podOf({}), sandboxes: [bare] }).createSandbox).toEqual({ attempt: 1 });
    expect(names(actions({ pod: podOf({ hostNetwork: true }), sandboxes: [bare] }))).toEqual(['app']);
  });
});

describe('init containers', () => {
  const pod = podOf({ initContainers: [init, second] });

  it('run one after the other, before the app', () => {
    expect(names(actions({ pod }))).toEqual(['init']);
    expect(names(actions({ pod, containers: [ran(init)] }))).toEqual([]);
    const one = ran(init, { state: 'exited' });
    expect(names(actions({ pod, containers: [one] }))).toEqual(['second']);
    expect(names(actions({ pod, containers: [one, ran(second, { state: 'exited' })] }))).toEqual(['app']);
  });

  it('are tried again when they fail, unless the pod never restarts', () => {
    const failed = [ran(init, { state: 'exited', exitCode: 1 })];
    expect(actions({ pod, containers: failed }).start).toMatchObject([{ attempt: 1 }]);
    const never = podOf({ initContainers: [init], restartPolicy: 'Never' });
    expect(actions({ pod: never, containers: failed }).start).toEqual([]);
  });

  it('do not run again while an app container of this sandbox is there', () => {
    expect(actions({ pod, containers: [ran(app)] }).start).toEqual([]);
  });

  it('run again in a new sandbox', () => {
    const old = [ran(init, { state: 'exited' }), ran(app, { state: 'exited', exitCode: 1 })];
    const found = actions({ pod, sandboxes: [sandbox(1), sandbox(0, 'notReady')], containers: old });
    expect(found.start).toMatchObject([{ container: { spec: { name: 'init' } }, attempt: 1 }]);
  });
});

describe('sidecars', () => {
  const pod = podOf({ initContainers: [sidecar, init] });

  it('hold back what follows until they have started', () => {
    expect(names(actions({ pod }))).toEqual(['proxy']);
    const unstarted = { 'proxy-0': { ...healthy, started: false } };
    expect(names(actions({ pod, containers: [ran(sidecar)], verdicts: unstarted }))).toEqual([]);
    expect(names(actions({ pod, containers: [ran(sidecar)] }))).toEqual(['init']);
  });

  it('restart at any time, whatever their exit code and the pod policy', () => {
    const ended = ran(sidecar, { state: 'exited', exitCode: 0 });
    const running = [ended, ran(init, { state: 'exited' }), ran(app)];
    const never = podOf({ initContainers: [sidecar, init], restartPolicy: 'Never' });
    expect(names(actions({ pod: never, containers: running }))).toEqual(['proxy']);
    expect(names(actions({ pod, containers: [ended, ran(init)] }))).toEqual(['proxy']);
  });
});

describe('app containers', () => {
  it('restart as the policy says', () => {
    const cases: [string, number, boolean][] = [
      ['Always', 0, true],
      ['Always', 1, true],
      ['OnFailure', 0, false],
      ['OnFailure', 1, true],
      ['Never', 1, false],
    ];
    for (const [restartPolicy, exitCode, again] of cases) {
      const found = actions({ pod: podOf({ restartPolicy }), containers: [ran(app, { state: 'exited', exitCode })] });
      expect(names(found), `${restartPolicy} ${exitCode}`).toEqual(again ? ['app'] : []);
    }
  });

  it('follow their own rules for exit codes before the policy', () => {
    const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
    const own: Container = { ...app, restartPolicy: 'Never', restartPolicyRules: rules };
    const pod = podOf({ containers: [own], restartPolicy: 'Never' });
    expect(names(actions({ pod, containers: [ran(own, { state: 'exited', exitCode: 42 })] }))).toEqual(['app']);
    expect(names(actions({ pod, containers: [ran(own, { state: 'exited', exitCode: 1 })] }))).toEqual([]);
  });

  it('restart as Docker has it where the pod says so', () => {
    const cases: [string, { attempt: number; exitCode: number }, boolean][] = [
      ['never', { attempt: 0, exitCode: 1 }, false],
      ['on-failure', { attempt: 9, exitCode: 1 }, true],
      ['on-failure', { attempt: 0, exitCode: 0 }, false],
      ['on-failure:2', { attempt: 1, exitCode: 1 }, true],
      ['on-failure:2', { attempt: 2, exitCode: 1 }, false],
      ['sometimes', { attempt: 0, exitCode: 0 }, true],
    ];
    for (const [restart, end, again] of cases) {
      const pod = podOf({ restartPolicy: 'Always' });
      pod.metadata.annotations = { 'timonel.dev/restart': restart };
      const found = actions({ pod, containers: [ran(app, { state: 'exited', ...end })] });
      expect(names(found), `${restart} ${end.attempt} ${end.exitCode}`).toEqual(again ? ['app'] : []);
    }
  });

  it('end and stay so while the pod says stop, the sidecars after the rest', () => {
    const sidecar: Container = { name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' };
    const pod = podOf({ initContainers: [sidecar] });
    pod.metadata.annotations = { 'timonel.dev/stopped': '3' };
    const both = actions({ pod, containers: [ran(sidecar), ran(app)] });
    expect(both.kill).toMatchObject([{ containerId: 'app-0', graceSeconds: 3, message: 'Stopping container app' }]);
    expect(actions({ pod, containers: [ran(sidecar), ran(app, { state: 'exited' })] }).kill).toMatchObject([
      { containerId: 'proxy-0' },
    ]);
    const over = actions({ pod, containers: [ran(sidecar, { state: 'exited' }), ran(app, { state: 'exited' })] });
    expect(over).toMatchObject({ kill: [], start: [] });
    expect(actions({ pod, sandboxes: [] }).createSandbox).toBeUndefined();
    pod.metadata.annotations = { 'timonel.dev/stopped': '' };
    expect(actions({ pod, containers: [ran(app)] }).kill).toMatchObject([{ graceSeconds: undefined }]);
  });

  it('are started once more when that is asked for, and then count their failures anew', () => {
    const cases: [string, string, { attempt: number; exitCode: number }, boolean][] = [
      ['never', '1', { attempt: 0, exitCode: 0 }, true],
      ['never', '1', { attempt: 1, exitCode: 0 }, false],
      ['on-failure:1', '4', { attempt: 4, exitCode: 1 }, true],
      ['on-failure:1', '4', { attempt: 5, exitCode: 1 }, false],
      ['never', 'many', { attempt: 0, exitCode: 0 }, false],
    ];
    for (const [restart, restarts, end, again] of cases) {
      const pod = podOf({});
      pod.metadata.annotations = { 'timonel.dev/restart': restart, 'timonel.dev/restarts': restarts };
      const found = actions({ pod, containers: [ran(app, { state: 'exited', ...end })] });
      expect(names(found), `${restart} ${restarts} ${end.attempt}`).toEqual(again ? ['app'] : []);
    }
  });

  it('are not started twice', () => {
    expect(names(actions({ pod: podOf({}), starting: ['app'] }))).toEqual([]);
    expect(names(actions({ pod: podOf({}), containers: [ran(app)] }))).toEqual([]);
  });

  it('are ended when a probe failed, with the message that says which', () => {
    const verdicts = { 'app-0': { ...healthy, failed: 'liveness' as const } };
    expect(actions({ pod: podOf({}), containers: [ran(app)], verdicts }).kill).toMatchObject([
      { containerId: 'app-0', message: 'Container app failed liveness probe, will be restarted', cause: 'liveness' },
    ]);
  });

  it('are replaced when their image changes, even if the pod never restarts', () => {
    const pod = podOf({ containers: [{ ...app, image: 'app:2' }], restartPolicy: 'Never' });
    expect(actions({ pod, containers: [ran(app)] }).kill).toMatchObject([
      { message: 'Container app definition changed, will be restarted' },
    ]);
    expect(names(actions({ pod, containers: [ran(app, { state: 'exited', exitCode: 143 })] }))).toEqual(['app']);
  });

  it('go on counting from what the API knows when the runtime lost them', () => {
    const pod = podOf({});
    pod.status = {
      containerStatuses: [
        { name: 'app', ready: true, restartCount: 3, image: '', imageID: '', containerID: 'containerd://x' },
      ],
    };
    expect(actions({ pod }).start).toMatchObject([{ attempt: 4 }]);
  });

  it('leave their last two attempts behind, no more', () => {
    const three = [0, 1, 2].map((attempt) => ran(app, { attempt, state: attempt === 2 ? 'running' : 'exited' }));
    expect(actions({ pod: podOf({}), containers: three }).removeContainers).toEqual(['app-0']);
  });
});

it('starts an ephemeral container once', () => {
  const debug = { name: 'debug', image: 'busybox' };
  const pod = podOf({ ephemeralContainers: [debug] });
  expect(names(actions({ pod, containers: [ran(app)] }))).toEqual(['debug']);
  expect(names(actions({ pod, containers: [ran(app), ran(debug, { state: 'exited' })] }))).toEqual([]);
});
