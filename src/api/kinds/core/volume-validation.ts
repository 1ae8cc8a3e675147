import { configMapKey, dnsLabel } from '../../names.ts';
import { compareQuantities } from '../../quantity.ts';
import type {
  DownwardAPIVolumeFile,
  HostPathVolumeSource,
  ImageVolumeSource,
  KeyToPath,
  Volume,
  VolumeProjection,
} from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, forbidden, invalidValue, notSupported, required } from '../../field-errors.ts';
import { validateFieldRef, validateResourceFieldRef, volumeFields } from './env-validation.ts';
import { pullPolicies } from './image-name.ts';
import { validateDescendingPath, validateNoBackstep } from './paths.ts';

const none: ReadonlySet<string> = new Set();

/** The pod's volumes; returns their names, for the mounts. */
export function validateVolumes(
  causes: StatusCause[],
  volumes: readonly Volume[] | undefined,
  path: string,
): ReadonlySet<string> {
  if (!volumes?.length) return none;
  const names = new Set<string>();
  for (let index = 0; index < volumes.length; index++) {
    const volume = volumes[index]!;
    const at = `${path}[${index}]`;
    if (!volume.name) causes.push(required(`${at}.name`, ''));
    else for (const text of dnsLabel(volume.name)) causes.push(invalidValue(`${at}.name`, volume.name, text));
    if (names.has(volume.name)) causes.push(duplicate(`${at}.name`, volume.name));
    names.add(volume.name);
    validateSource(causes, volume, at);
  }
  return names;
}

function validateSource(causes: StatusCause[], volume: Volume, path: string): void {
  let count = 0;
  for (const key in volume) {
    if (key === 'name' || volume[key as keyof Volume] === undefined) continue;
    if (count++ > 0) causes.push(forbidden(`${path}.${key}`, 'may not specify more than one volume type'));
  }
  if (count === 0) causes.push(required(path, 'must specify a volume type'));
  const { configMap, secret, emptyDir, hostPath, projected, downwardAPI, persistentVolumeClaim: claim } = volume;
  if (configMap) {
    if (!configMap.name) causes.push(required(`${path}.configMap.name`, ''));
    validateFiles(causes, configMap, `${path}.configMap`);
  }
  if (secret) {
    if (!secret.secretName) causes.push(required(`${path}.secret.secretName`, ''));
    validateFiles(causes, secret, `${path}.secret`);
  }
  if (emptyDir?.sizeLimit !== undefined && compareQuantities(emptyDir.sizeLimit, '0') < 0) {
    const rule = 'SizeLimit field must be a valid resource quantity';
    causes.push(forbidden(`${path}.emptyDir.sizeLimit`, rule));
  }
  if (hostPath) validateHostPath(causes, hostPath, `${path}.hostPath`);
  if (projected) {
    validateMode(causes, projected.defaultMode, `${path}.projected.defaultMode`);
    projected.sources?.forEach((source, index) => {
      validateProjection(causes, source, `${path}.projected.sources[${index}]`);
    });
  }
  if (downwardAPI) {
    validateMode(causes, downwardAPI.defaultMode, `${path}.downwardAPI.defaultMode`);
    validateDownwardFiles(causes, downwardAPI.items, `${path}.downwardAPI`);
  }
  if (claim && !claim.claimName) causes.push(required(`${path}.persistentVolumeClaim.claimName`, ''));
  validateOthers(causes, volume, path);
}

function validateOthers(causes: StatusCause[], { nfs, csi, ephemeral, image }: Volume, path: string): void {
  if (image) validateImage(causes, image, `${path}.image`);
  if (nfs) {
    if (!nfs.server) causes.push(required(`${path}.nfs.server`, ''));
    if (!nfs.path) causes.push(required(`${path}.nfs.path`, ''));
    else if (!nfs.path.startsWith('/')) {
      causes.push(invalidValue(`${path}.nfs.path`, nfs.path, 'must be an absolute path'));
    }
  }
  if (csi && !csi.driver) causes.push(required(`${path}.csi.driver`, ''));
  if (ephemeral && !ephemeral.volumeClaimTemplate) {
    causes.push(required(`${path}.ephemeral.volumeClaimTemplate`, ''));
  }
}

function validateImage(causes: StatusCause[], { reference, pullPolicy }: ImageVolumeSource, path: string): void {
  if (!reference) causes.push(required(`${path}.reference`, ''));
  if (!pullPolicy) causes.push(required(`${path}.pullPolicy`, ''));
  else if (!pullPolicies.includes(pullPolicy)) {
    causes.push(notSupported(`${path}.pullPolicy`, pullPolicy, pullPolicies));
  }
}

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

function validateHostPath(
  causes: StatusCause[],
  { path: directory, type = '' }: HostPathVolumeSource,
  path: string,
): void {
  if (!directory) causes.push(required(`${path}.path`, ''));
  else validateNoBackstep(causes, directory, `${path}.path`);
  if (!hostPathTypes.includes(type)) causes.push(notSupported(`${path}.type`, type, hostPathTypes.slice(1)));
}

function validateFiles(
  causes: StatusCause[],
  { defaultMode, items }: { defaultMode?: number; items?: KeyToPath[] },
  path: string,
): void {
  validateMode(causes, defaultMode, `${path}.defaultMode`);
  items?.forEach((item, index) => {
    const at = `${path}.items[${index}]`;
    if (!item.key) causes.push(required(`${at}.key`, ''));
    else for (const text of configMapKey(item.key)) causes.push(invalidValue(`${at}.key`, item.key, text));
    if (!item.path) causes.push(required(`${at}.path`, ''));
    else validateDescendingPath(causes, item.path, `${at}.path`);
    validateMode(causes, item.mode, `${at}.mode`);
  });
}

function validateMode(causes: StatusCause[], mode: number | undefined, path: string): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    causes.push(invalidValue(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
  }
}

function validateDownwardFiles(
  causes: StatusCause[],
  files: readonly DownwardAPIVolumeFile[] | undefined,
  path: string,
): void {
  files?.forEach(({ path: file, fieldRef, resourceFieldRef, mode }, index) => {
    const at = `${path}.items[${index}]`;
    if (!file) causes.push(required(`${path}.path`, ''));
    else validateDescendingPath(causes, file, `${path}.path`);
    if (fieldRef && resourceFieldRef) {
      causes.push(invalidValue(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    } else if (fieldRef) {
      validateFieldRef(causes, fieldRef, { path: `${at}.fieldRef`, fields: volumeFields });
    } else if (resourceFieldRef) {
      if (!resourceFieldRef.containerName) causes.push(required(`${at}.resourceFieldRef.containerName`, ''));
      validateResourceFieldRef(causes, resourceFieldRef, `${at}.resourceFieldRef`);
    } else {
      causes.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
    }
    validateMode(causes, mode, `${at}.mode`);
  });
}

const shortestToken = 600;
const longestToken = 2 ** 32;

function validateProjection(causes: StatusCause[], source: VolumeProjection, path: string): void {
  const given = Object.keys(source).filter((key) => source[key as keyof VolumeProjection] !== undefined);
  for (const key of given.slice(1)) {
    causes.push(forbidden(`${path}.${key}`, 'may not specify more than 1 volume type'));
  }
  const { secret, configMap, downwardAPI, serviceAccountToken: token } = source;
  for (const [name, files] of [
    ['secret', secret],
    ['configMap', configMap],
  ] as const) {
    if (!files) continue;
    if (!files.name) causes.push(required(`${path}.${name}.name`, ''));
    validateFiles(causes, files, `${path}.${name}`);
  }
  if (downwardAPI) validateDownwardFiles(causes, downwardAPI.items, `${path}.downwardAPI`);
  if (!token) return;
  const at = `${path}.serviceAccountToken`;
  const { expirationSeconds = shortestToken } = token;
  if (expirationSeconds < shortestToken) {
    const rule = 'may not specify a duration less than 10 minutes';
    causes.push(invalidValue(`${at}.expirationSeconds`, expirationSeconds, rule));
  } else if (expirationSeconds > longestToken) {
    const rule = 'may not specify a duration larger than 2^32 seconds';
    causes.push(invalidValue(`${at}.expirationSeconds`, expirationSeconds, rule));
  }
  if (!token.path) causes.push(required(`${at}.path`, ''));
}
