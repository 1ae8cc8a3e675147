import { formatTime } from '../base/clock.ts';
import type { ContainerImage, Node, NodeCondition, NodeStatus } from '../api/types/core-v1.ts';
import type { AgentContext, AgentNode } from './agent-context.ts';
import type { PressureCondition } from './eviction-thresholds.ts';
import type { ImageInfo } from './runtime.ts';
import { hostnameLabel } from '../api/well-known.ts';

/** What the agent knows of its node besides what it was told. */
export interface NodeObservation {
  /** `containerd://1.6.20`. */
  runtimeVersion: string;
  pressures: ReadonlySet<PressureCondition>;
  runtimeReady: boolean;
  networkReady: boolean;
  /** Of the runtime, when one of them is not ready. */
  message: string;
  images: readonly ImageInfo[];
}

/** Upstream lists no more images than this in a node's status. */
const maxImages = 50;

/** The node as it is when it registers itself for the first time. */
export function newNode(node: AgentNode, status: NodeStatus): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: nodeLabels(node),
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true', ...node.annotations },
    },
    spec: {
      ...(node.podCidrs?.[0] && { podCIDR: node.podCidrs[0], podCIDRs: [...node.podCidrs] }),
      ...(node.providerId && { providerID: node.providerId }),
      ...(node.taints && { taints: [...node.taints] }),
    },
    status,
  };
}

/** The labels that every node has, and those of this one. */
export function nodeLabels(node: AgentNode): Record<string, string> {
  const hostname = node.addresses.find((address) => address.type === 'Hostname')?.address ?? node.name;
  return {
    'beta.kubernetes.io/arch': node.system.architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': node.system.architecture,
    [hostnameLabel]: hostname,
    'kubernetes.io/os': 'linux',
    ...node.labels,
  };
}

/** An event about the node. It names the node by its name where others have the uid, as upstream's: clients look for both. */
export function recordForNode(
  { node, recorder }: AgentContext,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const metadata = { name: node.name, uid: node.name };
  recorder.record({ apiVersion: 'v1', kind: 'Node', metadata }, type, reason, message);
}

/** The whole status, pure; `old` gives the conditions their transition times. */
export function nodeStatus(options: {
  node: AgentNode;
  observed: NodeObservation;
  old: NodeStatus | undefined;
  nowMs: number;
}): NodeStatus {
  const { node, observed, old, nowMs } = options;
  const { system } = node;
  const advertised = advertisedResources(old);
  return {
    addresses: [...node.addresses],
    capacity: { ...advertised, ...node.capacity },
    allocatable: { ...advertised, ...node.allocatable },
    conditions: conditions(observed, old, formatTime(nowMs)),
    // What CRI's runtimes of this age cannot, the agent does.
    features: { supplementalGroupsPolicy: true },
    daemonEndpoints: { kubeletEndpoint: { Port: node.kubeletPort } },
    images: imageList(observed.images),
    nodeInfo: {
      architecture: system.architecture,
      bootID: system.bootId,
      containerRuntimeVersion: observed.runtimeVersion,
      kernelVersion: system.kernelVersion,
      // The field is deprecated and upstream leaves it empty since 1.33.
      kubeProxyVersion: '',
      kubeletVersion: system.kubeletVersion,
      machineID: system.machineId,
      operatingSystem: 'linux',
      osImage: system.osImage,
      systemUUID: system.systemUuid,
    },
  };
}

/**
 * What others have put into the node's capacity: pods may have all of it
 * (tasks/administer-cluster/extended-resource-node).
 */
function advertisedResources(old: NodeStatus | undefined): Record<string, string> {
  const isExtended = (name: string): boolean => name.includes('/') && !name.includes('kubernetes.io/');
  return Object.fromEntries(Object.entries(old?.capacity ?? {}).filter(([name]) => isExtended(name)));
}

type Told = readonly [reason: string, message: string];

/** Of conditions about pressure: what the kubelet says when they are True, and when they are False. */
export const pressureReasons: Readonly<Record<PressureCondition, readonly [whenTrue: Told, whenFalse: Told]>> = {
  MemoryPressure: [
    ['HasInsufficientMemory', 'has insufficient memory available'],
    ['HasSufficientMemory', 'has sufficient memory available'],
  ],
  DiskPressure: [
    ['HasDiskPressure', 'has disk pressure'],
    ['HasNoDiskPressure', 'has no disk pressure'],
  ],
  PIDPressure: [
    ['HasInsufficientPID', 'has insufficient PID available'],
    ['HasSufficientPID', 'has sufficient PID available'],
  ],
};

function conditions(observed: NodeObservation, old: NodeStatus | undefined, now: string): NodeCondition[] {
  const list: Omit<NodeCondition, 'lastHeartbeatTime' | 'lastTransitionTime'>[] = [
    ...Object.entries(pressureReasons).map(([type, [whenTrue, whenFalse]]) => {
      const isTrue = observed.pressures.has(type as PressureCondition);
      const [reason, message] = isTrue ? whenTrue : whenFalse;
      return { type, status: isTrue ? 'True' : 'False', reason: `Kubelet${reason}`, message: `kubelet ${message}` };
    }),
    { type: 'Ready', ...readiness(observed) },
  ];
  return list.map((condition) => {
    const before = old?.conditions?.find((c) => c.type === condition.type);
    const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  });
}

function readiness(observed: NodeObservation): { status: string; reason: string; message: string } {
  if (observed.runtimeReady && observed.networkReady) {
    return { status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' };
  }
  const detail = observed.message || 'no reason given';
  const message = observed.runtimeReady
    ? `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${detail}`
    : `container runtime is down: ${detail}`;
  return { status: 'False', reason: 'KubeletNotReady', message };
}

function imageList(images: readonly ImageInfo[]): ContainerImage[] {
  return images
    .map((image) => ({ names: [...image.digests, ...image.tags], sizeBytes: image.sizeBytes }))
    .filter((image) => image.names.length > 0)
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, maxImages);
}

/** Equal but for the heartbeat times? Then the status need not be written before its time. */
export function sameNodeStatus(a: NodeStatus | undefined, b: NodeStatus): boolean {
  return a !== undefined && JSON.stringify(comparable(a)) === JSON.stringify(comparable(b));
}

function comparable(status: NodeStatus): unknown {
  const { addresses, capacity, allocatable, images, nodeInfo, daemonEndpoints, features } = status;
  const bare = (status.conditions ?? []).map(({ type, status: state, reason, message }) => [
    type,
    state,
    reason,
    message,
  ]);
  const sorted = (map: object | undefined): unknown => Object.entries(map ?? {}).sort(byKey);
  const kubelet = daemonEndpoints?.kubeletEndpoint?.Port;
  const info = sorted(nodeInfo);
  const names = (images ?? []).map((image) => image.names);
  return [addresses, sorted(capacity), sorted(allocatable), names, info, kubelet, features, bare.sort(byKey)];
}

function byKey([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}
