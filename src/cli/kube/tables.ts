import { humanDuration } from '../../api/human-duration.ts';
import type { Client, ListOptions, ObjectName, Resource } from '../../client/client.ts';
import { collectionPath, listQuery, objectPath } from '../../client/request-path.ts';
import type { Columns } from '../../delivery/inspect/columns.ts';
import { headerOf, type RowOptions, rowOf, type Table } from '../../delivery/inspect/table-rows.ts';
import { clock } from '../context.ts';
import { placeOf, type Selection } from './selection.ts';
import type { Kube } from './session.ts';

export const tableTypes =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';

export interface ListQuery extends ListOptions {
  limit: number;
  includeObject: 'Metadata' | 'Object';
  /** Of a named object. */
  subresource?: string;
}

/** A type's or an object's table, in as many pages as the server makes of it. Rejects with ApiError. */
export async function readTable(kube: Kube, selection: Selection, query: ListQuery): Promise<Table> {
  const { resource, name } = selection;
  const read = (path: string): Promise<Table> => tableAt(kube.client, path);
  if (name !== undefined) return read(tablePath(resource, placeOf(kube, selection), query));
  const { limit, ...rest } = query;
  const options = { ...rest, ...(limit > 0 && { limit }) };
  const first = await read(listPath(resource, options));
  const rows = first.rows ?? [];
  let next = first.metadata?.continue;
  while (next) {
    const page = await read(listPath(resource, { ...options, continue: next }));
    rows.push(...(page.rows ?? []));
    next = page.metadata?.continue;
  }
  return { ...first, rows };
}

/** What is at a path, as a table. Rejects with ApiError. */
export async function tableAt(client: Client, path: string): Promise<Table> {
  const answer = (await client.raw('GET', path, undefined, { accept: tableTypes })) as Table;
  return answer.kind === 'Table' ? answer : plainTable(answer);
}

function tablePath(resource: Resource, name: ObjectName, { includeObject, subresource }: ListQuery): string {
  return `${objectPath(resource, name, subresource)}?includeObject=${includeObject}`;
}

function listPath(resource: Resource, options: Omit<ListQuery, 'limit'>): string {
  const query = listQuery(options);
  const shape = `includeObject=${options.includeObject}`;
  return `${collectionPath(resource, options.namespace)}${query ? `${query}&${shape}` : `?${shape}`}`;
}

/** Of a server that makes no tables: names and what they are of. */
function plainTable(answer: unknown): Table {
  const { items } = answer as { items?: { metadata: { name?: string; creationTimestamp?: string } }[] };
  const objects = items ?? [answer as { metadata: { name?: string; creationTimestamp?: string } }];
  return {
    kind: 'Table',
    columnDefinitions: [{ name: 'Name', format: 'name' }, { name: 'Age' }],
    rows: objects.map((object) => ({
      cells: [object.metadata.name, ageText(object.metadata.creationTimestamp)],
      object,
    })),
  };
}

function ageText(time: string | undefined): string {
  return time ? humanDuration(clock.now() - Date.parse(time)) : '<unknown>';
}

export function tableText(
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
