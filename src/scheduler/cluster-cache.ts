import type { Node, Pod } from '../api/types/core-v1.ts';
import { type AffinityOfPod, AffinityTerms, type Namespaces, type TermGroup } from './affinity-terms.ts';
import { MutableNodeInfo } from './node-info.ts';
import { PodCounts } from './pod-counts.ts';
import { uidOf } from './pod-facts.ts';
import type { NodeInfo, PodQuestion, WhatIf } from './snapshot.ts';
import { regionLabel, zoneLabel } from '../api/well-known.ts';

interface Assignment {
  nodeName: string;
  pod: Pod;
  assumed: boolean;
}

/**
 * What the scheduler knows of nodes and assigned pods. A pod is assumed on a node as soon as the decision is made, so
 * that the next decision counts it; the informer's event later confirms it, a failed binding takes it back.
 */
export class ClusterCache implements WhatIf {
  readonly #byName = new Map<string, MutableNodeInfo>();
  readonly #assignments = new Map<string, Assignment>();
  /** Pods whose node is not (or no longer) known: they count again when it comes (back). */
  readonly #homeless = new Map<string, Map<string, Pod>>();
  readonly #counts = new PodCounts();
  readonly #terms: AffinityTerms;
  readonly #nodesByImage = new Map<string, number>();
  #nodes: readonly MutableNodeInfo[] | undefined;

  constructor(namespaces: Namespaces) {
    this.#terms = new AffinityTerms(namespaces);
  }

  get nodes(): readonly NodeInfo[] {
    return (this.#nodes ??= zonesInTurn([...this.#byName.values()]));
  }

  node(name: string): NodeInfo | undefined {
    return this.#byName.get(name);
  }

  count(question: PodQuestion): ReadonlyMap<string, number> {
    return this.#counts.of(question, this.nodes);
  }

  affinityOf(pod: Pod): AffinityOfPod {
    return this.#terms.of(pod);
  }

  get terms(): Iterable<TermGroup> {
    return this.#terms.groups;
  }

  nodesWithImage(name: string): number {
    return this.#nodesByImage.get(name) ?? 0;
  }

  setNode(node: Node): void {
    const name = node.metadata.name ?? '';
    const info = this.#byName.get(name);
    if (info) {
      const zone = zoneOf(info);
      this.#countImages(info, -1);
      info.update(node);
      this.#countImages(info, 1);
      if (zoneOf(info) !== zone) this.#nodes = undefined;
      return;
    }
    const added = new MutableNodeInfo(node);
    this.#byName.set(name, added);
    this.#nodes = undefined;
    this.#countImages(added, 1);
    for (const pod of this.#homeless.get(name)?.values() ?? []) this.put(pod, name);
    this.#homeless.delete(name);
  }

  removeNode(name: string): void {
    const info = this.#byName.get(name);
    if (!info) return;
    const pods = new Map(info.pods);
    for (const pod of pods.values()) this.take(pod, name);
    if (pods.size > 0) this.#homeless.set(name, pods);
    this.#countImages(info, -1);
    this.#byName.delete(name);
    this.#nodes = undefined;
  }

  /** Counts the pod on its node, replacing what was known of it. */
  setPod(pod: Pod): void {
    this.#assign({ pod, nodeName: pod.spec?.nodeName ?? '', assumed: false });
  }

  assume(pod: Pod, nodeName: string): void {
    this.#assign({ pod, nodeName, assumed: true });
  }

  /** Takes an assumption back; a pod that was confirmed meanwhile stays. */
  forget(uid: string): void {
    if (this.#assignments.get(uid)?.assumed) this.removePod(uid);
  }

  removePod(uid: string): void {
    const known = this.#assignments.get(uid);
    if (!known) return;
    this.#assignments.delete(uid);
    this.take(known.pod, known.nodeName);
    const homeless = this.#homeless.get(known.nodeName);
    if (homeless?.delete(uid) && homeless.size === 0) this.#homeless.delete(known.nodeName);
  }

  knows(uid: string): boolean {
    return this.#assignments.has(uid);
  }

  put(pod: Pod, nodeName: string): void {
    const info = this.#byName.get(nodeName);
    if (!info) return;
    info.add(pod);
    this.#counts.count(pod, nodeName, 1);
    this.#terms.count(pod, nodeName, 1);
  }

  take(pod: Pod, nodeName: string): void {
    const info = this.#byName.get(nodeName);
    if (!info?.pods.has(uidOf(pod))) return;
    info.remove(pod);
    this.#counts.count(pod, nodeName, -1);
    this.#terms.count(pod, nodeName, -1);
  }

  #assign(assignment: Assignment): void {
    const { pod, nodeName } = assignment;
    const uid = uidOf(pod);
    this.removePod(uid);
    this.#assignments.set(uid, assignment);
    if (this.#byName.has(nodeName)) return this.put(pod, nodeName);
    const homeless = this.#homeless.get(nodeName) ?? new Map<string, Pod>();
    this.#homeless.set(nodeName, homeless.set(uid, pod));
  }

  #countImages(info: MutableNodeInfo, sign: 1 | -1): void {
    for (const name of info.imageBytes.keys()) {
      this.#nodesByImage.set(name, (this.#nodesByImage.get(name) ?? 0) + sign);
      if (this.#nodesByImage.get(name) === 0) this.#nodesByImage.delete(name);
    }
  }
}

function zoneOf({ labels }: NodeInfo): string {
  return `${labels[regionLabel] ?? ''}/${labels[zoneLabel] ?? ''}`;
}

/** One node of each zone, then the second of each, and so on. */
function zonesInTurn(nodes: readonly MutableNodeInfo[]): MutableNodeInfo[] {
  const byZone = new Map<string, MutableNodeInfo[]>();
  for (const node of nodes) {
    const zone = byZone.get(zoneOf(node));
    if (zone) zone.push(node);
    else byZone.set(zoneOf(node), [node]);
  }
  const zones = [...byZone.values()];
  const longest = Math.max(0, ...zones.map((zone) => zone.length));
  const inTurn: MutableNodeInfo[] = [];
  for (let i = 0; i < longest; i++) {
    for (const zone of zones) {
      const node = zone[i];
      if (node) inTurn.push(node);
    }
  }
  return inTurn;
}
