import type { Pod } from '../api/types/core-v1.ts';
import { logDirectoryOf, podDirectoryOf, type AgentContext } from './agent-context.ts';
import { emptyDirPath } from './pod-volumes.ts';
import type { ContainerStats } from './runtime.ts';
import { lastingContainers, type StorageUse } from './storage-limits.ts';

/** Looks at what the pod has written to the node's disk. */
export async function storageUseOf(
  context: AgentContext,
  pod: Pod,
  stats: readonly ContainerStats[],
): Promise<StorageUse> {
  const { files } = context.system;
  const emptyDirs = (pod.spec?.volumes ?? []).filter(({ emptyDir }) => emptyDir).map(({ name }) => name);
  const names = lastingContainers(pod).map(({ name }) => name);
  const podDirectory = podDirectoryOf(context, pod);
  const logs = logDirectoryOf(context, pod);
  const used = await files.usedBytes([
    ...emptyDirs.map((name) => emptyDirPath(podDirectory, name)),
    ...names.map((name) => `${logs}/${name}`),
  ]);
  const written = (name: string): number =>
    stats.find((each) => each.podUid === pod.metadata.uid && each.name === name)?.writableLayerBytes ?? 0;
  return {
    volumes: new Map(emptyDirs.map((name, i) => [name, used[i] ?? 0])),
    containers: new Map(names.map((name, i) => [name, (used[emptyDirs.length + i] ?? 0) + written(name)])),
  };
}
