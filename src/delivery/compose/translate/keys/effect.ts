/** What becomes of one key of the Compose Specification. */
export type Effect =
  /** A field of an object; `but` says which values are an error or a warning. */
  | { kind: 'field'; to: string; but?: string }
  /** Read while files are loaded, or by a command. */
  | { kind: 'command'; to: string; but?: string }
  /** An error that says why; values in `unless` say nothing. */
  | { kind: 'refused'; why: string; unless?: readonly unknown[] }
  /** A warning that says why. */
  | { kind: 'warned'; why: string; unless?: readonly unknown[] }
  /** Has no effect, and needs none. */
  | { kind: 'nothing'; why: string };

export type KeyTable = Readonly<Record<string, Effect>>;

export const field = (to: string, but?: string): Effect => ({ kind: 'field', to, ...(but && { but }) });
export const command = (to: string, but?: string): Effect => ({ kind: 'command', to, ...(but && { but }) });
export const refused = (why: string, unless?: readonly unknown[]): Effect => ({
  kind: 'refused',
  why,
  ...(unless && { unless }),
});
export const warned = (why: string, unless?: readonly unknown[]): Effect => ({
  kind: 'warned',
  why,
  ...(unless && { unless }),
});
export const nothing = (why: string): Effect => ({ kind: 'nothing', why });

/** The same table below another path. */
export function below(prefix: string, table: KeyTable): KeyTable {
  return Object.fromEntries(Object.entries(table).map(([key, effect]) => [`${prefix}${key}`, effect]));
}
