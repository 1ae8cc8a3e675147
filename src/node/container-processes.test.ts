import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulatedClock, type SimulatedClock } from '../base/simulated-clock.ts';
import { createContainerProcesses, type ContainerProcesses } from './container-processes.ts';

/** Every control group's path has it: it stands for a container's id. */
const id = '/';
const { SIGTERM, SIGUSR1 } = constants.signals;

/** With real processes: what they write tells which signals they got. */
describe("containers' processes", () => {
  let clock: SimulatedClock;
  let processes: ContainerProcesses;
  const started: ChildProcess[] = [];

  beforeEach(() => {
    clock = createSimulatedClock();
    processes = createContainerProcesses(clock);
  });
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });

  /** A first process that writes down SIGUSR1, ends at SIGTERM, and is known once it listens to both. */
  async function start(script = ''): Promise<{ child: ChildProcess; output: () => string; next: () => Promise<void> }> {
    const listen = `trap 'echo usr1' USR1; trap 'exit 0' TERM; ${script} echo ready; while :; do sleep 0.01; done`;
    const child = spawn('sh', ['-c', listen], { stdio: ['ignore', 'pipe', 'ignore'] });
    started.push(child);
    let text = '';
    const { stdout } = child;
    stdout.setEncoding('utf8').on('data', (data: string) => (text += data));
    const next = async (): Promise<void> => void (await once(stdout, 'data'));
    await next();
    processes.started(id, child.pid as number);
    return { child, output: () => text, next };
  }

  it('get the signal, and are waited for until the runtime shows their end', async () => {
    const { child } = await start();
    const done = processes.terminate(id, SIGTERM, 30_000);
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
    processes.ended(id);
    let isOver = false;
    void done.then(() => (isOver = true));
    await Promise.resolve();
    expect(isOver).toBe(false);
    processes.settled(id);
    expect(await done).toBe(true);
  });

  it('get it once, and SIGKILL at the end of the shortest grace', async () => {
    const { child, output, next } = await start();
    const told = next();
    const first = processes.terminate(id, SIGUSR1, 30_000);
    await told;
    const second = processes.terminate(id, SIGUSR1, 5_000);
    const exit = once(child, 'exit') as Promise<[null, string]>;
    await clock.advance(5_000);
    expect(await exit).toEqual([null, 'SIGKILL']);
    expect(output()).toBe('ready\nusr1\n');
    processes.ended(id);
    processes.settled(id);
    expect(await Promise.all([first, second])).toEqual([true, true]);
  });

  it('are the runtime’s affair when they are not known, or nothing is heard of them', async () => {
    expect(await processes.terminate(id, SIGTERM, 1_000)).toBe(false);
    const { child } = await start();
    const heardNothing = processes.terminate(id, SIGTERM, 30_000);
    processes.lost();
    expect(await heardNothing).toBe(false);
    if (child.exitCode === null) await once(child, 'exit');
  });

  it('are the runtime’s affair when it does not notice their end', async () => {
    await start();
    const done = processes.terminate(id, SIGTERM, 1_000);
    await clock.advance(1_000);
    await clock.advance(2_000);
    expect(await done).toBe(false);
  });
});
