import { clock } from '../context.ts';
import { isApiError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { hasEnded, hasStarted } from '../../delivery/compose/run/condition.ts';
import { ProjectWatch } from '../../delivery/compose/run/project-watch.ts';
import { serviceLabel } from '../../delivery/compose/translate/names.ts';
import { parseDuration } from '../../delivery/compose/units.ts';
import { CliError } from '../errors.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, requireServices, withProject } from './connection.ts';
import { type LogTarget, readLogs } from './log-streams.ts';

export interface LogFlags extends ComposeFlags {
  follow?: boolean;
  tail?: string;
  timestamps?: boolean;
  color: boolean;
  logPrefix: boolean;
  since?: string;
  until?: string;
  index?: number;
}

/** `timonel compose logs` */
export async function logs(services: readonly string[], flags: LogFlags): Promise<void> {
  await withProject(flags, async (session) => {
    requireServices(session, services);
    const watch = new ProjectWatch(session.context);
    await watch.synced();
    const chosen = services.length > 0 ? services : undefined;
    await followLogs(session, watch, { ...flags, services: chosen, endsWithContainers: true, hasEarlier: true });
  });
}

type Followed = Pick<LogFlags, 'follow' | 'tail' | 'timestamps' | 'since' | 'until' | 'index'> & {
  color: boolean;
  logPrefix: boolean;
  services: readonly string[] | undefined;
  /** Nothing is followed any more when every container has ended. */
  endsWithContainers?: boolean;
  /** What a container that was started again wrote before that comes first, where it is still there. */
  hasEarlier?: boolean;
  /** What containers write to stderr goes to stderr. */
  isSplit?: boolean;
};

type LogSession = Pick<ProjectSession, 'context' | 'streams' | 'signal'>;

/** The colours of docker compose's prefixes, in turn. */
const colours = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

/** Writes the logs of all containers, of those to come as well when they are followed. */
export async function followLogs(session: LogSession, watch: ProjectWatch, flags: Followed): Promise<void> {
  const printer = new Printer(flags);
  const seen = new Set<string>();
  const running = new Map<string, Promise<void>>();
  let failure: unknown;
  const begin = (pod: Pod): void => {
    const { uid = '' } = pod.metadata;
    const life = `${uid} ${containerIdOf(pod)}`;
    if (seen.has(life) || !hasStarted(pod)) return;
    const isFirst = ![...seen].some((other) => other.startsWith(`${uid} `));
    seen.add(life);
    // What is being read may be the log of this life already.
    if (running.has(uid)) return;
    const reading = printLog(session, printer, { pod, flags, hasEarlier: isFirst && wantsEarlier(pod, flags) })
      .then(() => (flags.follow ? sayHowItEnded(session, watch, { printer, pod }) : undefined))
      .catch((error: unknown) => void (failure ??= error))
      .finally(() => void running.delete(uid));
    running.set(uid, reading);
  };
  const pods = (): Pod[] => {
    const isChosen = ({ metadata }: Pod): boolean =>
      flags.services?.includes(metadata.labels?.[serviceLabel] ?? '') ?? true;
    const all = watch.pods().filter(isChosen);
    return flags.index === undefined ? all : all.filter((_, index) => index + 1 === flags.index);
  };
  printer.expect(pods().map(({ metadata }) => metadata.name ?? ''));
  pods().forEach(begin);
  if (!flags.follow) {
    while (running.size > 0) await Promise.all(running.values());
    if (failure) throw failure as Error;
    return;
  }
  await untilFollowed(session.signal, watch, { pods, begin, endsWithContainers: flags.endsWithContainers ?? false });
  await Promise.allSettled(running.values());
}

/** Begins with every container that comes, until the signal, or until the last one has ended. */
async function untilFollowed(
  signal: AbortSignal,
  watch: ProjectWatch,
  { pods, begin, endsWithContainers }: { pods: () => Pod[]; begin: (pod: Pod) => void; endsWithContainers: boolean },
): Promise<void> {
  // One that is deleted may have a successor.
  const isOver = (): boolean =>
    pods().length > 0 && pods().every((pod) => hasEnded(pod) && !pod.metadata.deletionTimestamp);
  const isNothing = pods().length === 0;
  let stop = (): void => undefined;
  await new Promise<void>((resolve) => {
    const look = (): void => {
      pods().forEach(begin);
      if (signal.aborted || (endsWithContainers && (isNothing || isOver()))) resolve();
    };
    signal.addEventListener('abort', () => resolve(), { once: true });
    stop = watch.onChange(look);
    look();
  });
  stop();
}

/** The log of the container's life before its present one is asked for: the last lines are of the present one. */
function wantsEarlier({ status }: Pod, { tail, hasEarlier }: Followed): boolean {
  const isAll = tail === undefined || tail === 'all';
  return hasEarlier === true && isAll && status?.containerStatuses?.[0]?.lastState?.terminated !== undefined;
}

/** Nodes keep the log of the last life before, and not for ever. */
function unlessGone(error: unknown): void {
  if (!isApiError(error, 'BadRequest') && !isApiError(error, 'NotFound')) throw error;
}

async function printLog(
  session: LogSession,
  printer: Printer,
  { pod, flags, hasEarlier }: { pod: Pod; flags: Followed; hasEarlier: boolean },
): Promise<void> {
  const untilMs = flags.until === undefined ? undefined : timeOf('--until', flags.until);
  const isTimed = flags.timestamps === true || untilMs !== undefined;
  const name = pod.metadata.name ?? '';
  const lines = {
    stdout: printer.linesOf(name, { target: 'stdout', untilMs }),
    stderr: printer.linesOf(name, { target: 'stderr', untilMs }),
  };
  const isSplit = flags.isSplit ?? false;
  const take = (chunk: Buffer, target: LogTarget): void => lines[target].take(chunk);
  const options = { ...timesOf(flags), timestamps: isTimed };
  if (hasEarlier)
    await readLogs(session, pod, { options: { ...options, previous: true }, isSplit, take }).catch(unlessGone);
  await readLogs(session, pod, { options: { ...options, follow: flags.follow ?? false }, isSplit, take });
  lines.stdout.end();
  lines.stderr.end();
}

/** The log may end before the watch tells that its container has. */
async function sayHowItEnded(
  { signal }: LogSession,
  watch: ProjectWatch,
  { printer, pod }: { printer: Printer; pod: Pod },
): Promise<void> {
  const { uid, name = '' } = pod.metadata;
  const look = (): { code: number | undefined } | undefined => {
    const now = watch.pods().find(({ metadata }) => metadata.uid === uid);
    if (!now) return { code: undefined };
    const life = containerIdOf(pod);
    const { state, lastState } = now.status?.containerStatuses?.[0] ?? {};
    const ended = [state?.terminated, lastState?.terminated].find((each) => each?.containerID === life);
    return ended || containerIdOf(now) !== life ? { code: ended?.exitCode } : undefined;
  };
  const { code } = await watch.until(look, { signal, describe: () => `${name} is still running` });
  if (code !== undefined) printer.status(name, `exited with code ${code}`);
}

function containerIdOf({ status }: Pod): string {
  return status?.containerStatuses?.[0]?.containerID ?? '';
}

/** A time (RFC 3339, seconds since the epoch), or how long ago. Epoch milliseconds. */
export function timeOf(flag: string, text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined) return clock.now() - duration / 1e6;
  const time = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time)) throw new CliError(`${flag}: ${text} is neither a time nor a duration`, { exitCode: 2 });
  return time;
}

function timesOf({ tail, since }: Followed): { tailLines?: number; sinceTime?: string; sinceSeconds?: number } {
  const lines = tail === undefined || tail === 'all' ? {} : { tailLines: numberOf(tail) };
  if (since === undefined) return lines;
  return { ...lines, sinceSeconds: Math.max(1, Math.ceil((clock.now() - timeOf('--since', since)) / 1000)) };
}

function numberOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new CliError(`--tail: ${text} is no number of lines`, { exitCode: 2 });
}

interface LineWriter {
  take(chunk: Buffer): void;
  end(): void;
}

class Printer {
  readonly #flags: Followed;
  readonly #colours = new Map<string, number>();
  #width = 0;

  constructor(flags: Followed) {
    this.#flags = flags;
  }

  /** The width of prefixes is that of the longest name. */
  expect(names: readonly string[]): void {
    this.#width = Math.max(this.#width, ...names.map((name) => name.length));
  }

  /** A line with its time before it; undefined for one that is too late. */
  #before(timed: Buffer, untilMs: number): Buffer | undefined {
    const end = timed.indexOf(32);
    if (Date.parse(timed.subarray(0, end).toString()) >= untilMs) return undefined;
    return this.#flags.timestamps ? timed : timed.subarray(end + 1);
  }

  /** Takes a container's bytes and writes whole lines; `end` writes what is left of the last one. */
  linesOf(name: string, { target, untilMs }: { target: LogTarget; untilMs: number | undefined }): LineWriter {
    this.expect([name]);
    let rest = Buffer.alloc(0);
    const write = (timed: Buffer): void => {
      const line = untilMs === undefined ? timed : this.#before(timed, untilMs);
      if (!line) return;
      process[target].write(Buffer.concat([Buffer.from(this.#prefix(name)), line, Buffer.from('\n')]));
    };
    return {
      take: (chunk) => {
        let buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
        for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10)) {
          write(buffer.subarray(0, end));
          buffer = buffer.subarray(end + 1);
        }
        rest = Buffer.from(buffer);
      },
      end: () => {
        if (rest.length > 0) write(rest);
      },
    };
  }

  /** What has become of a container. */
  status(name: string, text: string): void {
    process.stdout.write(`${this.#coloured(name, `${name} ${text}`)}\n`);
  }

  #prefix(name: string): string {
    if (this.#flags.logPrefix === false) return '';
    return this.#coloured(name, `${name.padEnd(this.#width)}  | `);
  }

  #coloured(name: string, text: string): string {
    const isColoured = this.#flags.color !== false && process.stdout.isTTY === true && !process.env.NO_COLOR;
    if (!isColoured) return text;
    if (!this.#colours.has(name)) this.#colours.set(name, colours[this.#colours.size % colours.length] ?? 36);
    return `\u001b[${this.#colours.get(name)}m${text}\u001b[0m`;
  }
}
