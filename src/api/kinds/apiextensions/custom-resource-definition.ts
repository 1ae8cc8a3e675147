import type { CustomResourceDefinition } from '../../types/apiextensions-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { formatTime } from '../../../base/clock.ts';
import { invalidValue, notSupported, required } from '../../field-errors.ts';
import { dns1035Label, dnsSubdomain } from '../../names.ts';
import { plainColumns } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

/** Set on a definition that is being deleted, for as long as there are objects of its kind. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

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
    object.status = {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: storageVersions(object),
    };
  },
  prepareForUpdate: (object, _, subresource) => {
    if (subresource === '') rememberStorageVersion(object);
  },
  prepareForDelete: markForCleanup,
  validate,
  validateUpdate: (object, old, subresource) =>
    subresource === ''
      ? [...validateUpdate(object, old), ...validateStoredVersions(object)]
      : validateStoredVersions(object),
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

function storageVersions({ spec }: CustomResourceDefinition): string[] {
  return spec.versions.filter(({ storage }) => storage).map(({ name }) => name);
}

/** Objects may be stored in every version that was the storage version once, until somebody says otherwise. */
function rememberStorageVersion(object: CustomResourceDefinition): void {
  const { status } = object;
  if (!status) return;
  const stored = status.storedVersions ?? [];
  const missing = storageVersions(object).filter((name) => !stored.includes(name));
  if (missing.length > 0) object.status = { ...status, storedVersions: [...stored, ...missing] };
}

/** As upstream's registry marks a definition that is deleted: its objects go first. */
function markForCleanup(object: CustomResourceDefinition, { now }: { now: number }): void {
  const finalizers = object.metadata.finalizers ?? [];
  if (!finalizers.includes(cleanupFinalizer)) object.metadata.finalizers = [...finalizers, cleanupFinalizer];
  const others = (object.status?.conditions ?? []).filter(({ type }) => type !== 'Terminating');
  const terminating = {
    type: 'Terminating',
    status: 'True',
    lastTransitionTime: formatTime(now),
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  };
  object.status = { ...object.status, conditions: [...others, terminating] };
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
  } else {
    causes.push(...dnsSubdomain(spec.group).map((problem) => invalidValue('spec.group', spec.group, problem)));
  }
  if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced') {
    causes.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  }
  if (spec.preserveUnknownFields) {
    const rule =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    causes.push(invalidValue('spec.preserveUnknownFields', true, rule));
  }
  causes.push(...validateApproval(metadata.annotations, spec.group), ...validateNames(spec.names));
  causes.push(...validateVersions(spec.versions));
  return causes;
}

const approval = 'api-approved.kubernetes.io';

/** Groups of the community are for what the community has reviewed. */
function validateApproval(annotations: Readonly<Record<string, string>> | undefined, group: string): StatusCause[] {
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)) return [];
  const value = annotations?.[approval] ?? '';
  const path = `metadata.annotations[${approval}]`;
  if (value === '') {
    const see = 'https://github.com/kubernetes/enhancements/pull/1111';
    return [required(path, `protected groups must have approval annotation "${approval}", see ${see}`)];
  }
  if (value.startsWith('unapproved') || URL.canParse(value)) return [];
  const rule = `protected groups must have approval annotation "${approval}" with either a URL or a reason starting with`;
  return [invalidValue(path, value, `${rule} "unapproved"`)];
}

function validateNames(names: CustomResourceDefinition['spec']['names']): StatusCause[] {
  const causes: StatusCause[] = [];
  const check = (field: string, value: string): void => {
    for (const problem of dns1035Label(value)) causes.push(invalidValue(`spec.names.${field}`, value, problem));
  };
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = names;
  if (plural) check('plural', plural);
  else causes.push(required('spec.names.plural', ''));
  if (singular) check('singular', singular);
  if (kind) checkKind(causes, 'kind', kind);
  else causes.push(required('spec.names.kind', ''));
  if (listKind) checkKind(causes, 'listKind', listKind);
  if (kind && kind === listKind) {
    causes.push(invalidValue('spec.names.listKind', listKind, 'kind and listKind may not be the same'));
  }
  shortNames.forEach((name, i) => check(`shortNames[${i}]`, name));
  categories.forEach((name, i) => check(`categories[${i}]`, name));
  return causes;
}

/** A kind is a label that may have capital letters. */
function checkKind(causes: StatusCause[], field: string, value: string): void {
  for (const problem of dns1035Label(value.toLowerCase())) {
    causes.push(
      invalidValue(`spec.names.${field}`, value, `may have mixed case, but should otherwise match: ${problem}`),
    );
  }
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
    for (const problem of dns1035Label(version.name)) {
      causes.push(invalidValue(`${path}.name`, version.name, problem));
    }
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

function validateStoredVersions({ spec, status }: CustomResourceDefinition): StatusCause[] {
  const known = spec.versions.map(({ name }) => name);
  return (status?.storedVersions ?? []).flatMap((name, i) =>
    known.includes(name) ? [] : [invalidValue(`status.storedVersions[${i}]`, name, 'must appear in spec.versions')],
  );
}
