import { humanDuration } from '../../../api/human-duration.ts';
import type { Event } from '../../../api/types/core-v1.ts';
import type { Lines } from './fields.ts';

/** What happened to an object, at the end of its description. `now` in milliseconds since the epoch. */
export function eventLines(events: readonly Event[], now: number): Lines {
  if (events.length === 0) return ['Events:\t<none>'];
  const rows = events
    .toSorted((a, b) => (lastSeen(a) < lastSeen(b) ? -1 : 1))
    .map(
      (event) =>
        `  ${event.type}\t${event.reason}\t${seenText(event, now)}\t${sourceOf(event)}\t${(event.message ?? '').trim()}`,
    );
  return ['Events:', '  Type\tReason\tAge\tFrom\tMessage', '  ----\t------\t----\t----\t-------', ...rows];
}

export function lastSeen({ series, lastTimestamp, eventTime, metadata }: Event): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
}

/** `5s (x3 over 1m)`, or how long ago it was. */
export function seenText(event: Event, now: number): string {
  const { firstTimestamp, eventTime, metadata, series, count = 1 } = event;
  const since = (time: string | undefined): string => (time ? humanDuration(now - Date.parse(time)) : '<unknown>');
  const first = since(firstTimestamp ?? eventTime ?? metadata.creationTimestamp);
  const times = series?.count ?? count;
  return times > 1 ? `${since(lastSeen(event))} (x${times} over ${first})` : first;
}

function sourceOf({ source, reportingComponent }: Event): string {
  return source?.component || reportingComponent || '';
}
