import { selectServices } from '../../delivery/compose/select.ts';
import type { Project } from '../../delivery/compose/model.ts';
import type { ProjectContext } from '../../delivery/compose/run/context.ts';
import { isAwaited } from '../../delivery/compose/translate/workload.ts';
import { exitCodeOf, hasEnded } from '../../delivery/compose/run/condition.ts';
import { takeDown } from '../../delivery/compose/run/down.ts';
import { stopServices } from '../../delivery/compose/run/lifecycle.ts';
import type { ProjectWatch } from '../../delivery/compose/run/project-watch.ts';
import { bringUp, type UpOptions } from '../../delivery/compose/run/up.ts';
import { listWorkloads } from '../../delivery/compose/run/workloads.ts';
import { CliError } from '../errors.ts';
import { buildMissing } from './build.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, requireFile, translateProject, withProject } from './connection.ts';
import { followLogs } from './logs.ts';
import { refusePortConflicts } from './port-conflicts.ts';
import { attachedServices, checkUpFlags, orphanHandling } from './up-flags.ts';
import { watchFiles } from './watch.ts';

export interface UpFlags extends ComposeFlags {
  detach?: boolean;
  build?: boolean;
  wait?: boolean;
  waitTimeout?: number;
  scale?: string[];
  forceRecreate?: boolean;
  recreate: boolean;
  removeOrphans?: boolean;
  exitCodeFrom?: string;
  abortOnContainerExit?: boolean;
  abortOnContainerFailure?: boolean;
  pull?: string;
  deps: boolean;
  timeout?: number;
  start: boolean;
  quietPull?: boolean;
  attach?: string[];
  noAttach?: string[];
  attachDependencies?: boolean;
  color: boolean;
  logPrefix: boolean;
  timestamps?: boolean;
  watch?: boolean;
  alwaysRecreateDeps?: boolean;
  renewAnonVolumes?: boolean;
}

/** `timonel compose up` */
export async function up(services: readonly string[], flags: UpFlags): Promise<void> {
  checkUpFlags(flags);
  await withProject(
    flags,
    async (session) => {
      const { project: whole } = requireFile(session);
      const project = prepared(whole, services, flags);
      if (Object.keys(project.services).length === 0 && !flags.allResources) throw new CliError('no service selected');
      const shown = attachedServices(project, services, flags);
      if (flags.build !== false) {
        await buildMissing(session, project, { always: flags.build ?? false, pull: flags.pull });
      }
      const isAttached = !flags.detach && !flags.wait && flags.start !== false;
      const runOnce = new Set(flags.exitCodeFrom ? [flags.exitCodeFrom] : []);
      const translation = await translateProject(session, project, { lenient: flags.lenient ?? false, runOnce });
      await refusePortConflicts(session, translation.base);
      const watch = await bringUp(
        session.context,
        { project, translation },
        {
          ...upOptions(flags, whole),
          chosen: services,
        },
      );
      session.progress.end();
      const chosen = services.length > 0 ? services : Object.keys(project.services);
      if (isAttached) await stayAttached(session, { project, chosen, shown, watch, flags });
    },
    { services },
  );
}

/** `timonel compose create` */
export async function create(services: readonly string[], flags: UpFlags): Promise<void> {
  await up(services, { ...flags, removeOrphans: flags.removeOrphans ?? false, detach: true, start: false });
}

/** `timonel compose scale SERVICE=NUMBER…` */
export async function scale(scales: string[], flags: UpFlags): Promise<void> {
  const services = scales.map((text) => text.split('=')[0] ?? '');
  await up(services, { ...flags, scale: scales, detach: true });
}

function upOptions(flags: UpFlags, whole: Project): UpOptions {
  const isKept = flags.recreate === false;
  return {
    recreate: flags.forceRecreate ? 'always' : isKept ? 'never' : 'changed',
    recreateDependencies: flags.alwaysRecreateDeps ? 'always' : isKept ? 'never' : 'changed',
    renewVolumes: flags.renewAnonVolumes ?? false,
    ...orphanHandling(flags, whole),
    wait: flags.wait ? 'healthy' : flags.start === false ? 'nothing' : 'started',
    timeoutMs: flags.waitTimeout === undefined ? undefined : flags.waitTimeout * 1000,
    known: [...Object.keys(whole.services), ...Object.keys(whole.disabled)],
  };
}

/** The services that are meant, as many of each as `--scale` says. */
export function prepared(
  whole: Project,
  services: readonly string[],
  flags: Pick<UpFlags, 'scale' | 'deps' | 'pull'>,
): Project {
  const selected = selectServices(whole, services, { alone: flags.deps === false });
  const scales = new Map((flags.scale ?? []).map((text) => parseScale(text, selected)));
  const entries = Object.entries(selected.services).map(([name, service]) => {
    const scale = scales.get(name);
    const policy = flags.pull && service.pull_policy === undefined ? { pull_policy: flags.pull } : {};
    return [name, { ...service, ...policy, ...(scale !== undefined && { scale }) }] as const;
  });
  return { ...selected, services: Object.fromEntries(entries) };
}

function parseScale(text: string, project: Project): [string, number] {
  const [, service = '', count = ''] = /^([^=]+)=(\d+)$/.exec(text) ?? [];
  if (service === '') throw new CliError(`invalid --scale option "${text}": should be SERVICE=NUM`, { exitCode: 2 });
  if (!(service in project.services)) throw new CliError(`no such service: ${service}`);
  return [service, Number(count)];
}

interface Attached {
  project: Project;
  /** Services that were named, or all: those that end with the command. */
  chosen: readonly string[];
  /** Services whose logs are shown. */
  shown: readonly string[];
  watch: ProjectWatch;
  flags: UpFlags;
}

/** Shows logs until all containers have ended, one has (`--abort-on-container-exit`), or Ctrl-C stops them all. */
async function stayAttached(session: ProjectSession, attached: Attached): Promise<void> {
  const { context } = session;
  const { shown, watch, flags } = attached;
  const ending = new AbortController();
  const names = shown.flatMap((name) => watch.containers(name)).map(({ metadata }) => metadata.name);
  process.stdout.write(`Attaching to ${names.join(', ')}\n`);
  const logs = followLogs({ ...session, signal: ending.signal }, watch, {
    ...{ ...flags, services: shown, follow: true },
    isSplit: session.state !== undefined,
  });
  const syncing = flags.watch ? watchFiles(session, { services: [], isQuiet: false }) : undefined;
  syncing?.catch((error: unknown) => ending.abort(error));
  try {
    const { code } = await untilEnd(attached, context.signal);
    if (code !== undefined) {
      process.stderr.write('Aborting on container exit...\n');
      await stopAll({ ...context, signal: undefined }, attached);
    }
    await settle(context, logs, ending);
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    if (!context.signal?.aborted) {
      ending.abort();
      throw error;
    }
    process.stderr.write('Gracefully Stopping... press Ctrl+C again to force\n');
    await stopGracefully({ ...context, signal: undefined }, attached);
    await settle(context, logs, ending);
    throw error;
  }
}

/** The next Ctrl-C does not wait for containers any more. */
async function stopGracefully(context: ProjectContext, attached: Attached): Promise<void> {
  const force = (): void => {
    const killed = stopAll(context, { ...attached, flags: { ...attached.flags, timeout: 0 } }, 'Killed');
    killed.catch((error: unknown) => context.warn((error as Error).message));
  };
  process.once('SIGINT', force);
  try {
    await stopAll(context, attached);
  } finally {
    process.off('SIGINT', force);
  }
}

/**
 * The exit code that ends all; undefined when everything has ended by itself. `--exit-code-from` looks at its own service
 * when the first container ends, whichever that is; those whose success others waited for may end.
 */
function untilEnd({ chosen, watch, project, flags }: Attached, signal: AbortSignal | undefined): Promise<Ending> {
  const { exitCodeFrom, abortOnContainerExit, abortOnContainerFailure } = flags;
  const isWanted = exitCodeFrom !== undefined || abortOnContainerExit || abortOnContainerFailure;
  const codeOf = (name: string): number | undefined => watch.containers(name).map(exitCodeOf).find(isNumber);
  const look = (): Ending | undefined => {
    const codes = chosen.flatMap((name) => watch.containers(name).map((pod) => ({ name, code: exitCodeOf(pod), pod })));
    const first = codes.find(
      ({ name, code }) => code !== undefined && (code !== 0 || (!abortOnContainerFailure && !isAwaited(project, name))),
    );
    // One that is stopped because of another ends by SIGTERM, and its pod is gone.
    if (isWanted && first) return { code: exitCodeFrom ? (codeOf(exitCodeFrom) ?? stoppedExitCode) : first.code };
    const isOver = codes.length > 0 && codes.every(({ pod }) => hasEnded(pod));
    return isOver ? { code: exitCodeFrom ? codeOf(exitCodeFrom) : undefined } : undefined;
  };
  return watch.until(look, { signal, describe: () => 'containers are still running' });
}

interface Ending {
  code: number | undefined;
}

function isNumber(code: number | undefined): code is number {
  return code !== undefined;
}

const stoppedExitCode = 143;

/** What was written last is shown before the logs end. */
async function settle(context: ProjectContext, logs: Promise<void>, ending: AbortController): Promise<void> {
  await Promise.race([logs, context.clock.sleep(300)]);
  ending.abort();
  await logs.catch(() => undefined);
}

async function stopAll(context: ProjectContext, { chosen, flags }: Attached, status = 'Stopped'): Promise<void> {
  const workloads = (await listWorkloads(context)).filter(({ service }) => chosen.includes(service));
  await stopServices(context, workloads, { graceSeconds: flags.timeout, status });
}

export interface DownFlags extends ComposeFlags {
  volumes?: boolean;
  rmi?: 'all' | 'local';
  removeOrphans?: boolean;
  timeout?: number;
}

/** `timonel compose down` */
export async function down(services: readonly string[], flags: DownFlags): Promise<void> {
  await withProject(flags, async (session) => {
    await takeDown(session.context, {
      volumes: flags.volumes ?? false,
      graceSeconds: flags.timeout,
      services: services.length > 0 ? services : undefined,
    });
    session.progress.end();
    if (flags.rmi) await (await import('./build.ts')).removeImages(session, flags.rmi);
  });
}
