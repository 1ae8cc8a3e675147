import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import {
  bestVolume,
  claimClass,
  isBound,
  isReachable,
  podClaims,
  selectedNode,
  type PodClaim,
} from '../../api/volume-binding.ts';
import type { Filter } from '../plugin.ts';

/** What the filters know of claims and volumes. */
export interface VolumeView {
  /** By `namespace/name`. */
  claim(key: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  volumes(): Iterable<PersistentVolume>;
  storageClass(name: string): StorageClass | undefined;
  /** Names of volumes that are on their way to a claim. */
  readonly taken: ReadonlySet<string>;
}

const noProvisioner = 'kubernetes.io/no-provisioner';
const oncePerPod = 'ReadWriteOncePod';

/** Bound volumes must be within reach of the node; claims that wait for a pod must find their volume there. */
export function volumeBinding(view: VolumeView): Filter {
  return {
    name: 'VolumeBinding',
    rejects(pod) {
      for (const each of podClaims(pod)) {
        const reason = problemOf(pod, each, view);
        if (reason !== undefined) return reason;
      }
      return podClaims(pod).some((each) => isUnboundNow(pod, each, view))
        ? 'pod has unbound immediate PersistentVolumeClaims'
        : undefined;
    },
    prepare(pod) {
      const claims = claimsOf(pod, view);
      if (claims.length === 0) return undefined;
      const fails = (reason: string) => ({ reasons: [reason], unresolvable: true });
      const bound = claims.filter(isBound).map(({ spec }) => view.volume(spec?.volumeName ?? ''));
      const waiting = claims.filter((claim) => !isBound(claim));
      return ({ node }) => {
        for (const volume of bound) {
          if (!volume) return fails('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)');
          if (!isReachable(volume, node)) return fails("node(s) didn't match PersistentVolume's node affinity");
        }
        return planVolumes(waiting, node, view)
          ? null
          : fails("node(s) didn't find available persistent volumes to bind");
      };
    },
    couldHelp(pod, event) {
      if (podClaims(pod).length === 0) return false;
      return event.kind === 'volumesChanged' || event.kind === 'nodeAdded' || event.kind === 'nodeUpdated';
    },
  };
}

/** A claim for one pod only keeps others from everywhere while that pod is there. */
export function volumeRestrictions(view: Pick<VolumeView, 'claim'>): Filter {
  return {
    name: 'VolumeRestrictions',
    prepare(pod, snapshot) {
      const keys = new Set(claimKeys(pod).filter((key) => view.claim(key)?.spec?.accessModes?.includes(oncePerPod)));
      if (keys.size === 0) return undefined;
      const reason = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
      for (const { pods } of snapshot.nodes) {
        for (const other of pods.values()) {
          if (claimKeys(other).some((key) => keys.has(key))) return () => ({ reasons: [reason] });
        }
      }
      return undefined;
    },
    couldHelp(pod, event) {
      if (event.kind !== 'podDeleted') return false;
      const keys = new Set(claimKeys(pod));
      return claimKeys(event.pod).some((key) => keys.has(key));
    },
  };
}

/** What is to become of the claims that wait for their first pod, if it runs on `node`; undefined when it cannot. */
export interface VolumePlan {
  bind: { claim: PersistentVolumeClaim; volume: PersistentVolume }[];
  provision: PersistentVolumeClaim[];
}

export function planVolumes(
  waiting: readonly PersistentVolumeClaim[],
  node: Node,
  view: VolumeView,
): VolumePlan | undefined {
  const plan: VolumePlan = { bind: [], provision: [] };
  const taken = new Set(view.taken);
  for (const claim of waiting) {
    const volume = bestVolume(claim, view.volumes(), { waits: true, node, taken });
    if (volume) {
      taken.add(volume.metadata.name ?? '');
      plan.bind.push({ claim, volume });
    } else if (canProvision(claim, node, view)) {
      plan.provision.push(claim);
    } else {
      return undefined;
    }
  }
  return plan;
}

/** The claims of a pod that exist. */
export function claimsOf(pod: Pod, view: Pick<VolumeView, 'claim'>): PersistentVolumeClaim[] {
  return claimKeys(pod).flatMap((key) => view.claim(key) ?? []);
}

function canProvision(claim: PersistentVolumeClaim, node: Node, view: VolumeView): boolean {
  const storageClass = view.storageClass(claimClass(claim));
  if (!storageClass || storageClass.provisioner === noProvisioner) return false;
  const chosen = claim.metadata.annotations?.[selectedNode];
  if (chosen !== undefined && chosen !== node.metadata.name) return false;
  const labels = node.metadata.labels ?? {};
  const { allowedTopologies = [] } = storageClass;
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? '')),
  );
}

/** Why the pod can run nowhere, in upstream's words. */
function problemOf(pod: Pod, { name, volume }: PodClaim, view: VolumeView): string | undefined {
  const claim = view.claim(`${pod.metadata.namespace}/${name}`);
  if (!claim) {
    if (volume.ephemeral)
      return `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`;
    return `persistentvolumeclaim "${name}" not found`;
  }
  if (claim.status?.phase === 'Lost') {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName}"`;
  }
  if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
  const isOwn = claim.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === pod.metadata.uid);
  if (!volume.ephemeral || isOwn) return undefined;
  const { namespace } = pod.metadata;
  return `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`;
}

/** Not bound, though nothing needs to be known of the pod to bind it. */
function isUnboundNow(pod: Pod, { name }: PodClaim, view: VolumeView): boolean {
  const claim = view.claim(`${pod.metadata.namespace}/${name}`);
  if (!claim || isBound(claim)) return false;
  const waits = view.storageClass(claimClass(claim))?.volumeBindingMode === 'WaitForFirstConsumer';
  return !waits || Boolean(claim.spec?.volumeName);
}

function claimKeys(pod: Pod): string[] {
  return podClaims(pod).map(({ name }) => `${pod.metadata.namespace}/${name}`);
}
