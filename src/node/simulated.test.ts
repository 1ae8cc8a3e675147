import { describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.ts';
import { systemClock } from '../base/system-clock.ts';
import type { Clock } from '../base/clock.ts';
import type { ContainerConfig, RuntimeEvent, SandboxConfig } from './runtime.ts';
import { createSimulatedRuntime, type SimulatedRuntimeOptions } from './simulated.ts';

describe('the simulated runtime', () => {
  it('runs a pod with an address of its own and tells its start and exit', async () => {
    const { runtime, seen, run } = setUp();
    const { sandbox, container } = await run();
    expect(await runtime.podSandboxStatus(sandbox)).toMatchObject({ ip: '10.244.0.2', state: 'ready' });
    runtime.exitContainer(container, 3);
    expect(await runtime.containerStatus(container)).toMatchObject({ state: 'exited', exitCode: 3, reason: 'Error' });
    await runtime.removePodSandbox(sandbox);
    expect(await seen()).toEqual([
      { kind: 'containerStarted', containerId: container },
      { kind: 'containerExited', containerId: container, exitCode: 3 },
      { kind: 'sandboxExited', sandboxId: sandbox },
    ]);
    expect([await runtime.listContainers(), await runtime.listPodSandboxes()]).toEqual([[], []]);
  });

  it('gives the same ids and addresses for the same seed', async () => {
    expect(await setUp().run()).toEqual(await setUp().run());
  });

  it('does not give an address again before the range is through, and says when it is full', async () => {
    const { runtime } = setUp({ podCidr: '10.1.2.0/29' });
    const addressOf = async (id: string): Promise<string> => (await runtime.podSandboxStatus(id)).ip;
    const first = await runtime.runPodSandbox(pod());
    expect(await addressOf(first)).toBe('10.1.2.2');
    await runtime.removePodSandbox(first);
    for (const last of [3, 4, 5, 6, 2])
      expect(await addressOf(await runtime.runPodSandbox(pod()))).toBe(`10.1.2.${last}`);
    await expect(runtime.runPodSandbox(pod())).rejects.toThrow('no IP addresses');
  });

  it('ends a container by itself when its annotation says so', async () => {
    const clock = manualClock();
    const { runtime, run } = setUp({ clock });
    const exit = { 'simulated.timonel.dev/exit-after-ms': '500', 'simulated.timonel.dev/exit-code': '7' };
    const { container } = await run({ ...pod(), annotations: exit });
    clock.advance(499);
    expect((await runtime.containerStatus(container)).state).toBe('running');
    clock.advance(1);
    expect(await runtime.containerStatus(container)).toMatchObject({ state: 'exited', exitCode: 7, finishedAtMs: 500 });
  });

  it('ends on SIGTERM, or after the grace when the container ignores it', async () => {
    const clock = manualClock();
    const { runtime, run } = setUp({ clock });
    const polite = await run();
    await runtime.stopContainer(polite.container, 30);
    expect((await runtime.containerStatus(polite.container)).exitCode).toBe(143);
    const stubborn = await run({ ...pod(), annotations: { 'simulated.timonel.dev/ignore-sigterm': 'true' } });
    const stopped = runtime.stopContainer(stubborn.container, 2);
    clock.advance(2000);
    await stopped;
    expect((await runtime.containerStatus(stubborn.container)).exitCode).toBe(137);
  });

  it('crashes the next start of a container by its name', async () => {
    const { runtime, run } = setUp();
    runtime.crashNext('web', 1);
    expect((await runtime.containerStatus((await run()).container)).exitCode).toBe(1);
    expect((await runtime.containerStatus((await run()).container)).state).toBe('running');
  });

  it('misses the images it is told to miss, until they appear', async () => {
    const { runtime, run } = setUp({ missingImages: ['web:1'] });
    expect(await runtime.imageStatus('web:1')).toBeUndefined();
    await expect(runtime.pullImage('web:1')).rejects.toMatchObject({ kind: 'notFound' });
    await expect(run()).rejects.toMatchObject({ kind: 'notFound' });
    runtime.setImage('web:1', 'pullable');
    await runtime.pullImage('web:1');
    await expect(run()).resolves.toBeDefined();
  });

  it('loses every process when the power goes', async () => {
    const { runtime, run } = setUp();
    const { sandbox, container } = await run();
    runtime.powerOff();
    expect((await runtime.podSandboxStatus(sandbox)).state).toBe('notReady');
    expect(await runtime.containerStatus(container)).toMatchObject({ state: 'exited', exitCode: 137 });
  });
});

function setUp(options: Partial<SimulatedRuntimeOptions> = {}) {
  const runtime = createSimulatedRuntime({ clock: systemClock, random: seededRandom(1), ...options });
  const abort = new AbortController();
  const events = runtime.events(abort.signal);
  return {
    runtime,
    run: async (config: SandboxConfig = pod()) => {
      const sandbox = await runtime.runPodSandbox(config);
      const container = await runtime.createContainer(sandbox, web(), config);
      await runtime.startContainer(container);
      return { sandbox, container };
    },
    /** Three events, then the end. */
    seen: async (): Promise<RuntimeEvent[]> => {
      const all: RuntimeEvent[] = [];
      for await (const event of events) if (all.push(event) === 3) abort.abort();
      return all;
    },
  };
}

function pod(): SandboxConfig {
  return {
    name: 'web',
    namespace: 'default',
    uid: 'u',
    attempt: 0,
    hostname: 'web',
    logDirectory: '/logs',
    portMappings: [],
    labels: {},
    annotations: {},
    cgroupParent: '/pods',
    sysctls: {},
    namespaces: {
      network: 'pod',
      pid: 'container',
      ipc: 'pod',
    },
    security: { privileged: false },
  };
}

function web(): ContainerConfig {
  return {
    name: 'web',
    attempt: 0,
    image: 'web:1',
    userSpecifiedImage: 'web:1',
    command: [],
    args: [],
    workingDir: '',
    env: [],
    mounts: [],
    devices: [],
    labels: {},
    annotations: {},
    logPath: 'web/0.log',
    resources: {},
    stdin: false,
    stdinOnce: false,
    tty: false,
    security: { privileged: false },
    pid: 'container',
  };
}

function manualClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  const timers: { at: number; callback: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    setTimer(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.push(timer);
      return () => void (timer.at = Infinity);
    },
    sleep: () => Promise.resolve(),
    advance(ms) {
      now += ms;
      for (const timer of timers.splice(0)) {
        if (timer.at <= now) timer.callback();
        else timers.push(timer);
      }
    },
  };
}
