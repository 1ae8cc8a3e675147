import type { Readable } from 'node:stream';
import type { AnyObject, KubeList } from '../../api/object.ts';
import { ApiError } from '../../api/status.ts';
import type { Status } from '../../api/types/meta-v1.ts';
import type { WatchEvent } from '../../client/client.ts';
import { linesOf } from '../../client/pod-streams.ts';
import { collectionPath, watchQuery } from '../../client/request-path.ts';
import { createColumns } from '../../delivery/inspect/columns.ts';
import { headerOf, rowOf, type Table, type TableColumn } from '../../delivery/inspect/table-rows.ts';
import { CliError } from '../errors.ts';
import { type GetFlags, queryOf, rowOptions } from './get.ts';
import type { ObjectPrinter } from './print-objects.ts';
import { type Selection, typed } from './selection.ts';
import type { Kube } from './session.ts';
import { type ListQuery, readTable, tableTypes } from './tables.ts';

/** `get -w`: what is there, then what changes, until Ctrl-C. */
export async function watchSelection(
  kube: Kube,
  {
    selections,
    flags,
    printer,
  }: { selections: readonly Selection[]; flags: GetFlags; printer: ObjectPrinter | undefined },
): Promise<void> {
  const [selection, ...more] = selections;
  if (!selection || more.length > 0) throw new CliError('you may only specify a single resource type');
  const { resource, name, ...where } = selection;
  const base = queryOf(kube, { resource, ...where }, flags);
  const query: ListQuery =
    name === undefined
      ? base
      : { ...base, fieldSelector: [base.fieldSelector, `metadata.name=${name}`].filter(Boolean).join(',') };
  if (printer) return watchObjects(kube, selection, { query, flags, printer });
  await watchTables(kube, selection, { query, flags });
}

async function watchTables(
  kube: Kube,
  selection: Selection,
  { query, flags }: { query: ListQuery; flags: GetFlags },
): Promise<void> {
  const { resource, name } = selection;
  const options = rowOptions(resource, flags, { severalTypes: false });
  const columns = createColumns();
  let definitions: readonly TableColumn[] = [];
  let withHeader = flags.headers;
  const show = ({ columnDefinitions, rows = [] }: Table, event: string): void => {
    definitions = columnDefinitions?.length ? columnDefinitions : definitions;
    const first = (cells: string[], cell: string): string[] => (flags.outputWatchEvents ? [cell, ...cells] : cells);
    const lines = rows.map((row) => first(rowOf(row, definitions, options), event));
    if (withHeader && lines.length > 0) lines.unshift(first(headerOf(definitions, options), 'EVENT'));
    if (lines.length > 0) withHeader = false;
    process.stdout.write(
      columns
        .lines(lines)
        .map((line) => `${line}\n`)
        .join(''),
    );
  };
  // A named object must be there; then its watch begins where the list of it alone ends.
  if (name !== undefined) await readTable(kube, selection, query);
  const list = await readTable(kube, { resource }, query);
  if (!flags.watchOnly) show(list, 'ADDED');
  const { includeObject, ...rest } = query;
  const path = `${collectionPath(resource, query.namespace)}${watchQuery({ ...rest, resourceVersion: list.metadata?.resourceVersion ?? '' })}`;
  const answer = await kube.client.open(`${path}&includeObject=${includeObject}`, { accept: tableTypes });
  for await (const event of events(answer)) {
    if (event.type === 'ERROR') throw new ApiError(event.object);
    if (event.type !== 'BOOKMARK') show(event.object as unknown as Table, event.type);
  }
}

async function* events(answer: Readable): AsyncIterable<WatchEvent> {
  for await (const line of linesOf(answer)) {
    if (line !== '') yield JSON.parse(line) as WatchEvent | { type: 'ERROR'; object: Status };
  }
}

async function watchObjects(
  kube: Kube,
  { resource }: Selection,
  { query, flags, printer }: { query: ListQuery; flags: GetFlags; printer: ObjectPrinter },
): Promise<void> {
  const { includeObject, limit, ...rest } = query;
  void [includeObject, limit];
  const list = (await kube.client.list(resource, rest)) as KubeList;
  const show = (object: AnyObject): void => void process.stdout.write(printer.print(typed(resource, object)));
  if (!flags.watchOnly) list.items.forEach(show);
  for await (const event of kube.client.watch(resource, {
    ...rest,
    resourceVersion: list.metadata.resourceVersion ?? '',
  })) {
    if (event.type === 'ERROR') throw new ApiError(event.object);
    if (event.type !== 'BOOKMARK') show(event.object as AnyObject);
  }
}
