import { formatLabelSelector } from '../../label-selector.ts';
import type { Deployment } from '../../types/apps-v1.ts';
import { ageColumn, column, containerColumns, nameColumn, wideColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { keepLabels } from '../metadata.ts';
import { selectorText } from '../selector-text.ts';
import { defaultPodTemplate, templateContainers } from '../core/pod-template.ts';
import { validateDeployment, validateDeploymentUpdate } from './deployment-validation.ts';
import { oldDeployments } from './deployment-conversion.ts';
import { workloadWarnings } from '../core/pod-warnings.ts';

export const deployment = defineKind<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  scope: 'Namespaced',
  status: true,
  otherVersions: oldDeployments,
  defaults,
  prepareForUpdate: (object, old, subresource) => {
    if (subresource === 'status') keepLabels(object, old);
  },
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
  warnings: workloadWarnings,
  columns: [
    nameColumn,
    column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    column('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0, 'integer'),
    column('Available', ({ status }) => status?.availableReplicas ?? 0, 'integer'),
    ageColumn,
    ...containerColumns<Deployment>(templateContainers),
    wideColumn('Selector', ({ spec }) => formatLabelSelector(spec?.selector)),
  ],
  scale: {
    specReplicas: '.spec.replicas',
    statusReplicas: '.status.replicas',
    labelSelector: ({ spec }) => selectorText(spec?.selector),
  },
});

function defaults({ spec }: Deployment): void {
  if (!spec) return;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  defaultPodTemplate(spec.template);
}
