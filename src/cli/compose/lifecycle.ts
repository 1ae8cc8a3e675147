import { requireProject } from '../../delivery/compose/run/down.ts';
import {
  isStopped,
  removeService,
  restartService,
  startService,
  stopServices,
} from '../../delivery/compose/run/lifecycle.ts';
import { hasEnded, judge } from '../../delivery/compose/run/condition.ts';
import { isPaused, pauseServices } from '../../delivery/compose/run/pause.ts';
import { ProjectWatch } from '../../delivery/compose/run/project-watch.ts';
import { listWorkloads, type LiveWorkload } from '../../delivery/compose/run/workloads.ts';
import { requirementsOf, restartedWith, withRequired } from '../../delivery/compose/start-order.ts';
import { healthDeadlineMs } from '../../delivery/compose/translate/probes.ts';
import { CliError } from '../errors.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, withProject } from './connection.ts';
import { confirm } from './confirm.ts';
import { runInPod } from './run-in-pod.ts';
import { nameOf, runningPod } from './sessions.ts';

export interface StopFlags extends ComposeFlags {
  timeout?: number;
  signal?: string;
  deps?: boolean;
  force?: boolean;
  stop?: boolean;
  volumes?: boolean;
  wait?: boolean;
  waitTimeout?: number;
}

async function chosen({ context, loaded }: ProjectSession, services: readonly string[]): Promise<LiveWorkload[]> {
  const all = await listWorkloads(context);
  const known = [...all.map(({ service }) => service), ...Object.keys(loaded?.project.services ?? {})];
  const unknown = services.find((name) => !known.includes(name));
  if (unknown !== undefined && loaded) throw new CliError(`no such service: ${unknown}`);
  await requireProject(context);
  if (unknown !== undefined) throw new CliError(`no such service: ${unknown}`);
  return services.length === 0 ? all : all.filter(({ service }) => services.includes(service));
}

/** `timonel compose stop` */
export async function stop(services: readonly string[], flags: StopFlags): Promise<void> {
  await withProject(flags, async (session) => {
    const workloads = await chosen(session, services);
    await stopServices(session.context, workloads, { graceSeconds: flags.timeout, status: 'Stopped' });
  });
}

/** `timonel compose kill [-s SIGNAL]`: SIGKILL ends them; another signal is sent to the first process. */
export async function kill(services: readonly string[], flags: StopFlags): Promise<void> {
  await withProject(flags, async (session) => {
    const workloads = await chosen(session, services);
    const watch = new ProjectWatch(session.context);
    await watch.synced();
    if (workloads.every(({ service }) => watch.pods(service).every(hasEnded)))
      return void process.stderr.write('no container to kill\n');
    const signal = (flags.signal ?? 'SIGKILL').toUpperCase().replace(/^SIG/, '');
    if (signal === 'KILL' || signal === '9') {
      return stopServices(session.context, workloads, { graceSeconds: 0, status: 'Killed', withOneOffs: true });
    }
    if (!/^[A-Z0-9]+$/.test(signal)) throw new CliError(`no such signal: ${flags.signal}`, { exitCode: 2 });
    for (const { service } of workloads) {
      const pod = await runningPod(session, service);
      const code = await runInPod(session.streams, nameOf(session, pod), {
        command: ['/bin/sh', '-c', `kill -s ${signal} 1`],
      });
      if (code !== 0) throw new CliError(`cannot send ${signal} to ${service}`);
      session.context.report({ what: 'Container', name: service, status: 'Killed', state: 'done' });
    }
  });
}

/** `timonel compose start`: services that were stopped, each after those it depends on. */
export async function start(services: readonly string[], flags: StopFlags): Promise<void> {
  await withProject(flags, async (session) => {
    const { context, loaded } = session;
    const workloads = await chosen(session, loaded ? withRequired(loaded.project, services) : services);
    const watch = new ProjectWatch(context);
    await watch.synced();
    const started = new Map<string, Promise<void>>();
    const begin = (workload: LiveWorkload): Promise<void> => {
      const known = started.get(workload.service);
      if (known) return known;
      const work = async (): Promise<void> => {
        const needed =
          loaded && workload.service in loaded.project.services ? requirementsOf(loaded.project, workload.service) : [];
        for (const { service, condition } of needed) {
          const other = workloads.find((each) => each.service === service);
          if (!other) continue;
          await begin(other);
          const look = (): true | undefined => {
            const progress = judge(condition, {
              replicas: undefined,
              pods: watch.containers(service),
              job: watch.job(other.name),
              patienceMs: healthDeadlineMs(loaded?.project.services[service] ?? {}, watch.containers(service)),
              nowMs: context.clock.now(),
            });
            if (progress.state === 'failed') throw new CliError(`container ${service} ${progress.reason}`);
            return progress.state === 'met' ? true : undefined;
          };
          await watch.until(look, { describe: () => `${service} is not ${condition}` });
        }
        await startService(context, watch, workload);
      };
      const promise = work();
      started.set(workload.service, promise);
      return promise;
    };
    await Promise.all(workloads.map(begin));
    if (flags.wait) await Promise.all(workloads.map((each) => waitHealthy(session, watch, { workload: each, flags })));
  });
}

/** `start --wait`: as `up --wait` does. */
async function waitHealthy(
  { context, loaded }: ProjectSession,
  watch: ProjectWatch,
  { workload, flags }: { workload: LiveWorkload; flags: StopFlags },
): Promise<void> {
  const { service, name } = workload;
  const look = (): true | undefined => {
    const pods = watch.containers(service);
    const patienceMs = healthDeadlineMs(loaded?.project.services[service] ?? {}, pods);
    const observed = { replicas: undefined, pods, job: watch.job(name), patienceMs, nowMs: context.clock.now() };
    const progress = judge('service_healthy', observed);
    if (progress.state === 'failed') throw new CliError(`container ${service} ${progress.reason}`);
    return progress.state === 'met' || undefined;
  };
  const timeoutMs = flags.waitTimeout === undefined ? undefined : flags.waitTimeout * 1000;
  const after = flags.waitTimeout === undefined ? '' : ` after ${flags.waitTimeout}s`;
  await watch.until(look, { timeoutMs, describe: () => `application not healthy${after}: ${service}` });
  context.report({ what: 'Container', name: service, status: 'Healthy', state: 'done' });
}

/** `timonel compose restart` */
export async function restart(services: readonly string[], flags: StopFlags): Promise<void> {
  await withProject(flags, async (session) => {
    const workloads = await chosen(session, services);
    const watch = new ProjectWatch(session.context);
    await watch.synced();
    const graceSeconds = flags.timeout;
    await Promise.all(workloads.map((workload) => restartService(session.context, watch, { workload, graceSeconds })));
    if (!session.loaded || services.length === 0 || flags.deps === false) return;
    const after = await chosen(session, restartedWith(session.loaded.project, services));
    if (restartedWith(session.loaded.project, services).length === 0) return;
    await Promise.all(after.map((workload) => restartService(session.context, watch, { workload, graceSeconds })));
  });
}

/** `timonel compose rm`: services that are stopped, or all with `--stop`. */
export async function remove(services: readonly string[], flags: StopFlags): Promise<void> {
  await withProject(flags, async (session) => {
    const { context } = session;
    const workloads = await chosen(session, services);
    const watch = new ProjectWatch(context);
    await watch.synced();
    const running = workloads.filter((each) => !isStopped(watch, each));
    if (flags.stop) await stopServices(context, running, { status: 'Stopped' });
    const gone = flags.stop ? workloads : workloads.filter((each) => isStopped(watch, each));
    if (gone.length === 0) return void process.stderr.write('No stopped containers\n');
    const what = `Going to remove ${gone.map(({ service }) => service).join(', ')}`;
    if (flags.force) process.stdout.write(`${what}\n`);
    else if (!(await confirm(what))) return;
    await Promise.all(gone.map((workload) => removeService(context, watch, workload)));
  });
}

/** `timonel compose pause`, `unpause`: processes stand still, and go on. Only this machine's nodes know how. */
export async function pause(services: readonly string[], flags: ComposeFlags, paused: boolean): Promise<void> {
  await withProject(flags, async (session) => {
    if (session.state === undefined) {
      throw new CliError('containers of another cluster cannot be paused', {
        hint: 'timonel compose stop and start end them and start them anew.',
      });
    }
    const workloads = await chosen(session, services);
    const names = workloads.map(({ service }) => service);
    await refuseDone(session, names, paused);
    await pauseServices(session.context, names, paused);
  });
}

/** As Docker does with a container that is paused already, or not at all. */
async function refuseDone({ context }: ProjectSession, services: readonly string[], paused: boolean): Promise<void> {
  const watch = new ProjectWatch(context);
  await watch.synced();
  const pods = services.flatMap((service) => watch.containers(service)).filter((pod) => !hasEnded(pod));
  const done = pods.find((pod) => isPaused(pod) === paused);
  if (done) throw new CliError(`container ${done.metadata.name} is ${paused ? 'already' : 'not'} paused`);
}
