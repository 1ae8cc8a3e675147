/** Structured log lines. `fields` are appended as `key=value`; an `error` field is shown with its stack at debug level. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that puts `fields` on every line. */
  with(fields: LogFields): Logger;
}

export type LogFields = Record<string, unknown>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger that hands finished lines (no newline) to `write`; `now` gives epoch milliseconds. */
export function createLogger(options: {
  level: LogLevel;
  now: () => number;
  write: (line: string) => void;
  fields?: LogFields;
}): Logger {
  const { level, now, write, fields: base = {} } = options;
  const line = (at: LogLevel, message: string, fields: LogFields = {}): void => {
    if (rank[at] < rank[level]) return;
    const parts = Object.entries({ ...base, ...fields }).map(([key, value]) => `${key}=${render(value, level)}`);
    write([new Date(now()).toISOString(), at, message, ...parts].join(' '));
  };
  return {
    debug: (message, fields) => line('debug', message, fields),
    info: (message, fields) => line('info', message, fields),
    warn: (message, fields) => line('warn', message, fields),
    error: (message, fields) => line('error', message, fields),
    with: (fields) => createLogger({ ...options, fields: { ...base, ...fields } }),
  };
}

function render(value: unknown, level: LogLevel): string {
  if (value instanceof Error) return JSON.stringify(level === 'debug' ? value.stack : value.message);
  return typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : (JSON.stringify(value) ?? 'undefined');
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};
