/**
 * The signals that a container of Linux may be stopped by (KEP-4960, `lifecycle.stopSignal`), with their numbers
 * (signal(7), x86 and ARM). The real-time ones are as glibc counts them.
 */
export const stopSignals: ReadonlyMap<string, number> = new Map([
  ['SIGABRT', 6],
  ['SIGALRM', 14],
  ['SIGBUS', 7],
  ['SIGCHLD', 17],
  ['SIGCLD', 17],
  ['SIGCONT', 18],
  ['SIGFPE', 8],
  ['SIGHUP', 1],
  ['SIGILL', 4],
  ['SIGINT', 2],
  ['SIGIO', 29],
  ['SIGIOT', 6],
  ['SIGKILL', 9],
  ['SIGPIPE', 13],
  ['SIGPOLL', 29],
  ['SIGPROF', 27],
  ['SIGPWR', 30],
  ['SIGQUIT', 3],
  ['SIGSEGV', 11],
  ['SIGSTKFLT', 16],
  ['SIGSTOP', 19],
  ['SIGSYS', 31],
  ['SIGTERM', 15],
  ['SIGTRAP', 5],
  ['SIGTSTP', 20],
  ['SIGTTIN', 21],
  ['SIGTTOU', 22],
  ['SIGURG', 23],
  ['SIGUSR1', 10],
  ['SIGUSR2', 12],
  ['SIGVTALRM', 26],
  ['SIGWINCH', 28],
  ['SIGXCPU', 24],
  ['SIGXFSZ', 25],
  ...realTime(),
]);

/** Those of Windows. */
export const windowsStopSignals: readonly string[] = ['SIGKILL', 'SIGTERM'];

function realTime(): [string, number][] {
  const first = 34;
  const last = 64;
  const offsets = Array.from({ length: 16 }, (_, i) => i);
  const rising = offsets.map((i): [string, number] => [`SIGRTMIN${i === 0 ? '' : `+${i}`}`, first + i]);
  const falling = offsets.slice(0, 15).map((i): [string, number] => [`SIGRTMAX${i === 0 ? '' : `-${i}`}`, last - i]);
  return [...rising, ...falling];
}
