import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  actionFor,
  initialRules,
  type WatchAction,
  type WatchRule,
  watchRules,
} from '../../delivery/compose/watch-rules.ts';
import { restartService } from '../../delivery/compose/run/lifecycle.ts';
import { ProjectWatch } from '../../delivery/compose/run/project-watch.ts';
import { bringUp } from '../../delivery/compose/run/up.ts';
import { listWorkloads } from '../../delivery/compose/run/workloads.ts';
import { selectServices } from '../../delivery/compose/select.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { TreeWatcher } from '../tree-watcher.ts';
import { buildMissing } from './build.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, requireFile, translateProject, withProject } from './connection.ts';
import { runInPod } from './run-in-pod.ts';
import { copyIn, nameOf, runningPod } from './sessions.ts';

export interface WatchFlags extends ComposeFlags {
  up: boolean;
  quiet?: boolean;
  prune?: boolean;
}

/** `timonel compose watch`: builds, starts, and then does what `develop.watch` says of files that change. */
export async function watch(services: readonly string[], flags: WatchFlags): Promise<void> {
  await withProject(
    flags,
    async (session) => {
      const { project } = requireFile(session);
      if (flags.up !== false) await rebuild(session, services);
      session.progress.end();
      await watchFiles(session, {
        services: services.length > 0 ? services : Object.keys(project.services),
        isQuiet: flags.quiet ?? false,
      });
    },
    { services },
  );
}

/** Files that change together are looked at together. */
const quietMs = 100;

export async function watchFiles(
  session: ProjectSession,
  { services, isQuiet }: { services: readonly string[]; isQuiet: boolean },
): Promise<void> {
  const rules = watchRules(requireFile(session).project, services);
  if (rules.length === 0)
    throw new CliError('none of the selected services is configured for watch, consider setting a "develop" section');
  const changed = new Set<string>();
  let cancel: (() => void) | undefined;
  let working: Promise<void> = Promise.resolve();
  const say = (text: string): void => void (isQuiet || process.stderr.write(`${text}\n`));
  const handleNext = (of: readonly WatchRule[], files: readonly string[]): void => {
    working = working
      .then(() => handle(session, { rules: of, files, say }))
      .catch((error: unknown) => void process.stderr.write(`WARN ${(error as Error).message}\n`));
  };
  const flush = (): void => {
    handleNext(rules, [...changed]);
    changed.clear();
  };
  const watcher = new TreeWatcher(
    rules.map(({ path }) => path),
    {
      onError: ({ message }) => say(`WARN ${message}`),
      onChange(path) {
        changed.add(path);
        cancel?.();
        cancel = clock.setTimer(quietMs, flush);
      },
    },
  );
  say('Watch enabled');
  for (const rule of initialRules(rules)) handleNext([rule], await filesBelow(rule.path));
  await new Promise<void>((resolve) => {
    if (session.signal.aborted) resolve();
    session.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  cancel?.();
  watcher.close();
  await working;
}

/** Every file at or below a path. */
async function filesBelow(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return found ? [path] : [];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

async function handle(
  session: ProjectSession,
  { rules, files, say }: { rules: readonly WatchRule[]; files: readonly string[]; say: (text: string) => void },
): Promise<void> {
  const actions = rules.flatMap((rule) =>
    files.flatMap((file) => {
      const action = actionFor(rule, file);
      return action ? [{ service: rule.service, file, action }] : [];
    }),
  );
  const rebuilt = [...new Set(actions.filter(({ action }) => action.kind === 'rebuild').map(({ service }) => service))];
  for (const name of rebuilt) say(`Rebuilding service "${name}" after changes were detected...`);
  if (rebuilt.length > 0) await rebuild(session, rebuilt, true);
  const rest = actions.filter(({ service }) => !rebuilt.includes(service));
  const restarted = new Set<string>();
  const execs = new Map<string, { service: string; command: string[] }>();
  for (const { service, file, action } of rest) {
    if (action.kind === 'sync') await sync(session, { service, file, action, say });
    if (action.kind === 'restart' || (action.kind === 'sync' && action.after === 'restart')) restarted.add(service);
    if (action.kind === 'sync' && typeof action.after === 'object') {
      execs.set(JSON.stringify([service, action.after.exec]), { service, command: action.after.exec });
    }
  }
  await restartAll(session, restarted);
  for (const { service, command } of execs.values()) {
    const pod = await runningPod(session, service);
    const write = (data: Buffer): boolean => process.stdout.write(data);
    await runInPod(session.streams, nameOf(session, pod), {
      command,
      onStdout: write,
      onStderr: write,
      signal: session.signal,
    });
  }
}

async function sync(
  session: ProjectSession,
  {
    service,
    file,
    action,
    say,
  }: { service: string; file: string; action: WatchAction & { kind: 'sync' }; say: (text: string) => void },
): Promise<void> {
  say(`Syncing service "${service}" after changes were detected: ${file}`);
  const pod = await runningPod(session, service);
  const isThere = await stat(file).catch(() => undefined);
  if (isThere?.isFile()) return copyIn(session, { pod, from: file, to: action.target });
  const command = isThere ? ['mkdir', '-p', action.target] : ['rm', '-rf', action.target];
  await runInPod(session.streams, nameOf(session, pod), { command, signal: session.signal });
}

async function restartAll(session: ProjectSession, services: ReadonlySet<string>): Promise<void> {
  if (services.size === 0) return;
  const pods = new ProjectWatch(session.context);
  await pods.synced();
  const workloads = (await listWorkloads(session.context)).filter(({ service }) => services.has(service));
  await Promise.all(
    workloads.map((workload) => restartService(session.context, pods, { workload, graceSeconds: undefined })),
  );
}

async function rebuild(session: ProjectSession, services: readonly string[], isChange = false): Promise<void> {
  const { project: whole } = requireFile(session);
  const project = selectServices(whole, services, { alone: isChange });
  await buildMissing(session, project, { always: isChange, pull: undefined });
  const translation = await translateProject(session, project);
  await bringUp(
    session.context,
    { project, translation },
    {
      recreate: isChange ? 'always' : 'changed',
      removeOrphans: false,
      wait: 'started',
      known: Object.keys(whole.services),
    },
  );
}
