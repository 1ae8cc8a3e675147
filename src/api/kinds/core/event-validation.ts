import type { Event } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, required } from '../../field-errors.ts';
import { qualifiedName } from '../../names.ts';

const longestName = 128;
const longestNote = 1024;

export function validateEvent(event: Event): StatusCause[] {
  const causes: StatusCause[] = [];
  const namespace = event.metadata.namespace ?? '';
  const about = event.involvedObject?.namespace ?? '';
  const clusterScoped = ['', 'default', ...(event.eventTime === undefined ? [] : ['kube-system'])];
  // An event about something without a namespace lies in one that is always there.
  if (about === '' ? !clusterScoped.includes(namespace) : event.eventTime === undefined && about !== namespace) {
    causes.push(invalidValue('involvedObject.namespace', about, 'does not match event.namespace'));
  }
  if (event.eventTime !== undefined) causes.push(...validateNewStyle(event));
  return causes;
}

/** Events with a precise time, as events.k8s.io has them, must say who reports what was done. */
function validateNewStyle(event: Event): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!event.reportingComponent) causes.push(required('reportingController', ''));
  for (const text of qualifiedName(event.reportingComponent ?? '')) {
    causes.push(invalidValue('reportingController', event.reportingComponent ?? '', text));
  }
  for (const field of ['reportingInstance', 'action', 'reason'] as const) {
    const value = event[field];
    if (!value) causes.push(required(field, ''));
    else if (value.length > longestName) {
      causes.push(invalidValue(field, '', `can have at most ${longestName} characters`));
    }
  }
  if ((event.message ?? '').length > longestNote) {
    causes.push(invalidValue('message', '', `can have at most ${longestNote} characters`));
  }
  return causes;
}
