import type { Pod } from '../../api/types/core-v1.ts';
import { ProjectWatch } from '../../delivery/compose/run/project-watch.ts';
import { serviceLabel } from '../../delivery/compose/translate/names.ts';
import { clock } from '../context.ts';
import { createOutput, table } from '../output.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, requireServices, withProject } from './connection.ts';
import { runInPod } from './run-in-pod.ts';
import { isOneOff, isRunning, nameOf } from './sessions.ts';

/** `timonel compose top`: the processes of each container, as their own /proc has them. */
export async function top(services: readonly string[], flags: ComposeFlags): Promise<void> {
  await withProject(flags, async (session) => {
    requireServices(session, services);
    const watch = new ProjectWatch(session.context);
    await watch.synced();
    const pods = watch.pods().filter((pod) => isRunning(pod) && !isOneOff(pod));
    const numbers = new Map<string, number>();
    const rows: string[][] = [];
    for (const pod of pods.toSorted((a, b) => (serviceOf(a) < serviceOf(b) ? -1 : 1))) {
      const service = serviceOf(pod);
      const number = (numbers.get(service) ?? 0) + 1;
      numbers.set(service, number);
      if (services.length > 0 && !services.includes(service)) continue;
      const processes = processesOf(await listing(session, pod), clock.now());
      rows.push(...processes.map((cells) => [service, String(number), ...cells]));
    }
    if (rows.length > 0) createOutput().data(table(['SERVICE', '#', ...titles], rows));
  });
}

function serviceOf({ metadata }: Pod): string {
  return metadata.labels?.[serviceLabel] ?? '';
}

async function listing(session: ProjectSession, pod: Pod): Promise<string> {
  const chunks: Buffer[] = [];
  const work = runInPod(session.streams, nameOf(session, pod), {
    command: ['/bin/sh', '-c', listProcesses],
    onStdout: (data) => chunks.push(data),
    signal: session.signal,
  });
  await work.catch(() => session.context.warn(`${pod.metadata.name}: without a shell its processes cannot be listed`));
  return Buffer.concat(chunks).toString();
}

/** Uptime, and a line for each process: user, /proc/PID/stat, command line. The shell leaves itself out. */
const listProcesses = `
read -r up _ </proc/uptime; echo "$up"
for p in /proc/[0-9]*; do
  [ "$p" = "/proc/$$" ] && continue
  { read -r stat <"$p/stat"; } 2>/dev/null || continue
  while read -r key user _; do [ "$key" = Uid: ] && break; done <"$p/status"
  printf '%s\\t%s\\t%s\\n' "$user" "$stat" "$(tr '\\000' ' ' <"$p/cmdline")"
done`;

/** The columns of `ps -ef`. */
const titles = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];
const ticksPerSecond = 100;

/** What {@link listProcesses} has listed, as `ps -ef` shows it (proc(5) has the fields). Pure. */
export function processesOf(text: string, nowMs: number): string[][] {
  const [up = '', ...lines] = text.split('\n');
  const uptime = Number(up);
  return lines.flatMap((line) => {
    const [user = '', stat = '', command = ''] = line.split('\t');
    const [, pid, comm, rest = ''] = /^(\d+) \((.*)\) (.*)$/.exec(stat) ?? [];
    // What holds a pod's namespaces is no process of the container.
    if (pid === undefined || command.trim() === '/pause') return [];
    const fields = rest.split(' ');
    const field = (number: number): number => Number(fields[number - 3] ?? 0);
    const cpuSeconds = (field(14) + field(15)) / ticksPerSecond;
    const age = uptime - field(22) / ticksPerSecond;
    const share = age > 0 ? Math.min(99, Math.trunc((cpuSeconds / age) * 100)) : 0;
    const begun = new Date(nowMs - age * 1000);
    return [
      [
        user === '0' ? 'root' : user,
        ...[pid, String(field(4)), String(share), startText(begun, new Date(nowMs))],
        ...[terminalText(field(7)), timeText(cpuSeconds), command.trim() || `[${comm}]`],
      ],
    ];
  });
}

/** The hour today, else the day. */
function startText(begun: Date, now: Date): string {
  if (begun.toDateString() === now.toDateString()) return begun.toTimeString().slice(0, 5);
  const [, month = '', day = ''] = begun.toDateString().split(' ');
  return `${month}${day}`;
}

const pseudoTerminals = 136;

function terminalText(device: number): string {
  const major = device >> 8;
  return major >= pseudoTerminals && major < pseudoTerminals + 8 ? `pts/${device & 0xff}` : '?';
}

function timeText(seconds: number): string {
  const parts = [seconds / 3600, (seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(Math.trunc(part)).padStart(2, '0')).join(':');
}
