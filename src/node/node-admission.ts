import { matchesNodeAffinity } from '../api/node-selector.ts';
import { isTolerated } from '../api/taints.ts';
import { amountsOf, podRequests } from '../api/pod-resources.ts';
import type { Node, Pod } from '../api/types/core-v1.ts';
import type { PressureCondition } from './eviction-thresholds.ts';
import { qosClassOf } from './pod-cgroup.ts';
import { containersOf, isCriticalPod } from './pod-spec.ts';
import { forbiddenSysctl } from './sysctls.ts';

/**
 * May the node take a pod that was bound to it? The scheduler has asked the same, but with a view that may be old,
 * and pods can be bound by hand. Answers why not, with upstream's reasons and messages.
 */
export function admissionFailure(options: {
  pod: Pod;
  /** The pods that hold resources of the node. */
  active: Iterable<Pod>;
  node: Node;
  /** What the node is under pressure of: pods that the cluster itself needs are taken all the same. */
  pressures?: ReadonlySet<PressureCondition>;
  /** Beside the safe ones: see {@link forbiddenSysctl}. */
  unsafeSysctls?: readonly string[];
}): { reason: string; message: string } | undefined {
  const { pod, node, unsafeSysctls = [], pressures } = options;
  if (pressures && pressures.size > 0 && !bearsPressure(pod, pressures)) {
    const message = `Pod was rejected: The node had condition: [${[...pressures].join(' ')}]. `;
    return { reason: 'Evicted', message };
  }
  const sysctl = forbiddenSysctl(pod, unsafeSysctls);
  if (sysctl !== undefined) return { reason: 'SysctlForbidden', message: `Pod was rejected: ${sysctl}` };
  const active = [...options.active].filter((other) => other.metadata.uid !== pod.metadata.uid);
  const resource = missingResource(pod, active, node);
  if (resource) {
    const { name, requested, used, capacity } = resource;
    const figures = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
    const message = `Pod was rejected: Node didn't have enough resource: ${name}, ${figures}`;
    return { reason: `OutOf${name}`, message };
  }
  if (!matchesNodeAffinity(pod, node)) {
    const why = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
    return { reason: 'NodeAffinity', message: `Pod was rejected: ${why}` };
  }
  if (hasPortConflict(pod, active)) {
    const why = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
    return { reason: 'NodePorts', message: `Pod was rejected: ${why}` };
  }
  return foreignSystem(pod);
}

/** The pod says of itself, by label or by field, that it is made for another system than Linux. */
function foreignSystem({ metadata, spec }: Pod): { reason: string; message: string } | undefined {
  const label = metadata.labels?.['kubernetes.io/os'];
  if (label !== undefined && label !== 'linux') {
    const why = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message: `Pod was rejected: ${why}` };
  }
  if (spec?.os === undefined || spec.os.name === 'linux') return undefined;
  const why = "Failed to admit pod as the OS field doesn't match node OS";
  return { reason: 'PodOSNotSupported', message: `Pod was rejected: ${why}` };
}

/** Where it is memory alone that is short, pods come that have asked for some, or that tolerate it. */
function bearsPressure(pod: Pod, pressures: ReadonlySet<PressureCondition>): boolean {
  if (isCriticalPod(pod)) return true;
  if (pressures.size > 1 || !pressures.has('MemoryPressure')) return false;
  const taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };
  return qosClassOf(pod) !== 'BestEffort' || isTolerated(taint, pod.spec?.tolerations);
}

interface Shortage {
  name: string;
  requested: number;
  used: number;
  capacity: number;
}

/** cpu in millicores, everything else in whole units, as upstream prints them. */
export function missingResource(pod: Pod, active: readonly Pod[], node: Node): Shortage | undefined {
  const allocatable = amountsOf(node.status?.allocatable ?? {});
  const pods = allocatable.get('pods');
  if (pods !== undefined && active.length + 1 > pods) {
    return { name: 'pods', requested: 1, used: active.length, capacity: pods };
  }
  for (const [name, requested] of podRequests(pod)) {
    if (requested === 0) continue;
    const capacity = allocatable.get(name) ?? 0;
    const used = active.reduce((sum, other) => sum + (podRequests(other).get(name) ?? 0), 0);
    if (requested > capacity - used) return { name, requested, used, capacity };
  }
  return undefined;
}

interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

function hasPortConflict(pod: Pod, active: readonly Pod[]): boolean {
  const wanted = hostPortsOf(pod);
  if (wanted.length === 0) return false;
  const taken = active.flatMap(hostPortsOf);
  return wanted.some((a) =>
    taken.some(
      (b) => a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || anyAddress(a.ip) || anyAddress(b.ip)),
    ),
  );
}

function hostPortsOf(pod: Pod): HostPort[] {
  return containersOf(pod)
    .filter((container) => container.role === 'app' || container.role === 'sidecar')
    .flatMap((container) => container.spec.ports ?? [])
    .filter((port) => port.hostPort)
    .map((port) => ({ ip: port.hostIP || '0.0.0.0', protocol: port.protocol ?? 'TCP', port: port.hostPort ?? 0 }));
}

function anyAddress(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::';
}
