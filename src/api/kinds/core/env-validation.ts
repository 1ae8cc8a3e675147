import { configMapKey, envVarName, qualifiedName } from '../../names.ts';
import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  PodSpec,
  ResourceFieldSelector,
} from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, notSupported, required, valueNotFound } from '../../field-errors.ts';
import { validateDescendingPath } from './paths.ts';

const envFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
export const volumeFields = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
const sources = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'] as const;
const resourcePattern = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/;
const resources = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

export function validateEnv(causes: StatusCause[], env: readonly EnvVar[], path: string): void {
  for (let index = 0; index < env.length; index++) {
    const { name, value, valueFrom } = env[index]!;
    if (!name) causes.push(required(`${path}[${index}].name`, ''));
    else for (const text of envVarName(name)) causes.push(invalidValue(`${path}[${index}].name`, name, text));
    if (!valueFrom) continue;
    const at = `${path}[${index}].valueFrom`;
    if (value) causes.push(invalidValue(at, '', 'may not be specified when `value` is not empty'));
    validateSource(causes, valueFrom, at);
  }
}

function validateSource(causes: StatusCause[], source: EnvVarSource, path: string): void {
  const given = sources.filter((name) => source[name] !== undefined);
  if (given.length === 0) {
    const rule = `must specify one of: ${sources.map((name) => `\`${name}\``).join(', ')}`;
    causes.push(invalidValue(path, '', rule));
  } else if (given.length > 1) {
    causes.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
  }
  const { fieldRef, resourceFieldRef } = source;
  if (fieldRef) validateFieldRef(causes, fieldRef, { path: `${path}.fieldRef`, fields: envFields });
  if (resourceFieldRef) validateResourceFieldRef(causes, resourceFieldRef, `${path}.resourceFieldRef`);
  if (source.fileKeyRef) validateFileKeyRef(causes, source.fileKeyRef, `${path}.fileKeyRef`);
  for (const field of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const reference = source[field];
    if (!reference) continue;
    if (!reference.name) causes.push(required(`${path}.${field}.name`, ''));
    const at = `${path}.${field}.key`;
    if (!reference.key) causes.push(required(at, ''));
    else for (const text of configMapKey(reference.key)) causes.push(invalidValue(at, reference.key, text));
  }
}

/** Files are those of empty directories, which containers write. */
export function validateEnvFiles(causes: StatusCause[], spec: PodSpec, path: string): void {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  for (const list of ['containers', 'initContainers', 'ephemeralContainers'] as const) {
    spec[list]?.forEach(({ env = [] }, index) => {
      env.forEach(({ valueFrom }, place) => {
        const { volumeName } = valueFrom?.fileKeyRef ?? {};
        if (!volumeName) return;
        const volume = volumes.get(volumeName);
        const at = `${path}.${list}[${index}].env[${place}].valueFrom.fileKeyRef.volumeName`;
        if (!volume) causes.push(valueNotFound(at, volumeName));
        else if (!volume.emptyDir) {
          causes.push(invalidValue(at, volumeName, 'referenced volume must be of type emptyDir'));
        }
      });
    });
  }
}

function validateFileKeyRef(causes: StatusCause[], reference: FileKeySelector, path: string): void {
  for (const field of ['volumeName', 'path', 'key'] as const) {
    if (!reference[field]) causes.push(required(`${path}.${field}`, ''));
  }
  if (reference.path) validateDescendingPath(causes, reference.path, `${path}.path`);
  for (const text of reference.key ? envVarName(reference.key) : []) {
    causes.push(invalidValue(`${path}.key`, reference.key, text));
  }
}

/** A reference to a field of the pod; one label or annotation may be picked with `['key']`. */
export function validateFieldRef(
  causes: StatusCause[],
  { apiVersion, fieldPath }: ObjectFieldSelector,
  { path, fields }: { path: string; fields: readonly string[] },
): void {
  if (!apiVersion) causes.push(required(`${path}.apiVersion`, ''));
  if (!fieldPath) {
    causes.push(required(`${path}.fieldPath`, ''));
    return;
  }
  const subscript = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/.exec(fieldPath);
  if (subscript) {
    const key = subscript[1] === 'metadata.annotations' ? subscript[2]!.toLowerCase() : subscript[2]!;
    for (const text of qualifiedName(key)) causes.push(invalidValue(path, subscript[2], text));
    return;
  }
  if (fields.includes(fieldPath)) return;
  if (fieldPath === 'metadata.labels' || fieldPath === 'metadata.annotations' || envFields.includes(fieldPath)) {
    causes.push(notSupported(`${path}.fieldPath`, fieldPath, fields));
    return;
  }
  const rule = `error converting fieldPath: field label not supported: ${fieldPath}`;
  causes.push(invalidValue(`${path}.fieldPath`, fieldPath, rule));
}

export function validateResourceFieldRef(
  causes: StatusCause[],
  { resource }: ResourceFieldSelector,
  path: string,
): void {
  if (!resource) causes.push(required(`${path}.resource`, ''));
  else if (!resourcePattern.test(resource)) causes.push(notSupported(`${path}.resource`, resource, resources));
}

export function validateEnvFrom(causes: StatusCause[], entries: readonly EnvFromSource[], path: string): void {
  entries.forEach(({ prefix, configMapRef, secretRef }, index) => {
    const at = `${path}[${index}]`;
    if (prefix) for (const text of envVarName(prefix)) causes.push(invalidValue(`${at}.prefix`, prefix, text));
    if (configMapRef && secretRef) {
      causes.push(invalidValue(at, '', 'may not have more than one field specified at a time'));
    } else if (!configMapRef && !secretRef) {
      causes.push(invalidValue(at, '', 'must specify one of: `configMapRef` or `secretRef`'));
    }
    if (configMapRef && !configMapRef.name) causes.push(required(`${at}.configMapRef.name`, ''));
    if (secretRef && !secretRef.name) causes.push(required(`${at}.secretRef.name`, ''));
  });
}
