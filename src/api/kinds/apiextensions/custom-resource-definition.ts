import type { CustomResourceDefinition } from '../../types/apiextensions-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, notSupported, required } from '../../field-errors.ts';
import { plainColumns } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const customResourceDefinition = defineKind<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  scope: 'Cluster',
  status: true,
  allowUnconditionalUpdate: false,
  defaults,
  prepareForCreate: (object) => {
    const stored = object.spec.versions.filter(({ storage }) => storage).map(({ name }) => name);
    object.status = {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: stored,
    };
  },
  validate,
  validateUpdate: (object, old, subresource) => (subresource === '' ? validateUpdate(object, old) : []),
  columns: plainColumns,
});

function defaults({ spec }: CustomResourceDefinition): void {
  spec.scope ||= 'Namespaced';
  const { names } = spec;
  names.singular ||= names.kind.toLowerCase();
  names.listKind ||= names.kind === '' ? '' : `${names.kind}List`;
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) service.port ??= 443;
  for (const version of spec.versions) {
    for (const column of version.additionalPrinterColumns ?? []) column.priority ??= 0;
  }
}

function validate({ metadata, spec }: CustomResourceDefinition): StatusCause[] {
  const causes: StatusCause[] = [];
  const name = `${spec.names.plural}.${spec.group}`;
  if (metadata.name !== name) {
    causes.push(invalidValue('metadata.name', metadata.name ?? '', 'must be spec.names.plural+"."+spec.group'));
  }
  if (!spec.group) causes.push(required('spec.group', ''));
  else if (!spec.group.includes('.')) {
    causes.push(invalidValue('spec.group', spec.group, 'should be a domain with at least one dot'));
  }
  if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced') {
    causes.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  }
  if (!spec.names.plural) causes.push(required('spec.names.plural', ''));
  if (!spec.names.kind) causes.push(required('spec.names.kind', ''));
  causes.push(...validateVersions(spec.versions));
  return causes;
}

function validateVersions(versions: CustomResourceDefinition['spec']['versions']): StatusCause[] {
  const causes: StatusCause[] = [];
  const stored = versions.filter(({ storage }) => storage).length;
  if (stored !== 1) {
    causes.push(invalidValue('spec.versions', versions, 'must have exactly one version marked as storage version'));
  }
  const seen = new Set<string>();
  versions.forEach((version, index) => {
    const path = `spec.versions[${index}]`;
    if (seen.has(version.name)) {
      causes.push(invalidValue('spec.versions', versions, 'must contain unique version names'));
    }
    seen.add(version.name);
    if (!version.schema?.openAPIV3Schema) {
      causes.push(required(`${path}.schema.openAPIV3Schema`, 'schemas are required'));
    }
    if (version.deprecationWarning !== undefined && !version.deprecated) {
      const rule = 'can only be set for deprecated versions';
      causes.push(invalidValue(`${path}.deprecationWarning`, version.deprecationWarning, rule));
    }
  });
  return causes;
}

function validateUpdate({ spec }: CustomResourceDefinition, old: CustomResourceDefinition): StatusCause[] {
  const causes: StatusCause[] = [];
  const established = old.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True');
  const unchanging: [string, unknown, unknown][] = [
    ['spec.group', spec.group, old.spec.group],
    ['spec.names.plural', spec.names.plural, old.spec.names.plural],
  ];
  if (established) {
    unchanging.push(
      ['spec.scope', spec.scope, old.spec.scope],
      ['spec.names.kind', spec.names.kind, old.spec.names.kind],
    );
  }
  for (const [path, value, before] of unchanging) {
    if (value !== before) causes.push(invalidValue(path, value, 'field is immutable'));
  }
  return causes;
}
