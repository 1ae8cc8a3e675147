import { spawn } from 'node:child_process';
import { createWriteStream, statSync } from 'node:fs';
import { basename, dirname, posix } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Pod } from '../../api/types/core-v1.ts';
import { attachToPod, execInPod } from '../../client/pod-streams.ts';
import { isPaused } from '../../delivery/compose/run/pause.ts';
import { ProjectWatch } from '../../delivery/compose/run/project-watch.ts';
import { oneOffLabel } from '../../delivery/compose/translate/names.ts';
import { CliError } from '../errors.ts';
import { connectTerminal } from '../kube/exec.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, requireServices, withProject } from './connection.ts';
import { asUser } from './exec-user.ts';
import { runInPod } from './run-in-pod.ts';

export interface ExecFlags extends ComposeFlags {
  detach?: boolean;
  env?: string[];
  index?: number;
  tty: boolean;
  interactive: boolean;
  user?: string;
  workdir?: string;
  privileged?: boolean;
}

/** `timonel compose exec`: exits as the command does. */
export async function exec(service: string, command: readonly string[], flags: ExecFlags): Promise<void> {
  const code = await withProject(flags, async (session) => {
    const pod = await runningPod(session, service, flags.index);
    const variables = session.loaded?.project.environment ?? process.env;
    const words = asUser(flags.user, withSurroundings(command, flags, variables));
    if (flags.detach) {
      const inBackground = ['/bin/sh', '-c', '"$@" >/dev/null 2>&1 </dev/null &', 'sh', ...words];
      return runInPod(session.streams, nameOf(session, pod), { command: inBackground, signal: session.signal });
    }
    const terminal = terminalOf(flags);
    const remote = await execInPod(session.streams, nameOf(session, pod), { command: words, ...terminal });
    return connectTerminal(remote, { ...terminal, signal: session.signal });
  }).catch(asMissingCommand);
  process.exitCode = code;
}

/** As docker exits where there is no such program in the container. */
function asMissingCommand(error: unknown): never {
  const found = /OCI runtime exec failed: .*(?:executable file not found|no such file or directory).*/.exec(
    String(error),
  );
  throw found ? new CliError(found[0], { exitCode: 127, cause: error }) : error;
}

export interface AttachFlags extends ComposeFlags {
  index?: number;
  stdin: boolean;
}

/** `timonel compose attach`: ends as the container does, or leaves it running. */
export async function attach(service: string, flags: AttachFlags): Promise<void> {
  process.exitCode = await withProject(flags, async (session) => {
    const pod = await runningPod(session, service, flags.index);
    const [container] = pod.spec?.containers ?? [];
    const isTerminal = container?.tty === true && terminalOf({ tty: true, interactive: true }).tty;
    const options = { stdin: flags.stdin && container?.stdin === true, tty: isTerminal };
    const remote = await attachToPod(session.streams, nameOf(session, pod), options);
    return connectTerminal(remote, { ...options, signal: session.signal });
  });
}

export interface ExportFlags extends ComposeFlags {
  index?: number;
  output?: string;
}

/** `timonel compose export`: a container's files as a tar archive; by the container's own `tar`. */
export async function exportFiles(service: string, flags: ExportFlags): Promise<void> {
  if (flags.output === undefined && process.stdout.isTTY) {
    throw new CliError('output option is required when exporting to terminal');
  }
  await withProject(flags, async (session) => {
    const pod = await runningPod(session, service, flags.index);
    const to = flags.output === undefined || flags.output === '-' ? process.stdout : createWriteStream(flags.output);
    const words: string[] = [];
    const code = await runInPod(session.streams, nameOf(session, pod), {
      command: ['/bin/sh', '-c', exportScript],
      onStdout: (data) => to.write(data),
      onStderr: (data) => words.push(data.toString()),
      signal: session.signal,
    });
    if (to !== process.stdout) await new Promise<void>((resolve) => to.end(() => resolve()));
    if (code !== 0) throw new CliError(`cannot export ${service}: ${words.join('').trim() || 'tar failed'}`);
  });
}

/**
 * Busybox's tar knows no --one-file-system: what is mounted is left out by name, or, where it knows no --exclude
 * either, by find.
 */
const exportScript =
  'cd /; if ! tar --help 2>&1 | grep -q exclude; then exec find . -xdev -exec tar --no-recursion -cf - {} +; fi; ' +
  'for m in $(cut -d" " -f2 /proc/mounts | grep -vx /); do set -- "$@" --exclude ".$m"; done; tar "$@" -cf - .';

/** What a command needs of variables and a directory, by programs of the container. */
function withSurroundings(
  command: readonly string[],
  { env = [], workdir }: Pick<ExecFlags, 'env' | 'workdir'>,
  variables: Readonly<Record<string, string | undefined>>,
): string[] {
  const set = env.flatMap((text) => {
    if (text.includes('=')) return [text];
    const value = variables[text];
    return value === undefined ? [] : [`${text}=${value}`];
  });
  const words = set.length > 0 ? ['env', ...set, ...command] : [...command];
  return workdir === undefined ? words : ['/bin/sh', '-c', 'cd "$0" && exec "$@"', workdir, ...words];
}

/** A service's running pod, by its number; the first one, or what `run` has started where there is no other. */
export async function runningPod(session: ProjectSession, service: string, index?: number): Promise<Pod> {
  requireServices(session, [service]);
  const watch = new ProjectWatch(session.context);
  await watch.synced();
  const running = watch.pods(service).filter(isRunning);
  const own = running.filter((each) => !isOneOff(each));
  const pod = index === undefined ? (own[0] ?? running[0]) : own[index - 1];
  // The runtime would wait until it goes on.
  if (pod && isPaused(pod)) throw new CliError(`container ${pod.metadata.name} is paused: unpause it first`);
  if (pod) return pod;
  const which = index === undefined ? '' : ` container #${index}`;
  throw new CliError(`service "${service}" is not running${which}`);
}

export function isRunning({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.containerStatuses?.[0]?.state?.running !== undefined;
}

export function isOneOff({ metadata }: Pod): boolean {
  return metadata.labels?.[oneOffLabel] === 'True';
}

export function nameOf({ context }: Pick<ProjectSession, 'context'>, pod: Pod): { name: string; namespace: string } {
  return { name: pod.metadata.name ?? '', namespace: context.namespace };
}

/** Whether a session is to have this process's input, and its terminal. */
export function terminalOf({ tty, interactive }: { tty: boolean; interactive: boolean }): {
  stdin: boolean;
  tty: boolean;
} {
  return { stdin: interactive, tty: tty && process.stdin.isTTY === true && process.stdout.isTTY === true };
}

export interface CopyFlags extends ComposeFlags {
  index?: number;
  all?: boolean;
  archive?: boolean;
  followLink?: boolean;
}

/** `timonel compose cp SERVICE:PATH PATH`, or the other way; by `tar` on both sides. */
export async function copy(source: string, destination: string, flags: CopyFlags): Promise<void> {
  await withProject(flags, async (session) => {
    const from = placeOf(source);
    const to = placeOf(destination);
    if (from.service !== undefined && to.service !== undefined)
      throw new CliError('copying between services is not supported');
    if (from.service !== undefined) {
      const pod = await runningPod(session, from.service, flags.index);
      return copyOut(session, { pod, from: from.path, to: to.path });
    }
    if (to.service === undefined)
      throw new CliError('unknown copy direction: one side is SERVICE:PATH', { exitCode: 2 });
    const pods =
      flags.index === undefined
        ? await runningPods(session, to.service, flags.all ?? false)
        : [await runningPod(session, to.service, flags.index)];
    for (const pod of pods) await copyIn(session, { pod, from: from.path, to: to.path });
  });
}

/** All of a service's; with what `run` has started, or where that is all there is. */
async function runningPods(session: ProjectSession, service: string, withOneOffs: boolean): Promise<Pod[]> {
  const first = await runningPod(session, service);
  const running = new ProjectWatch(session.context).pods(service).filter(isRunning);
  return withOneOffs || isOneOff(first) ? running : running.filter((each) => !isOneOff(each));
}

function placeOf(text: string): { service?: string; path: string } {
  const [, service, path = ''] = /^([a-zA-Z0-9._-]+):(.*)$/s.exec(text) ?? [];
  return service === undefined ? { path: text } : { service, path };
}

interface Copied {
  pod: Pod;
  from: string;
  to: string;
}

/** Copies a file or directory of this machine into a container: to a new name, or into a directory that is there. */
export async function copyIn(
  session: Pick<ProjectSession, 'context' | 'streams' | 'signal'>,
  { pod, from, to }: Copied,
): Promise<void> {
  const found = statSync(from, { throwIfNoEntry: false });
  if (!found) throw new CliError(`no such file or directory: ${from}`);
  const name = basename(from);
  const isContent = from.endsWith('/.');
  const archive = spawn('tar', isContent ? ['-C', from, '-cf', '-', '.'] : ['-C', dirname(from), '-cf', '-', name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // What is unpacked beside its destination is moved there under its new name.
  const script = isContent
    ? 'mkdir -p "$1" && tar -xmf - -C "$1"'
    : 'if [ -d "$1" ]; then tar -xmf - -C "$1"; else d="$1.timonel-$$"; mkdir -p "$d" && tar -xmf - -C "$d" && ' +
      'rm -rf "$1" && mv "$d/$2" "$1"; c=$?; rm -rf "$d"; exit $c; fi';
  const words: string[] = [];
  const code = await runInPod(session.streams, nameOf(session, pod), {
    command: ['/bin/sh', '-c', script, 'sh', to.replace(/(.)\/$/, '$1'), name],
    // Read from the first moment: what a child leaves unread when it ends is dropped.
    stdin: archive.stdout.pipe(new PassThrough()),
    onStderr: (data) => words.push(data.toString()),
    signal: session.signal,
  });
  if (code !== 0) throw new CliError(`cannot copy to ${to}: ${words.join('').trim() || `tar exited with ${code}`}`);
}

/** Copies out of a container. What its archive holds is unpacked by `tar`, which keeps within its directory. */
async function copyOut(session: ProjectSession, { pod, from, to }: Copied): Promise<void> {
  const path = from.replace(/(.)\/$/, '$1');
  const isIntoDirectory = statSync(to, { throwIfNoEntry: false })?.isDirectory() === true || to === '-';
  const name = posix.basename(path);
  const pipe = new PassThrough();
  const target = isIntoDirectory ? [to] : [dirname(to)];
  const rename = isIntoDirectory
    ? []
    : [`--transform=flags=r;s|^${escapeSed(name)}|${escapeReplacement(basename(to))}|`];
  const unpack =
    to === '-'
      ? undefined
      : spawn('tar', ['-xf', '-', '--no-same-owner', ...rename, '-C', ...target], {
          stdio: ['pipe', 'inherit', 'inherit'],
        });
  pipe.pipe(unpack ? unpack.stdin : process.stdout);
  const words: string[] = [];
  const code = await runInPod(session.streams, nameOf(session, pod), {
    command: ['tar', '-cf', '-', '-C', posix.dirname(path), name],
    onStdout: (data) => pipe.write(data),
    onStderr: (data) => words.push(data.toString()),
    signal: session.signal,
  });
  pipe.end();
  const ended = unpack ? await new Promise<number | null>((resolve) => unpack.on('close', resolve)) : 0;
  if (code !== 0 || ended !== 0) throw new CliError(`cannot copy ${from}: ${words.join('').trim() || 'tar failed'}`);
}

function escapeSed(text: string): string {
  return text.replace(/[\\|.*[\]^$]/g, String.raw`\$&`);
}

function escapeReplacement(text: string): string {
  return text.replace(/[\\|&]/g, String.raw`\$&`);
}
