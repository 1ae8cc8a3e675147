import { amountsOf, heldRequests } from '../api/pod-resources.ts';
import type { Node, Pod, Taint } from '../api/types/core-v1.ts';
import { hostPortsOf, nonZeroLoad, priorityOf, uidOf } from './pod-facts.ts';
import type { NodeInfo } from './snapshot.ts';

interface MutableUse {
  allocatable: number;
  requested: number;
  load: number;
}

/** A node whose sums follow the pods that come and go. */
export class MutableNodeInfo implements NodeInfo {
  readonly name: string;
  node: Node;
  labels: Readonly<Record<string, string>> = {};
  hardTaints: readonly Taint[] = [];
  softTaints: readonly Taint[] = [];
  readonly pods = new Map<string, Pod>();
  readonly priorities = new Map<number, number>();
  readonly requested = new Map<string, number>();
  allocatable: ReadonlyMap<string, number> = new Map();
  readonly cpu: MutableUse = { allocatable: 0, requested: 0, load: 0 };
  readonly memory: MutableUse = { allocatable: 0, requested: 0, load: 0 };
  allowedPods = 0;
  readonly hostPorts = new Map<string, number>();
  imageBytes: ReadonlyMap<string, number> = new Map();

  constructor(node: Node) {
    this.name = node.metadata.name ?? '';
    this.node = node;
    this.update(node);
  }

  update(node: Node): void {
    this.node = node;
    this.labels = node.metadata.labels ?? {};
    const taints = node.spec?.taints ?? [];
    this.hardTaints = taints.filter((taint) => taint.effect !== 'PreferNoSchedule');
    this.softTaints = taints.filter((taint) => taint.effect === 'PreferNoSchedule');
    this.allocatable = amountsOf(node.status?.allocatable ?? {});
    this.cpu.allocatable = this.allocatable.get('cpu') ?? 0;
    this.memory.allocatable = this.allocatable.get('memory') ?? 0;
    this.allowedPods = this.allocatable.get('pods') ?? 0;
    this.imageBytes = imageBytesOf(node);
  }

  add(pod: Pod): void {
    this.pods.set(uidOf(pod), pod);
    this.#count(pod, 1);
  }

  remove(pod: Pod): void {
    if (this.pods.delete(uidOf(pod))) this.#count(pod, -1);
  }

  #count(pod: Pod, sign: 1 | -1): void {
    const requests = heldRequests(pod);
    for (const [name, amount] of requests) addTo(this.requested, name, sign * amount);
    this.cpu.requested = this.requested.get('cpu') ?? 0;
    this.memory.requested = this.requested.get('memory') ?? 0;
    const load = nonZeroLoad(pod);
    this.cpu.load += sign * load.cpu;
    this.memory.load += sign * load.memory;
    addTo(this.priorities, priorityOf(pod), sign);
    for (const port of hostPortsOf(pod)) addTo(this.hostPorts, port, sign);
  }
}

/** Adds, and drops what came to nothing. */
function addTo<K>(amounts: Map<K, number>, key: K, amount: number): void {
  const sum = (amounts.get(key) ?? 0) + amount;
  if (sum === 0) amounts.delete(key);
  else amounts.set(key, sum);
}

function imageBytesOf(node: Node): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const image of node.status?.images ?? []) {
    for (const name of image.names ?? []) sizes.set(name, image.sizeBytes ?? 0);
  }
  return sizes;
}
