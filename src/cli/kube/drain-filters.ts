import type { Pod } from '../../api/types/core-v1.ts';
import { mirrorPodAnnotation } from '../../api/well-known.ts';

/** What may be lost, or stay. */
export interface DrainAllowances {
  force?: boolean;
  ignoreDaemonsets?: boolean;
  deleteEmptydirData?: boolean;
}

interface SortedOut {
  leaving: Pod[];
  /** Why the node cannot be drained, in kubectl's words. */
  refused: string[];
  warnings: string[];
}

/** Which pods go, stay, and must not go without a flag that says so (kubectl's drain filters). Pure. */
export function sortOut(items: readonly Pod[], flags: DrainAllowances): SortedOut {
  const of = { daemonSet: [] as Pod[], localData: [] as Pod[], unmanaged: [] as Pod[], plain: [] as Pod[] };
  for (const pod of items) if (!isMirror(pod)) of[kindOf(pod)].push(pod);
  const refused = [
    ...(flags.ignoreDaemonsets
      ? []
      : reason(of.daemonSet, 'cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)')),
    ...(flags.deleteEmptydirData
      ? []
      : reason(of.localData, 'cannot delete Pods with local storage (use --delete-emptydir-data to override)')),
    ...(flags.force
      ? []
      : reason(of.unmanaged, 'cannot delete Pods that declare no controller (use --force to override)')),
  ];
  const warnings = [
    ...(flags.ignoreDaemonsets ? reason(of.daemonSet, 'ignoring DaemonSet-managed Pods') : []),
    ...(flags.deleteEmptydirData ? reason(of.localData, 'deleting Pods with local storage') : []),
    ...(flags.force ? reason(of.unmanaged, 'deleting Pods that declare no controller') : []),
  ];
  return { leaving: [...of.plain, ...of.localData, ...of.unmanaged], refused, warnings };
}

function kindOf({ metadata, spec, status }: Pod): 'daemonSet' | 'localData' | 'unmanaged' | 'plain' {
  const isDone = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  if (owner?.kind === 'DaemonSet' && !isDone) return 'daemonSet';
  if (isDone) return 'plain';
  if (spec?.volumes?.some(({ emptyDir }) => emptyDir)) return 'localData';
  return owner ? 'plain' : 'unmanaged';
}

function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.[mirrorPodAnnotation] !== undefined;
}

function reason(list: readonly Pod[], text: string): string[] {
  if (list.length === 0) return [];
  return [`${text}: ${list.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`).join(', ')}`];
}
