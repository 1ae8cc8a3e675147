import type { PriorityLevelConfiguration } from '../../types/flowcontrol-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const priorityLevelConfiguration = defineKind<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  scope: 'Cluster',
  status: true,
  defaults,
  columns: [
    nameColumn,
    column('Type', ({ spec }) => spec?.type ?? ''),
    column('NominalConcurrencyShares', ({ spec }) => {
      return (spec?.limited ?? spec?.exempt)?.nominalConcurrencyShares ?? '<none>';
    }),
    column('Queues', (object) => queuing(object)?.queues ?? '<none>'),
    column('HandSize', (object) => queuing(object)?.handSize ?? '<none>'),
    column('QueueLengthLimit', (object) => queuing(object)?.queueLengthLimit ?? '<none>'),
    ageColumn,
  ],
});

function defaults({ spec }: PriorityLevelConfiguration): void {
  if (spec?.exempt) {
    spec.exempt.nominalConcurrencyShares ??= 0;
    spec.exempt.lendablePercent ??= 0;
  }
  if (!spec?.limited) return;
  spec.limited.nominalConcurrencyShares ??= 30;
  spec.limited.lendablePercent ??= 0;
  const queues = spec.limited.limitResponse?.queuing;
  if (!queues) return;
  queues.queues ||= 64;
  queues.handSize ||= 8;
  queues.queueLengthLimit ||= 50;
}

function queuing({ spec }: PriorityLevelConfiguration) {
  return spec?.limited?.limitResponse?.queuing;
}
