import type { StatusCause } from '../../types/meta-v1.ts';
import type { PriorityClass } from '../../types/scheduling-v1.ts';
import { forbidden } from '../../field-errors.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

const highestUserPriority = 1_000_000_000;
const systemPriorities: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

export const priorityClass = defineKind<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  scope: 'Cluster',
  hasGeneration: true,
  defaults: (object) => {
    object.preemptionPolicy ??= 'PreemptLowerPriority';
    object.value ??= 0;
  },
  validate,
  validateUpdate: (object, old) => {
    const causes: StatusCause[] = [];
    if (object.value !== old.value) causes.push(forbidden('value', 'may not be changed in an update.'));
    if (object.preemptionPolicy !== old.preemptionPolicy) {
      causes.push(forbidden('preemptionPolicy', 'may not be changed in an update.'));
    }
    return causes;
  },
  columns: [
    nameColumn,
    column('Value', ({ value }) => value ?? 0, 'integer'),
    column('Global-Default', ({ globalDefault }) => globalDefault ?? false, 'boolean'),
    ageColumn,
    column('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
  ],
});

function validate({ metadata, value = 0 }: PriorityClass): StatusCause[] {
  const name = metadata.name ?? '';
  if (name.startsWith('system-')) {
    if (systemPriorities[name] === value) return [];
    const names = "priority class names with 'system-' prefix are reserved for system use only";
    return [forbidden('metadata.name', names)];
  }
  if (value <= highestUserPriority) return [];
  const rule = `maximum allowed value of a user defined priority is ${highestUserPriority}`;
  return [forbidden('value', rule)];
}
