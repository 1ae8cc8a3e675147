import type { Container, VolumeDevice, VolumeMount } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue, notSupported, required, valueNotFound } from '../../field-errors.ts';
import { validateDescendingPath } from './paths.ts';

const propagations = ['Bidirectional', 'HostToContainer', 'None'];
const recursions = ['Disabled', 'Enabled', 'IfPossible'];

/** Mounts of one container: each of a volume that the pod has, each at a path of its own. `path` is the container's. */
export function validateVolumeMounts(
  causes: StatusCause[],
  { volumeMounts = [], securityContext }: Container,
  { path, volumes }: { path: string; volumes: ReadonlySet<string> },
): void {
  const paths = new Set<string>();
  for (let index = 0; index < volumeMounts.length; index++) {
    const mount = volumeMounts[index]!;
    const at = `${path}.volumeMounts[${index}]`;
    if (!mount.name) causes.push(required(`${at}.name`, ''));
    if (!volumes.has(mount.name)) causes.push(valueNotFound(`${at}.name`, mount.name));
    if (!mount.mountPath) causes.push(required(`${at}.mountPath`, ''));
    if (paths.has(mount.mountPath)) causes.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    validateSubPaths(causes, mount, at);
    const { mountPropagation, recursiveReadOnly, readOnly } = mount;
    if (mountPropagation !== undefined && !propagations.includes(mountPropagation)) {
      causes.push(notSupported(`${at}.mountPropagation`, mountPropagation, propagations));
    }
    if (mountPropagation === 'Bidirectional' && !securityContext?.privileged) {
      const rule = 'Bidirectional mount propagation is available only to privileged containers';
      causes.push(forbidden(`${at}.mountPropagation`, rule));
    }
    if (recursiveReadOnly !== undefined && !recursions.includes(recursiveReadOnly)) {
      causes.push(notSupported(`${at}.recursiveReadOnly`, recursiveReadOnly, recursions));
    } else if (recursiveReadOnly !== undefined && recursiveReadOnly !== 'Disabled' && !readOnly) {
      causes.push(forbidden(`${at}.recursiveReadOnly`, 'may only be specified when readOnly is true'));
    }
  }
}

function validateSubPaths(causes: StatusCause[], { subPath, subPathExpr }: VolumeMount, path: string): void {
  if (subPath) validateDescendingPath(causes, subPath, `${path}.subPath`);
  if (!subPathExpr) return;
  if (subPath) {
    causes.push(invalidValue(`${path}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
  }
  validateDescendingPath(causes, subPathExpr, `${path}.subPathExpr`);
}

export function validateVolumeDevices(
  causes: StatusCause[],
  devices: readonly VolumeDevice[],
  { path, volumes }: { path: string; volumes: ReadonlySet<string> },
): void {
  devices.forEach(({ name, devicePath }, index) => {
    const at = `${path}.volumeDevices[${index}]`;
    if (!name) causes.push(required(`${at}.name`, ''));
    if (!volumes.has(name)) causes.push(valueNotFound(`${at}.name`, name));
    if (!devicePath) causes.push(required(`${at}.devicePath`, ''));
  });
}
