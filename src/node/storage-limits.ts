import { addQuantities, quantityToNumber } from '../api/quantity.ts';
import type { Container, Pod } from '../api/types/core-v1.ts';

/** What a pod takes of its node's disk, in bytes. */
export interface StorageUse {
  /** Of each emptyDir, by the volume's name. */
  volumes: ReadonlyMap<string, number>;
  /** Of each container, by name: what it has written, and its logs. */
  containers: ReadonlyMap<string, number>;
}

/** Is the pod's use of the disk to be looked at? */
export function hasStorageLimits(pod: Pod): boolean {
  const isLimited = pod.spec?.volumes?.some(({ emptyDir }) => isLimit(emptyDir?.sizeLimit));
  return isLimited || lastingContainers(pod).some((container) => limitOf(container) !== undefined);
}

/** Those that run as long as the pod does. */
export function lastingContainers({ spec }: Pod): Container[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...sidecars, ...(spec?.containers ?? [])];
}

/**
 * Why a pod has to go that takes more of the disk than it may; undefined for one that does not. The order and the words
 * are the kubelet's: volumes, the pod as a whole, containers.
 */
export function storageExcess(pod: Pod, use: StorageUse): string | undefined {
  const { volumes = [] } = pod.spec ?? {};
  const containers = lastingContainers(pod);
  for (const { name, emptyDir } of volumes) {
    const limit = emptyDir?.sizeLimit;
    if (isLimit(limit) && (use.volumes.get(name) ?? 0) > quantityToNumber(limit)) {
      return `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(limit)}. `;
    }
  }
  const limits = containers.flatMap((container) => limitOf(container) ?? []);
  const total = totalUse(pod, use);
  const whole = limits.length > 0 ? limits.reduce(addQuantities) : undefined;
  if (whole !== undefined && total > quantityToNumber(whole)) {
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${whole}. `;
  }
  for (const container of containers) {
    const limit = limitOf(container);
    if (limit !== undefined && (use.containers.get(container.name) ?? 0) > quantityToNumber(limit)) {
      return `Container ${container.name} exceeded its local ephemeral storage limit ${JSON.stringify(limit)}. `;
    }
  }
  return undefined;
}

/** Bytes on disk: volumes in memory take none. */
export function totalUse({ spec }: Pod, use: StorageUse): number {
  const onDisk = (spec?.volumes ?? []).filter(({ emptyDir }) => emptyDir && emptyDir.medium !== 'Memory');
  return sum(use.containers.values()) + sum(onDisk.map(({ name }) => use.volumes.get(name) ?? 0));
}

function limitOf({ resources }: Container): string | undefined {
  return resources?.limits?.['ephemeral-storage'];
}

function isLimit(quantity: string | undefined): quantity is string {
  return quantity !== undefined && quantityToNumber(quantity) > 0;
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((a, b) => a + b, 0);
}
