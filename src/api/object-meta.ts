import { invalidValue, forbidden, required, tooLong } from './field-errors.ts';
import { dnsLabel, dnsSubdomain, labelValue, qualifiedName, type NameCheck } from './names.ts';
import { parseApiVersion } from './object.ts';
import type { ObjectMeta, OwnerReference, StatusCause } from './types/meta-v1.ts';

const annotationLimitBytes = 256 * 1024;

export function validateLabels(labels: Record<string, string> | undefined, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const key in labels) {
    for (const problem of qualifiedName(key)) causes.push(invalidValue(path, key, problem));
    const value = labels[key] as string;
    for (const problem of labelValue(value)) causes.push(invalidValue(path, value, problem));
  }
  return causes;
}

/** Keys in any case; all keys and values together at most 256 KiB. */
export function validateAnnotations(annotations: Record<string, string> | undefined, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  let bytes = 0;
  for (const key in annotations) {
    for (const problem of qualifiedName(key.toLowerCase())) causes.push(invalidValue(path, key, problem));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] as string);
  }
  if (bytes > annotationLimitBytes) causes.push(tooLong(path, annotationLimitBytes));
  return causes;
}

/**
 * What every object's metadata must be like on create (names already generated) and, but for the name, on update.
 * `validateName` is the kind's own rule for names.
 */
export function validateObjectMeta(
  meta: ObjectMeta,
  options: { namespaced: boolean; validateName?: NameCheck },
): StatusCause[] {
  const { namespaced, validateName = dnsSubdomain } = options;
  const causes: StatusCause[] = [];
  const check = (field: string, value: string, rule: NameCheck): void => {
    for (const problem of rule(value)) causes.push(invalidValue(`metadata.${field}`, value, problem));
  };
  if (meta.generateName) {
    const { generateName } = meta;
    // The suffix that follows makes a trailing dash fine.
    const masked = /.-$/.test(generateName) ? `${generateName.slice(0, -2)}a` : generateName;
    for (const problem of validateName(masked)) {
      causes.push(invalidValue('metadata.generateName', generateName, problem));
    }
  }
  if (meta.name) check('name', meta.name, validateName);
  else causes.push(required('metadata.name', 'name or generateName is required'));
  if (namespaced) {
    if (meta.namespace) check('namespace', meta.namespace, dnsLabel);
    else causes.push(required('metadata.namespace', ''));
  } else if (meta.namespace) {
    causes.push(forbidden('metadata.namespace', 'not allowed on this type'));
  }
  if (meta.generation !== undefined && meta.generation < 0) {
    causes.push(invalidValue('metadata.generation', meta.generation, 'must be greater than or equal to 0'));
  }
  if (meta.labels) causes.push(...validateLabels(meta.labels, 'metadata.labels'));
  if (meta.annotations) causes.push(...validateAnnotations(meta.annotations, 'metadata.annotations'));
  if (meta.ownerReferences) causes.push(...validateOwnerReferences(meta.ownerReferences));
  if (meta.finalizers) causes.push(...validateFinalizers(meta.finalizers));
  return causes;
}

/** Rules for an update, beyond {@link validateObjectMeta}: what may not change. */
export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta): StatusCause[] {
  const causes: StatusCause[] = [];
  if (old.deletionTimestamp) {
    const added = (meta.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer)).toSorted();
    if (added.length > 0) {
      const list = `[]string{${added.map((finalizer) => JSON.stringify(finalizer)).join(', ')}}`;
      const rule = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
      causes.push(forbidden('metadata.finalizers', rule));
    }
  }
  if (meta.generation !== undefined && meta.generation < (old.generation ?? 0)) {
    causes.push(invalidValue('metadata.generation', meta.generation, 'must not be decremented'));
  }
  for (const field of immutableFields) {
    if (meta[field] === old[field]) continue;
    causes.push(invalidValue(`metadata.${field}`, meta[field], 'field is immutable'));
  }
  return causes;
}

const immutableFields = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

function validateOwnerReferences(references: readonly OwnerReference[]): StatusCause[] {
  const path = 'metadata.ownerReferences';
  const causes: StatusCause[] = [];
  let controller: string | undefined;
  for (const reference of references) {
    if (parseApiVersion(reference.apiVersion ?? '').version === '') {
      causes.push(invalidValue(`${path}.apiVersion`, reference.apiVersion ?? '', 'version must not be empty'));
    }
    for (const field of ['kind', 'name', 'uid'] as const) {
      if (!reference[field]) causes.push(invalidValue(`${path}.${field}`, '', 'must not be empty'));
    }
    if (reference.kind === 'Event' && reference.apiVersion === 'v1') {
      causes.push(invalidValue(path, reference, '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (!reference.controller) continue;
    const current = `${reference.kind}/${reference.name}`;
    if (controller !== undefined) {
      const rule = `Only one reference can have Controller set to true. Found "true" in references for ${controller}`;
      causes.push(invalidValue(path, references, `${rule} and ${current}`));
    }
    controller ??= current;
  }
  return causes;
}

function validateFinalizers(finalizers: readonly string[]): StatusCause[] {
  const path = 'metadata.finalizers';
  const causes = finalizers.flatMap((finalizer) =>
    qualifiedName(finalizer).map((problem) => invalidValue(path, finalizer, problem)),
  );
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    causes.push(invalidValue(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return causes;
}
