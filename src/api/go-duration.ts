const unitNanos: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** `1h30m`, `1.5s`, `-2ms` in nanoseconds; undefined when Go's `time.ParseDuration` would refuse it. */
export function parseGoDuration(text: string): number | undefined {
  if (/^[-+]?0$/.test(text)) return 0;
  if (!/^[-+]?((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let nanos = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    nanos += Number(amount) * (unitNanos[unit as string] as number);
  }
  if (nanos >= 2 ** 63) return undefined;
  return Math.round(text.startsWith('-') ? -nanos : nanos);
}

/** Nanoseconds as Go prints a duration: `1h30m0s`, `1.5s`, `2ms`. */
export function formatGoDuration(nanos: number | bigint): string {
  if (typeof nanos === 'bigint') return formatExactly(nanos);
  if (nanos === 0) return '0s';
  const sign = nanos < 0 ? '-' : '';
  const size = Math.abs(nanos);
  if (size < 1e3) return `${sign}${size}ns`;
  if (size < 1e6) return `${sign}${size / 1e3}µs`;
  if (size < 1e9) return `${sign}${size / 1e6}ms`;
  const hours = Math.floor(size / 3600e9);
  const minutes = Math.floor(size / 60e9) % 60;
  const seconds = `${(size % 60e9) / 1e9}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

/** Past 2^53 the minutes are written apart from what is left, which is exact. */
function formatExactly(nanos: bigint): string {
  const minute = 60_000_000_000n;
  const size = nanos < 0n ? -nanos : nanos;
  if (size < minute) return formatGoDuration(Number(nanos));
  const minutes = size / minute;
  const hours = minutes / 60n;
  const seconds = `${minutes % 60n}m${Number(size % minute) / 1e9}s`;
  return `${nanos < 0n ? '-' : ''}${hours > 0n ? `${hours}h` : ''}${seconds}`;
}
