import type { PodTemplate } from '../../types/core-v1.ts';
import { column, containerColumns, formatLabels, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { defaultPodTemplate } from './pod-template.ts';
import { validatePodTemplate } from './pod-template-validation.ts';

export const podTemplate = defineKind<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  scope: 'Namespaced',
  hasGeneration: true,
  defaults: ({ template }) => defaultPodTemplate(template),
  validate: ({ template }) => validatePodTemplate(template ?? {}, 'template'),
  columns: [
    nameColumn,
    ...containerColumns<PodTemplate>(({ template }) => template?.spec?.containers).map((wide) => ({
      ...wide,
      priority: 0 as const,
    })),
    column('Pod Labels', ({ template }) => formatLabels(template?.metadata?.labels)),
  ],
});
