import { isTolerated } from '../../api/taints.ts';
import { matchesNodeAffinity } from '../../api/node-selector.ts';
import type { DaemonSet } from '../../api/types/apps-v1.ts';
import type { Node, Pod, PodSpec, Toleration } from '../../api/types/core-v1.ts';

const exists = (key: string, effect: string): Toleration => ({
  key: `node.kubernetes.io/${key}`,
  operator: 'Exists',
  effect,
});

/** What daemons put up with, besides what their template says: they go with their node. */
const tolerated: readonly Toleration[] = [
  exists('not-ready', 'NoExecute'),
  exists('unreachable', 'NoExecute'),
  exists('disk-pressure', 'NoSchedule'),
  exists('memory-pressure', 'NoSchedule'),
  exists('pid-pressure', 'NoSchedule'),
  exists('unschedulable', 'NoSchedule'),
];
const toleratedOnHostNetwork = exists('network-unavailable', 'NoSchedule');

/** The spec of a daemon for one node: the scheduler puts it there and nowhere else. */
export function specForNode(spec: PodSpec, nodeName: string): PodSpec {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [nodeName] }];
  const nodeAffinity = {
    ...spec.affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
  };
  return { ...spec, affinity: { ...spec.affinity, nodeAffinity }, tolerations: tolerationsOf(spec) };
}

export interface Placement {
  /** A daemon belongs on the node. */
  shouldRun: boolean;
  /** One that is there already may stay. */
  mayStay: boolean;
}

/** Does a daemon of the set belong on the node? */
export function placementOn(node: Node, set: DaemonSet): Placement {
  const spec: PodSpec = set.spec?.template.spec ?? { containers: [] };
  if (spec.nodeName !== undefined && spec.nodeName !== '' && spec.nodeName !== node.metadata.name) return nowhere;
  if (!matchesNodeAffinity({ metadata: {}, spec }, node)) return nowhere;
  const tolerations = tolerationsOf(spec);
  const hard = (node.spec?.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule');
  const untolerated = hard.filter((taint) => !isTolerated(taint, tolerations));
  return {
    shouldRun: untolerated.length === 0,
    mayStay: untolerated.every(({ effect }) => effect !== 'NoExecute'),
  };
}

const nowhere: Placement = { shouldRun: false, mayStay: false };

/** The node that a daemon runs on, or was made for. */
export function targetNode({ spec }: Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName;
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms) {
    const field = matchFields.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    if (field?.values?.length === 1) return field.values[0];
  }
  return undefined;
}

function tolerationsOf(spec: PodSpec): Toleration[] {
  const all = spec.hostNetwork ? [...tolerated, toleratedOnHostNetwork] : tolerated;
  const own = (spec.tolerations ?? []).filter((mine) => !all.some((other) => isSame(mine, other)));
  return [...own, ...all];
}

function isSame(a: Toleration, b: Toleration): boolean {
  return a.key === b.key && a.effect === b.effect && a.operator === b.operator;
}
