import { ApiError, isApiError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { attachToPod, execInPod, openPodLogs, type RemoteProcess } from '../../client/pod-streams.ts';
import { CliError } from '../errors.ts';
import { chosenContainer, podsOf } from './pods-of.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface SessionFlags extends KubeFlags {
  stdin?: boolean;
  tty?: boolean;
  container?: string;
  quiet?: boolean;
}

/** What stands behind `--`, and before it. */
export function splitAtDashes(words: readonly string[], line: readonly string[]): [string[], string[]] {
  const at = line.indexOf('--');
  const behind = at < 0 ? 0 : line.length - at - 1;
  return [words.slice(0, words.length - behind), words.slice(words.length - behind)];
}

/** `timonel exec POD -- COMMAND`. */
export async function exec(words: string[], flags: SessionFlags): Promise<void> {
  const [[target, ...more], command] = splitAtDashes(words, process.argv);
  if (target === undefined) throw new CliError('pod, type/name or --filename must be specified', { exitCode: 1 });
  if (more.length > 0) {
    throw new CliError('exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead', {
      hint: "See 'timonel exec -h' for help and examples",
    });
  }
  if (command.length === 0) throw new CliError('you must specify at least one command for the container');
  await withKube(flags, async (kube) => {
    const [pod] = (await podsOf(kube, target)) as [Pod];
    requireLiving(pod);
    const container = chosenContainer(pod, flags.container);
    const isTerminal = wantsTerminal(flags);
    const name = { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '' };
    const options = { command, container, stdin: flags.stdin ?? false, tty: isTerminal };
    const code = await execInPod(kube.client, name, options)
      .then((remote) => connectTerminal(remote, options))
      .catch(refused);
    if (code === 0) return;
    process.stderr.write(`command terminated with exit code ${code}\n`);
    process.exitCode = code;
  });
}

/** `timonel attach POD`. */
export async function attach(target: string, flags: SessionFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const [pod] = (await podsOf(kube, target)) as [Pod];
    requireLiving(pod);
    await attachTo(kube, pod, flags);
  });
}

async function attachTo(kube: Kube, pod: Pod, flags: SessionFlags): Promise<void> {
  const container = chosenContainer(pod, flags.container);
  const { containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const has = [...containers, ...ephemeralContainers].find(({ name }) => name === container);
  const isTerminal = wantsTerminal(flags) && has?.tty === true;
  if (flags.tty && !has?.tty) {
    process.stderr.write(`error: Unable to use a TTY - container ${container} did not allocate one\n`);
  }
  if (!flags.quiet) process.stderr.write("If you don't see a command prompt, try pressing enter.\n");
  const name = { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '' };
  const options = { container, stdin: flags.stdin ?? false, tty: isTerminal };
  process.exitCode = await connectTerminal(await attachToPod(kube.client, name, options), options);
}

/** Of a pod that was just run: attaches while it runs; of one that has ended already, its log and its exit code. */
export async function attachOrPrint(kube: Kube, pod: Pod, flags: SessionFlags): Promise<void> {
  const { name = '', namespace = '' } = pod.metadata;
  if (pod.status?.phase === 'Running') {
    try {
      return await attachTo(kube, pod, flags);
    } catch (error) {
      // It may have ended in between: what it said is in its log.
      if (!isApiError(error)) throw error;
      process.stderr.write(
        `warning: couldn't attach to pod/${name}, falling back to streaming logs: ${error.message}\n`,
      );
    }
  }
  const container = pod.spec?.containers[0]?.name ?? '';
  const log = await openPodLogs(kube.client, { name, namespace }, { container, follow: true });
  for await (const chunk of log) process.stdout.write(chunk as Buffer);
  process.exitCode = pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode ?? 0;
}

function requireLiving({ status, metadata }: Pod): void {
  const phase = status?.phase;
  if (phase !== 'Succeeded' && phase !== 'Failed') return;
  throw new CliError(`cannot exec into a container in a completed pod; current phase is ${phase} (${metadata.name})`);
}

function wantsTerminal({ stdin, tty }: SessionFlags): boolean {
  if (!tty) return false;
  if (stdin && process.stdin.isTTY) return true;
  process.stderr.write('Unable to use a TTY - input is not a terminal or the right kind of file\n');
  return false;
}

/** Rejects when the signal aborts, and never without one. */
function interruption(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal?.reason as Error);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** Joins this process's streams with a remote one's, until that ends or `signal`; answers its exit code. */
export async function connectTerminal(
  remote: RemoteProcess,
  { stdin, tty, signal }: { stdin: boolean; tty: boolean; signal?: AbortSignal },
): Promise<number> {
  const ends = [remote.stdout, remote.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.once('close', resolve)),
  );
  remote.stdout.pipe(process.stdout, { end: false });
  remote.stderr.pipe(process.stderr, { end: false });
  const tellSize = (): void => {
    const { columns, rows } = process.stdout;
    if (columns && rows) remote.resize({ columns, rows });
  };
  if (tty) {
    process.stdin.setRawMode(true);
    tellSize();
    process.stdout.on('resize', tellSize);
  }
  // The process may end before all of the input is read.
  remote.stdin.on('error', () => process.stdin.destroy());
  if (stdin) process.stdin.pipe(remote.stdin);
  try {
    const code = await Promise.race([remote.exitCode, interruption(signal)]);
    remote.close();
    await Promise.all(ends);
    return code;
  } finally {
    remote.close();
    if (tty) process.stdin.setRawMode(false);
    process.stdout.off('resize', tellSize);
    if (stdin) {
      process.stdin.unpipe(remote.stdin);
      process.stdin.pause();
      process.stdin.unref?.();
    }
  }
}

/** What the node refuses is told as kubectl tells it: it is no answer of the API server's own. */
function refused(error: unknown): never {
  if (!(error instanceof ApiError) || (error.reason !== undefined && error.reason !== 'InternalError')) throw error;
  const [, upgrade] = /^the server answered \d+: (.*)$/s.exec(error.message) ?? [];
  const message = upgrade === undefined ? error.message : `unable to upgrade connection: ${upgrade}`;
  throw new CliError(message, { cause: error });
}
