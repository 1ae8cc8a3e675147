import type { Event, EventSource } from '../../types/core-v1.ts';
import { deprecated } from '../deprecation.ts';
import { column, nameColumn, since, wideColumn } from '../columns.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { fromEventsGroup, toEventsGroup } from './event-conversion.ts';
import { validateEvent } from './event-validation.ts';

const conversion = { toStorage: fromEventsGroup, fromStorage: toEventsGroup };

export const event = defineKind<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  scope: 'Namespaced',
  allowCreateOnUpdate: true,
  otherVersions: [
    {
      group: 'events.k8s.io',
      version: 'v1',
      type: schemaType('events.k8s.io', 'v1', 'Event'),
      ...conversion,
    },
    {
      group: 'events.k8s.io',
      version: 'v1beta1',
      type: schemaType('events.k8s.io', 'v1beta1', 'Event'),
      ...conversion,
      deprecation: deprecated('events.k8s.io/v1beta1', 'Event', {
        since: 22,
        removed: 25,
        use: 'events.k8s.io/v1 Event',
      }),
    },
  ],
  validate: validateEvent,
  columns: [
    column('Last Seen', lastSeen),
    column('Type', ({ type }) => type ?? ''),
    column('Reason', ({ reason }) => reason ?? ''),
    column('Object', target),
    wideColumn('Subobject', ({ involvedObject }) => involvedObject.fieldPath ?? ''),
    wideColumn('Source', source),
    column('Message', ({ message }) => (message ?? '').trim()),
    wideColumn('First Seen', firstSeen),
    wideColumn('Count', ({ series, count }) => series?.count ?? (count || 1)),
    { ...nameColumn, priority: 1 },
  ],
  selectableFields: {
    ...referenceFields('involvedObject'),
    // What events.k8s.io calls the same.
    ...referenceFields('regarding'),
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
    reportingController: ({ reportingComponent }) => reportingComponent ?? '',
    source: ({ source: from, reportingComponent }) => from?.component || reportingComponent || '',
    type: ({ type }) => type ?? '',
  },
});

function referenceFields(prefix: string): Record<string, (object: Event) => string> {
  const fields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;
  const entries = fields.map((field) => [`${prefix}.${field}`, (object: Event) => object.involvedObject[field] ?? '']);
  return Object.fromEntries(entries) as Record<string, (object: Event) => string>;
}

function firstSeen({ firstTimestamp, eventTime }: Event, now: number): string {
  return since(firstTimestamp ?? eventTime, now);
}

function lastSeen(object: Event, now: number): string {
  if (object.series) return since(object.series.lastObservedTime, now);
  return object.lastTimestamp === undefined ? firstSeen(object, now) : since(object.lastTimestamp, now);
}

function target({ involvedObject: { kind, name } }: Event): string {
  return name ? `${(kind ?? '').toLowerCase()}/${name}` : (kind ?? '').toLowerCase();
}

function source({ source: from, reportingComponent, reportingInstance }: Event): string {
  const { component, host }: EventSource = from?.component
    ? from
    : { component: reportingComponent ?? '', host: reportingInstance ?? '' };
  return host ? `${component}, ${host}` : (component ?? '');
}
