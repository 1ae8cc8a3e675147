import type { KubeObject } from '../../api/object.ts';

/** meta.k8s.io/v1 Table: a list as the server would have it shown. */
export interface Table {
  kind: string;
  metadata?: { resourceVersion?: string; continue?: string };
  columnDefinitions?: TableColumn[];
  rows?: TableRow[];
}

export interface TableColumn {
  name: string;
  format?: string;
  /** 0 and undefined: always; more: only in wide tables. */
  priority?: number;
}

export interface TableRow {
  cells?: unknown[];
  /** By `includeObject` the whole object or its metadata. */
  object?: unknown;
}

/** How rows of a server's table are shown. */
export interface RowOptions {
  /** Columns of lower priority as well. */
  wide: boolean;
  withNamespace: boolean;
  /** Before each name: `pod/`. */
  prefix?: string;
  showLabels?: boolean;
  /** Labels that get a column each. */
  labelColumns?: readonly string[];
}

/** The header of a table. Pure. */
export function headerOf(columns: readonly TableColumn[], options: RowOptions): string[] {
  const { withNamespace, showLabels, labelColumns = [] } = options;
  return [
    ...(withNamespace ? ['NAMESPACE'] : []),
    ...columns.filter((column) => isShown(column, options)).map(({ name }) => name.toUpperCase()),
    ...labelColumns.map((label) => (label.split('/').at(-1) ?? label).toUpperCase()),
    ...(showLabels ? ['LABELS'] : []),
  ];
}

/** One object's row. Pure. */
export function rowOf({ cells, object }: TableRow, columns: readonly TableColumn[], options: RowOptions): string[] {
  const { metadata } = (object ?? { metadata: {} }) as KubeObject;
  const { withNamespace, prefix = '', showLabels, labelColumns = [] } = options;
  const { labels = {} } = metadata;
  return [
    ...(withNamespace ? [metadata.namespace ?? ''] : []),
    ...columns.flatMap((column, i) => {
      if (!isShown(column, options)) return [];
      return [
        `${column.format === 'name' || (i === 0 && column.name === 'Name') ? prefix : ''}${cellText(cells?.[i])}`,
      ];
    }),
    ...labelColumns.map((label) => labels[label] ?? ''),
    ...(showLabels ? [labelsText(labels)] : []),
  ];
}

function isShown({ priority }: TableColumn, { wide }: RowOptions): boolean {
  return wide || !priority;
}

/** Of a text with several lines only the first one is shown. */
function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return '';
  const text = typeof cell === 'string' ? cell : JSON.stringify(cell);
  const end = text.search(/[\n\r\f]/);
  return end < 0 ? text : `${text.slice(0, end)}...`;
}

/** `app=web,tier=front`; `<none>`. */
function labelsText(labels: Record<string, string> | undefined): string {
  const sorted = Object.entries(labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, value]) => (value === '' ? key : `${key}=${value}`)).join(',') || '<none>';
}
