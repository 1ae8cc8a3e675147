import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AnyObject } from '../../../api/object.ts';
import type { KubeconfigEntryFields, MergedKubeconfig } from '../../../client/kubeconfig.ts';
import { createColumns } from '../../../delivery/inspect/columns.ts';
import { CliError } from '../../errors.ts';
import { objectPrinter } from '../print-objects.ts';
import { type FileChoice, readConfig } from './files.ts';

export interface ViewFlags extends FileChoice {
  context?: string;
  /** Only what the current context names. */
  minify?: boolean;
  /** Secrets and certificates as they are. */
  raw?: boolean;
  /** What files hold is shown in their place. */
  flatten?: boolean;
  output?: string;
}

type Fields = Record<string, unknown>;
type Entries = ReadonlyMap<string, KubeconfigEntryFields>;

/** `timonel config view`: the kubeconfig files as one. */
export async function view(flags: ViewFlags): Promise<void> {
  const all = readConfig(flags);
  const config = flags.minify ? minified(all, flags.context ?? all.currentContext) : all;
  const shown = flags.flatten ? flattened : flags.raw ? resolved : redacted;
  const object = {
    apiVersion: 'v1',
    kind: 'Config',
    preferences: {},
    clusters: listOf(config.clusters, 'cluster', shown),
    contexts: listOf(config.contexts, 'context', ({ fields }) => fields),
    users: listOf(config.users, 'user', shown),
    'current-context': config.currentContext,
  };
  const printer = await objectPrinter(flags.output ?? 'yaml', { showManagedFields: true });
  if (!printer) throw new CliError(`unable to match a printer suitable for the output format "${flags.output ?? ''}"`);
  process.stdout.write(printer.print(object as unknown as AnyObject));
}

function listOf(entries: Entries, kind: string, shown: (entry: KubeconfigEntryFields) => Fields): object[] | null {
  if (entries.size === 0) return null;
  return byName(entries).map(([name, entry]) => ({ name, [kind]: shown(entry) }));
}

function byName<T>(entries: ReadonlyMap<string, T>): [string, T][] {
  return [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function minified(all: MergedKubeconfig, name: string): MergedKubeconfig {
  if (!name) throw new CliError('current-context must exist in order to minify');
  const context = wanted(all.contexts, name, 'context');
  const { cluster, user } = context.fields as { cluster?: string; user?: string };
  return {
    currentContext: name,
    contexts: new Map([[name, context]]),
    clusters: new Map(cluster ? [[cluster, wanted(all.clusters, cluster, 'cluster')]] : []),
    users: new Map(user ? [[user, wanted(all.users, user, 'user')]] : []),
  };
}

function wanted(entries: Entries, name: string, what: string): KubeconfigEntryFields {
  const entry = entries.get(name);
  if (!entry) throw new CliError(`cannot locate ${what} ${name}`);
  return entry;
}

const paths = ['certificate-authority', 'client-certificate', 'client-key'];

/** Paths are relative to the file that names them. */
function resolved({ fields, directory }: KubeconfigEntryFields): Fields {
  return mapped(fields, (key, value) => (paths.includes(key) ? resolve(directory, value) : value));
}

function redacted(entry: KubeconfigEntryFields): Fields {
  return mapped(resolved(entry), (key, value) => {
    if (paths.some((path) => key === `${path}-data`)) return 'DATA+OMITTED';
    return key === 'token' || key === 'password' ? 'REDACTED' : value;
  });
}

function flattened(entry: KubeconfigEntryFields): Fields {
  return Object.fromEntries(
    Object.entries(resolved(entry)).map(([key, value]) =>
      paths.includes(key) ? [`${key}-data`, readFileSync(String(value)).toString('base64')] : [key, value],
    ),
  );
}

function mapped(fields: Fields, change: (key: string, value: string) => string): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? change(key, value) : value]),
  );
}

export interface ContextsFlags extends FileChoice {
  output?: string;
  /** Commander's name of `--no-headers`. */
  headers: boolean;
}

/** `timonel config get-contexts [NAME…]` */
export function getContexts(names: readonly string[], flags: ContextsFlags): void {
  const { contexts, currentContext } = readConfig(flags);
  const { output, headers } = flags;
  if (output && output !== 'name')
    throw new CliError(
      `--output ${output} is not available in timonel config get-contexts; resetting to default output format`,
    );
  const chosen = byName(contexts).filter(([name]) => names.length === 0 || names.includes(name));
  if (output === 'name') printLines(chosen.map(([name]) => name));
  else {
    const rows = chosen.map(([name, { fields }]) => {
      const { cluster = '', user = '', namespace = '' } = fields as Record<string, string>;
      return [name === currentContext ? '*' : '', name, cluster, user, namespace];
    });
    const header = ['CURRENT', 'NAME', 'CLUSTER', 'AUTHINFO', 'NAMESPACE'];
    printLines(createColumns().lines([...(headers ? [header] : []), ...rows]));
  }
  const missing = names.filter((name) => !contexts.has(name));
  if (missing.length > 0) throw new CliError(missing.map((name) => `context ${name} not found`).join(', '));
}

/** `timonel config get-clusters`, `get-users`. */
export function getNames(section: 'clusters' | 'users', flags: FileChoice): void {
  printLines(['NAME', ...byName<unknown>(readConfig(flags)[section]).map(([name]) => name)]);
}

export function showCurrentContext(flags: FileChoice): void {
  const { currentContext } = readConfig(flags);
  if (!currentContext) throw new CliError('current-context is not set');
  printLines([currentContext]);
}

function printLines(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
