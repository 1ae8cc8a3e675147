import type { AnyObject, KubeList } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import { type Columns, createColumns } from '../../delivery/inspect/columns.ts';
import { headerOf, type RowOptions, rowOf, type Table } from '../../delivery/inspect/table-rows.ts';
import { CliError } from '../errors.ts';
import { type ObjectPrinter, objectPrinter } from './print-objects.ts';
import { shownType } from './resource-finder.ts';
import { placeOf, type Selection, type SelectionFlags, selectionOf, typed } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';
import { type ListQuery, readTable } from './tables.ts';

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
}

/** `timonel get TYPE …`: tables as the server makes them, or the objects in another format. */
export async function get(words: readonly string[], flags: GetFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const selections = await selectionOf(kube, words, flags);
    if (selections.some(({ name }) => name !== undefined) && (flags.selector || flags.allNamespaces)) {
      const what = flags.selector
        ? 'name cannot be provided when a selector is specified'
        : 'a resource cannot be retrieved by name across all namespaces';
      throw new CliError(what);
    }
    const printer = await objectPrinter(flags.output, {
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
  const columns = createColumns();
  for (const group of groups) {
    const tables = await tablesOf(kube, group, flags);
    const table = await sorted(joined(tables), flags.sortBy);
    if (!table.rows?.length) continue;
    if (!isFirst) process.stdout.write('\n');
    isFirst = false;
    const options = rowOptions(group.resource, flags, { severalTypes: groups.length > 1 });
    process.stdout.write(
      tableText(table, options, { columns: groups.length > 1 ? createColumns() : columns, headers: flags.headers }),
    );
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

function tableText(
  table: Table,
  options: RowOptions,
  { columns, headers }: { columns: Columns; headers: boolean },
): string {
  const { columnDefinitions = [], rows = [] } = table;
  const lines = [
    ...(headers ? [headerOf(columnDefinitions, options)] : []),
    ...rows.map((row) => rowOf(row, columnDefinitions, options)),
  ];
  return columns
    .lines(lines)
    .map((line) => `${line}\n`)
    .join('');
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
        return await readTable(kube, selection, queryOf(kube, selection, flags));
      } catch (error) {
        return { error };
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
        if (name !== undefined) return [typed(resource, await kube.client.get(resource, placeOf(kube, selection)))];
        return (await listAll(kube, selection, flags)).map((item) => typed(resource, item));
      } catch (error) {
        if (!(flags.ignoreNotFound && isApiError(error, 'NotFound'))) kube.fail(error);
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
