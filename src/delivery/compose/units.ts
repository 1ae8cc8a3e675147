/** Nanoseconds of a Go duration, or undefined: `1h30m`, `90s`, `1.5s`, `250ms`; Compose also knows days and weeks. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  if (!/^[-+]?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|w|d|h|m|s))+$/.test(trimmed)) return undefined;
  let total = 0;
  for (const [, amount = '', unit = ''] of trimmed.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|w|d|h|m|s)/g)) {
    total += Number(amount) * (nanoseconds[unit] ?? 0);
  }
  return Math.round(trimmed.startsWith('-') ? -total : total);
}

const nanoseconds: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 24 * 3600e9,
  w: 7 * 24 * 3600e9,
};

/** As Go prints a duration: `1m30s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(value: number): string {
  if (value === 0) return '0s';
  const sign = value < 0 ? '-' : '';
  const ns = Math.abs(value);
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${ns / 1e3}µs`;
  if (ns < 1e9) return `${sign}${ns / 1e6}ms`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor((ns % 3600e9) / 60e9);
  const seconds = `${(ns % 60e9) / 1e9}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

/** Bytes of a size with a unit of 1024 (`64m`, `1.5gb`, `512KiB`), or undefined. -1 (unlimited) stays. */
export function parseBytes(value: string | number): number | undefined {
  if (typeof value === 'number') return Math.trunc(value);
  const [, amount = '', unit = ''] = /^\s*(-?\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?\s*$/i.exec(value) ?? [];
  if (amount === '') return undefined;
  const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf(unit.toLowerCase());
  const bytes = Math.trunc(Number(amount) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
