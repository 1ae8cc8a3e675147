import { amountsOf, podRequests } from '../api/pod-resources.ts';
import type { Node, Pod } from '../api/types/core-v1.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

const defaultMilliCpu = 100;
const defaultMemoryBytes = 200 * 1024 * 1024;

class MutableNodeInfo implements NodeInfo {
  readonly name: string;
  node: Node;
  readonly pods = new Map<string, Pod>();
  readonly requested = new Map<string, number>();
  nonZeroCpu = 0;
  nonZeroMemory = 0;
  allocatable: ReadonlyMap<string, number>;
  readonly hostPorts = new Set<string>();
  readonly podsByOwner = new Map<string, number>();
  readonly podsWithAntiAffinity = new Map<string, Pod>();
  imageBytes: ReadonlyMap<string, number>;

  constructor(node: Node) {
    this.name = node.metadata.name ?? '';
    this.node = node;
    this.allocatable = amountsOf(node.status?.allocatable ?? {});
    this.imageBytes = imageBytesOf(node);
  }

  update(node: Node): void {
    if (node.status?.allocatable !== this.node.status?.allocatable) {
      this.allocatable = amountsOf(node.status?.allocatable ?? {});
    }
    if (node.status?.images !== this.node.status?.images) this.imageBytes = imageBytesOf(node);
    this.node = node;
  }

  add(pod: Pod): void {
    this.pods.set(uidOf(pod), pod);
    this.count(pod, 1);
    for (const port of hostPortsOf(pod)) this.hostPorts.add(port);
    if (hasRequiredAntiAffinity(pod)) this.podsWithAntiAffinity.set(uidOf(pod), pod);
  }

  remove(pod: Pod): void {
    if (!this.pods.delete(uidOf(pod))) return;
    this.count(pod, -1);
    for (const port of hostPortsOf(pod)) this.hostPorts.delete(port);
    this.podsWithAntiAffinity.delete(uidOf(pod));
  }

  private count(pod: Pod, sign: 1 | -1): void {
    const requests = podRequests(pod);
    for (const [name, amount] of requests) {
      this.requested.set(name, (this.requested.get(name) ?? 0) + sign * amount);
    }
    const { cpu, memory } = nonZeroRequests(pod);
    this.nonZeroCpu += sign * cpu;
    this.nonZeroMemory += sign * memory;
    const owner = controllerUidOf(pod);
    if (owner) this.podsByOwner.set(owner, (this.podsByOwner.get(owner) ?? 0) + sign);
  }
}

/**
 * What the scheduler knows of nodes and assigned pods. A pod is assumed on a node as soon as the decision is made, so that
 * the next decision counts it; the informer's event later confirms it, a failed binding takes it back.
 */
export class ClusterCache implements Snapshot {
  readonly #nodes = new Map<string, MutableNodeInfo>();
  /** Pods whose node is not (or no longer) known. */
  readonly #homeless = new Map<string, Map<string, Pod>>();
  readonly #nodeOfPod = new Map<string, { nodeName: string; pod: Pod; assumed: boolean }>();
  #antiAffinityPods = 0;

  get nodes(): ReadonlyMap<string, NodeInfo> {
    return this.#nodes;
  }

  get podsWithAntiAffinity(): number {
    return this.#antiAffinityPods;
  }

  setNode(node: Node): void {
    const name = node.metadata.name ?? '';
    const info = this.#nodes.get(name);
    if (info) return info.update(node);
    const added = new MutableNodeInfo(node);
    this.#nodes.set(name, added);
    for (const pod of this.#homeless.get(name)?.values() ?? []) added.add(pod);
    this.#homeless.delete(name);
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info) return;
    this.#nodes.delete(name);
    if (info.pods.size > 0) this.#homeless.set(name, new Map(info.pods));
  }

  /** Counts the pod on its node, replacing what was known of it. */
  setPod(pod: Pod, nodeName = pod.spec?.nodeName ?? '', assumed = false): void {
    this.removePod(uidOf(pod));
    this.#nodeOfPod.set(uidOf(pod), { nodeName, pod, assumed });
    if (hasRequiredAntiAffinity(pod)) this.#antiAffinityPods++;
    const info = this.#nodes.get(nodeName);
    if (info) return info.add(pod);
    const homeless = this.#homeless.get(nodeName) ?? new Map<string, Pod>();
    this.#homeless.set(nodeName, homeless.set(uidOf(pod), pod));
  }

  removePod(uid: string): void {
    const known = this.#nodeOfPod.get(uid);
    if (!known) return;
    this.#nodeOfPod.delete(uid);
    if (hasRequiredAntiAffinity(known.pod)) this.#antiAffinityPods--;
    this.#nodes.get(known.nodeName)?.remove(known.pod);
    const homeless = this.#homeless.get(known.nodeName);
    if (homeless?.delete(uid) && homeless.size === 0) this.#homeless.delete(known.nodeName);
  }

  assume(pod: Pod, nodeName: string): void {
    this.setPod(pod, nodeName, true);
  }

  /** Takes an assumption back; a pod that was confirmed meanwhile stays. */
  forget(uid: string): void {
    if (this.#nodeOfPod.get(uid)?.assumed) this.removePod(uid);
  }

  knows(uid: string): boolean {
    return this.#nodeOfPod.has(uid);
  }
}

export function uidOf(pod: Pod): string {
  return pod.metadata.uid ?? `${pod.metadata.namespace}/${pod.metadata.name}`;
}

export function controllerUidOf(pod: Pod): string | undefined {
  return pod.metadata.ownerReferences?.find((reference) => reference.controller)?.uid;
}

/** `protocol/port/hostIP` for each host port of the pod. */
export function hostPortsOf(pod: Pod): string[] {
  const ports: string[] = [];
  for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) {
    for (const port of container.ports ?? []) {
      if (port.hostPort) ports.push(`${port.protocol ?? 'TCP'}/${port.hostPort}/${port.hostIP || '0.0.0.0'}`);
    }
  }
  return ports;
}

export function nonZeroRequests(pod: Pod): { cpu: number; memory: number } {
  let cpu = 0;
  let memory = 0;
  for (const container of pod.spec?.containers ?? []) {
    const requests = container.resources?.requests;
    if (requests?.cpu === undefined) cpu += defaultMilliCpu;
    if (requests?.memory === undefined) memory += defaultMemoryBytes;
  }
  const named = podRequests(pod);
  return { cpu: cpu + (named.get('cpu') ?? 0), memory: memory + (named.get('memory') ?? 0) };
}

function hasRequiredAntiAffinity(pod: Pod): boolean {
  return Boolean(pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length);
}

function imageBytesOf(node: Node): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const image of node.status?.images ?? []) {
    for (const name of image.names ?? []) sizes.set(name, image.sizeBytes ?? 0);
  }
  return sizes;
}
