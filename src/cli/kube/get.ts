import type { AnyObject, KubeList } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import { objectPath } from '../../client/request-path.ts';
import { createColumns } from '../../delivery/inspect/columns.ts';
import type { RowOptions, Table } from '../../delivery/inspect/table-rows.ts';
import { CliError } from '../errors.ts';
import { type ObjectPrinter, objectPrinter } from './print-objects.ts';
import { shownType } from './resource-finder.ts';
import { placeOf, type Selection, type SelectionFlags, selectionOf, typed } from './selection.ts';
import { FileError, type Kube, type KubeFlags, withKube } from './session.ts';
import { type ListQuery, readTable, tableText } from './tables.ts';

export interface GetFlags extends KubeFlags, SelectionFlags {
  output?: string;
  allNamespaces?: boolean;
  selector?: string;
  fieldSelector?: string;
  sortBy?: string;
  showLabels?: boolean;
  labelColumns?: string[];
  /** Commander's name of `--no-headers`. */
  headers: boolean;
  ignoreNotFound?: boolean;
  showManagedFields?: boolean;
  watch?: boolean;
  watchOnly?: boolean;
  outputWatchEvents?: boolean;
  chunkSize: string;
  showKind?: boolean;
  /** Of `-o go-template` without one. */
  template?: string;
  raw?: string;
  subresource?: string;
}

/** `timonel get TYPE …`: tables as the server makes them, or the objects in another format. */
export async function get(words: readonly string[], flags: GetFlags): Promise<void> {
  if (flags.raw !== undefined) return (await import('./raw.ts')).getRaw(flags.raw, words, flags);
  if (words.length === 0 && !flags.filename?.length)
    throw new CliError('Required resource not specified.', missingType);
  requireCount(flags.chunkSize);
  if (flags.outputWatchEvents && !flags.watch && !flags.watchOnly) {
    throw new CliError('--output-watch-events option can only be used with --watch or --watch-only');
  }
  await withKube(flags, async (kube) => {
    const selections = await selectionOf(kube, words, flags);
    if (flags.subresource && selections.some(({ name }) => name === undefined)) {
      throw new CliError('subresource cannot be used when bulk resources are specified');
    }
    if (selections.some(({ name }) => name !== undefined) && (flags.selector || flags.allNamespaces)) {
      const what = flags.selector
        ? 'name cannot be provided when a selector is specified'
        : 'a resource cannot be retrieved by name across all namespaces';
      throw new CliError(what);
    }
    const printer = await objectPrinter(formatOf(flags), {
      showManagedFields: flags.showManagedFields ?? false,
      noHeaders: !flags.headers,
    });
    if (flags.watch || flags.watchOnly) {
      return (await import('./get-watch.ts')).watchSelection(kube, { selections, flags, printer });
    }
    if (printer) return printObjects(kube, { selections, flags, printer });
    await printTables(kube, selections, flags);
  });
}

const missingType = {
  hint: [
    'Use "timonel explain <resource>" for a detailed description of that resource (e.g. timonel explain pods), and',
    '"timonel api-resources" for a complete list of supported resources.',
    "See 'timonel get --help' for help and examples",
  ].join('\n'),
};

/** `--template T` is what `-o go-template` takes, and means that where no format is named. */
function formatOf({ output, template }: GetFlags): string | undefined {
  if (template === undefined || output?.includes('=')) return output;
  return `${output || 'go-template'}=${template}`;
}

function requireCount(text: string): void {
  if (!/^\d+$/.test(text)) throw new CliError(`invalid argument "${text}" for "--chunk-size" flag: it is a number`);
}

export function queryOf(kube: Kube, { resource, namespace }: Selection, flags: GetFlags): ListQuery {
  const { selector, fieldSelector, allNamespaces, sortBy } = flags;
  return {
    limit: Number(flags.chunkSize),
    includeObject: sortBy ? 'Object' : 'Metadata',
    ...(resource.namespaced && !allNamespaces && { namespace: namespace ?? kube.namespace }),
    ...(selector && { labelSelector: selector }),
    ...(fieldSelector && { fieldSelector }),
  };
}

interface Group {
  resource: Selection['resource'];
  selections: Selection[];
}

async function printTables(kube: Kube, selections: readonly Selection[], flags: GetFlags): Promise<void> {
  const groups = groupsOf(selections);
  let isFirst = true;
  const read: { resource: Selection['resource']; tables: Table[] }[] = [];
  for (const group of groups) read.push({ resource: group.resource, tables: await tablesOf(kube, group, flags) });
  const found = read.filter(({ tables }) => tables.length > 0);
  for (const { resource, tables } of found) {
    const table = await sorted(joined(tables), flags.sortBy);
    if (!table.rows?.length) continue;
    if (!isFirst) process.stdout.write('\n');
    isFirst = false;
    const options = rowOptions(resource, flags, { severalTypes: found.length > 1 });
    process.stdout.write(tableText(table, options, { columns: createColumns(), headers: flags.headers }));
  }
  if (isFirst && !process.exitCode && !flags.ignoreNotFound) sayNothingFound(kube, groups, flags);
}

export function rowOptions(
  resource: Selection['resource'],
  flags: GetFlags,
  { severalTypes }: { severalTypes: boolean },
): RowOptions {
  return {
    wide: flags.output === 'wide',
    withNamespace: Boolean(flags.allNamespaces) && resource.namespaced,
    ...((severalTypes || flags.showKind) && { prefix: `${shownType(resource)}/` }),
    ...(flags.showLabels && { showLabels: true }),
    ...(flags.labelColumns && { labelColumns: flags.labelColumns.flatMap((list) => list.split(',')) }),
  };
}

function sayNothingFound(kube: Kube, groups: readonly Group[], { allNamespaces }: GetFlags): void {
  const isSomewhere = !allNamespaces && groups.some(({ resource }) => resource.namespaced);
  process.stderr.write(`No resources found${isSomewhere ? ` in ${kube.namespace} namespace.` : ''}\n`);
}

/** Objects of one type stand in one table. */
function groupsOf(selections: readonly Selection[]): Group[] {
  const groups: Group[] = [];
  for (const selection of selections) {
    const last = groups.at(-1);
    if (last?.resource.plural === selection.resource.plural && last.resource.group === selection.resource.group) {
      last.selections.push(selection);
    } else groups.push({ resource: selection.resource, selections: [selection] });
  }
  return groups;
}

/** What cannot be got is told, and the rest is shown. */
async function tablesOf(kube: Kube, { selections }: Group, flags: GetFlags): Promise<Table[]> {
  const tables = await Promise.all(
    selections.map(async (selection) => {
      try {
        const query = queryOf(kube, selection, flags);
        return await readTable(
          kube,
          selection,
          flags.subresource ? { ...query, subresource: flags.subresource } : query,
        );
      } catch (error) {
        return { error: explainedList(error, selection, flags) };
      }
    }),
  );
  return tables.flatMap((table) => {
    if (!('error' in table)) return [table];
    if (!(flags.ignoreNotFound && isApiError(table.error, 'NotFound'))) kube.fail(table.error);
    return [];
  });
}

function joined(tables: readonly Table[]): Table {
  const [first] = tables;
  return { ...(first ?? { kind: 'Table' }), rows: tables.flatMap(({ rows = [] }) => rows) };
}

async function sorted(table: Table, sortBy: string | undefined): Promise<Table> {
  if (!sortBy) return table;
  const { sortByPath } = await import('../../delivery/inspect/sort-by.ts');
  return { ...table, rows: sortByPath(table.rows ?? [], sortBy, ({ object }) => object) };
}

async function printObjects(
  kube: Kube,
  { selections, flags, printer }: { selections: readonly Selection[]; flags: GetFlags; printer: ObjectPrinter },
): Promise<void> {
  const results = await Promise.all(
    selections.map(async (selection): Promise<AnyObject[]> => {
      const { resource, name } = selection;
      try {
        if (name !== undefined) return [await oneOf(kube, selection, flags)];
        return (await listAll(kube, selection, flags)).map((item) => typed(resource, item));
      } catch (error) {
        if (!(flags.ignoreNotFound && isApiError(error, 'NotFound'))) kube.fail(explainedList(error, selection, flags));
        return [];
      }
    }),
  );
  const found = results.flat();
  const only = selections.length === 1 && selections[0]?.name !== undefined;
  if (only && found.length === 0) return;
  if (only) return void process.stdout.write(printer.print(found[0] as AnyObject));
  const items = flags.sortBy
    ? (await import('../../delivery/inspect/sort-by.ts')).sortByPath(found, flags.sortBy, (object) => object)
    : found;
  const list = { apiVersion: 'v1', items, kind: 'List', metadata: { resourceVersion: '' } };
  process.stdout.write(printer.print(list));
}

async function listAll(kube: Kube, selection: Selection, flags: GetFlags): Promise<AnyObject[]> {
  const { includeObject, limit, ...query } = queryOf(kube, selection, flags);
  void includeObject;
  const items: AnyObject[] = [];
  let next: string | undefined;
  do {
    const page = (await kube.client.list(selection.resource, {
      ...query,
      ...(limit > 0 && { limit }),
      ...(next && { continue: next }),
    })) as KubeList;
    items.push(...page.items);
    next = page.metadata.continue;
  } while (next);
  return items;
}

async function oneOf(kube: Kube, selection: Selection, { subresource }: GetFlags): Promise<AnyObject> {
  const { resource } = selection;
  const place = placeOf(kube, selection);
  if (!subresource) return typed(resource, await kube.client.get(resource, place));
  return (await kube.client.raw('GET', objectPath(resource, place, subresource))) as AnyObject;
}

/** kubectl says of a list that was refused what it looked for. */
function explainedList(error: unknown, { resource, name }: Selection, flags: GetFlags): unknown {
  if (name !== undefined || !isApiError(error, 'BadRequest', 'NotFound')) return error;
  const { group, version, plural } = resource;
  const { selector = '', fieldSelector = '' } = flags;
  const type = `${group}/${version}, Resource=${plural}`;
  const doing =
    selector || fieldSelector
      ? `Unable to find ${quoteGo(type)} that match label selector ${quoteGo(selector)}, field selector ${quoteGo(fieldSelector)}`
      : `Unable to list ${quoteGo(type)}`;
  return new FileError(error, doing);
}

const quoteGo = (text: string): string => JSON.stringify(text);
