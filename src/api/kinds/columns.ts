import { humanDuration } from '../human-duration.ts';
import type { PrinterColumn } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import type { Container } from '../types/core-v1.ts';

type Cell<T> = (object: T, now: number) => string | number | boolean;

/** A column of `kubectl get`. */
export function column<T extends KubeObject>(
  name: string,
  value: Cell<T>,
  type: PrinterColumn<T>['type'] = 'string',
): PrinterColumn<T> {
  return { name, type, priority: 0, value };
}

/** A column that only `-o wide` shows. */
export function wideColumn<T extends KubeObject>(name: string, value: Cell<T>): PrinterColumn<T> {
  return { name, type: 'string', priority: 1, value };
}

export const nameColumn: PrinterColumn<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  priority: 0,
  description: 'Name must be unique within a namespace.',
  value: (object) => object.metadata.name ?? '',
};

export const ageColumn: PrinterColumn<KubeObject> = {
  name: 'Age',
  type: 'string',
  priority: 0,
  description: 'Time since the object was created.',
  value: (object, now) => since(object.metadata.creationTimestamp, now),
};

/** What kinds without a printer of their own show upstream: the name and the creation time itself. */
export const plainColumns: readonly PrinterColumn<KubeObject>[] = [
  nameColumn,
  {
    name: 'Created At',
    type: 'date',
    priority: 0,
    description: 'Time when the object was created.',
    value: (object) => object.metadata.creationTimestamp ?? '',
  },
];

/** Time that has passed since a timestamp of the wire: `5m`, or `<unknown>` without one. */
export function since(timestamp: string | undefined, now: number): string {
  return timestamp === undefined ? '<unknown>' : humanDuration(now - Date.parse(timestamp));
}

/** `a=1,b=2`, keys sorted; `<none>` when there are none. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const keys = Object.keys(labels ?? {}).toSorted();
  return keys.length === 0 ? '<none>' : keys.map((key) => `${key}=${labels?.[key]}`).join(',');
}

/** The CONTAINERS and IMAGES columns of everything with a pod template. */
export function containerColumns<T extends KubeObject>(
  containers: (object: T) => readonly Container[] | undefined,
): PrinterColumn<T>[] {
  return [
    wideColumn('Containers', (object: T) => (containers(object) ?? []).map(({ name }) => name).join(',')),
    wideColumn('Images', (object: T) => (containers(object) ?? []).map(({ image }) => image ?? '').join(',')),
  ];
}
