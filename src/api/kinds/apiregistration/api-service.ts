import type { APIService } from '../../types/apiregistration-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, required } from '../../field-errors.ts';
import { pathSegmentName } from '../../names.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const apiService = defineKind<APIService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  categories: ['api-extensions'],
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  status: true,
  hasGeneration: false,
  // That of the core group ends with a dot.
  validateName: (name) => pathSegmentName(name)[0],
  defaults: ({ spec }) => {
    if (spec?.service) spec.service.port ??= 443;
  },
  validate,
  columns: [
    nameColumn,
    column('Service', ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local')),
    column('Available', available),
    ageColumn,
  ],
});

function validate({ metadata, spec }: APIService): StatusCause[] {
  const causes: StatusCause[] = [];
  const name = `${spec?.version ?? ''}.${spec?.group ?? ''}`;
  if (metadata.name !== name) {
    causes.push(
      invalidValue('metadata.name', metadata.name ?? '', `must be \`spec.version+"."+spec.group\`: "${name}"`),
    );
  }
  for (const field of ['groupPriorityMinimum', 'versionPriority'] as const) {
    const limit = field === 'versionPriority' ? 1000 : 20000;
    const value = spec?.[field] ?? 0;
    if (value <= 0 || value > limit) {
      causes.push(invalidValue(`spec.${field}`, value, `must be positive and less than ${limit}`));
    }
  }
  if (!spec?.service) {
    if (spec?.caBundle) causes.push(invalidValue('spec.caBundle', '', 'local APIServices may not have a caBundle'));
    return causes;
  }
  if (!spec.service.namespace) causes.push(required('spec.service.namespace', ''));
  if (!spec.service.name) causes.push(required('spec.service.name', ''));
  if (spec.insecureSkipTLSVerify && spec.caBundle) {
    causes.push(invalidValue('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  }
  return causes;
}

function available({ status }: APIService): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Available');
  if (!condition) return 'Unknown';
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`;
}
