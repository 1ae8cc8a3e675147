import type { Namespace, Pod } from '../../api/types/core-v1.ts';
import type { NetworkPolicy } from '../../api/types/networking-v1.ts';
import { keyOf } from '../../client/informer.ts';
import { type NamespaceView, type PolicyPod, policyPod } from './policy-view.ts';

/** A pod, by what its address may change hands. */
interface KnownPod {
  pod: Pod;
  ips: readonly string[];
}

/** Keys of pods and policies. */
interface KnownNamespace {
  labels: Record<string, string>;
  pods: Set<string>;
  policies: Set<string>;
}

function emptyNamespace(): KnownNamespace {
  return { labels: {}, pods: new Set(), policies: new Set() };
}

/**
 * The cluster as policies see it, gathered from events. What changed is marked; `views` then makes new views of the
 * namespaces concerned, and keeps the others as they are. An address belongs to one pod at a time: to the one of this
 * node that was given it, else to the one that was made last.
 */
export class PolicyState {
  readonly #nodeName: string;
  readonly #pods = new Map<string, KnownPod>();
  readonly #holders = new Map<string, Set<string>>();
  readonly #namespaces = new Map<string, KnownNamespace>();
  readonly #policies = new Map<string, NetworkPolicy>();
  readonly #admitted = new Map<string, readonly string[]>();
  readonly #extra: readonly PolicyPod[];
  readonly #changed = new Set<string>();
  #views: ReadonlyMap<string, NamespaceView> = new Map();
  readonly #made = new Map<string, { pod: Pod; ips: string; made: PolicyPod }>();

  /** `extra`: pods that no API server knows, such as the cluster's DNS where nodes answer for it. */
  constructor(nodeName: string, extra: readonly PolicyPod[]) {
    this.#nodeName = nodeName;
    this.#extra = extra;
    for (const pod of extra) this.#change(pod.namespace);
  }

  get hasPolicies(): boolean {
    return this.#policies.size > 0;
  }

  setNamespace(namespace: Namespace): void {
    const name = namespace.metadata.name ?? '';
    this.#namespace(name).labels = namespace.metadata.labels ?? {};
    this.#change(name);
  }

  removeNamespace(namespace: Namespace): void {
    const name = namespace.metadata.name ?? '';
    const known = this.#namespace(name);
    known.labels = {};
    if (known.pods.size === 0 && known.policies.size === 0) this.#namespaces.delete(name);
    this.#change(name);
  }

  setPolicy(policy: NetworkPolicy): void {
    const key = keyOf(policy);
    const { namespace = '' } = policy.metadata;
    this.#policies.set(key, policy);
    this.#namespace(namespace).policies.add(key);
    this.#change(namespace);
  }

  removePolicy(policy: NetworkPolicy): void {
    const key = keyOf(policy);
    const { namespace = '' } = policy.metadata;
    this.#policies.delete(key);
    this.#namespace(namespace).policies.delete(key);
    this.#change(namespace);
  }

  setPod(pod: Pod): void {
    const key = keyOf(pod);
    const { uid = '', namespace = '' } = pod.metadata;
    const reported = (pod.status?.podIPs ?? []).flatMap(({ ip }) => ip ?? []);
    const own = pod.spec?.nodeName === this.#nodeName ? this.#admitted.get(uid) : undefined;
    this.#hold(key, { pod, ips: own ?? reported });
    this.#namespace(namespace).pods.add(key);
    this.#change(namespace);
  }

  removePod(pod: Pod): void {
    const key = keyOf(pod);
    const { namespace = '' } = pod.metadata;
    this.#hold(key, undefined);
    this.#namespace(namespace).pods.delete(key);
    this.#change(namespace);
  }

  /** A pod of this node has been given its addresses, which its status does not tell yet. */
  admit(pod: Pod, ips: readonly string[]): void {
    this.#admitted.set(pod.metadata.uid ?? '', ips);
    this.setPod(pod);
  }

  /** A pod of this node is gone, and its addresses are free. */
  forget(pod: Pod): void {
    this.#admitted.delete(pod.metadata.uid ?? '');
    if (this.#pods.get(keyOf(pod))?.pod.metadata.uid === pod.metadata.uid) this.removePod(pod);
  }

  /** Nobody follows pods and namespaces any more: only what was admitted here stays. */
  clear(): void {
    const others = [...this.#pods.values()].filter(({ pod }) => !this.#admitted.has(pod.metadata.uid ?? ''));
    for (const { pod } of others) this.removePod(pod);
    for (const name of [...this.#namespaces.keys()]) this.removeNamespace({ metadata: { name } });
  }

  views(): ReadonlyMap<string, NamespaceView> {
    if (this.#changed.size === 0) return this.#views;
    const views = new Map(this.#views);
    for (const name of this.#changed) {
      const view = this.#viewOf(name, views.get(name));
      if (view) views.set(name, view);
      else views.delete(name);
    }
    this.#changed.clear();
    this.#views = views;
    return views;
  }

  #viewOf(name: string, old: NamespaceView | undefined): NamespaceView | undefined {
    const extra = this.#extra.filter((pod) => pod.namespace === name);
    const known = this.#namespaces.get(name);
    if (!known && extra.length === 0) return undefined;
    const { labels, pods: keys, policies: policyKeys } = known ?? emptyNamespace();
    const pods = [...extra, ...[...keys].flatMap((key) => this.#podOf(key) ?? [])];
    const policies = [...policyKeys].flatMap((key) => this.#policies.get(key) ?? []);
    // Lists that are the same as before stay the same objects: what was worked out for them holds.
    return {
      name,
      labels,
      pods: old && same(old.pods, pods) ? old.pods : pods,
      policies: old && same(old.policies, policies) ? old.policies : policies,
    };
  }

  #podOf(key: string): PolicyPod | undefined {
    const known = this.#pods.get(key);
    if (!known) return undefined;
    const ips = known.ips.filter((ip) => this.#ownerOf(ip) === key);
    const made = this.#made.get(key);
    if (made?.pod === known.pod && made.ips === ips.join()) return made.made;
    const pod = policyPod(known.pod, ips, known.pod.spec?.nodeName === this.#nodeName);
    if (pod) this.#made.set(key, { pod: known.pod, ips: ips.join(), made: pod });
    return pod;
  }

  #ownerOf(ip: string): string | undefined {
    const holders = [...(this.#holders.get(ip) ?? [])];
    return holders.length < 2 ? holders[0] : holders.toSorted((a, b) => this.#rank(b) - this.#rank(a))[0];
  }

  #rank(key: string): number {
    const pod = this.#pods.get(key)?.pod;
    if (this.#admitted.has(pod?.metadata.uid ?? '')) return Infinity;
    return Date.parse(pod?.metadata.creationTimestamp ?? '') || 0;
  }

  /** Pods with whom an address is shared may win or lose it: their namespaces change as well. */
  #hold(key: string, next: KnownPod | undefined): void {
    const before = this.#pods.get(key);
    const counts = (known: KnownPod | undefined): readonly string[] =>
      known && !known.pod.spec?.hostNetwork && !hasEnded(known.pod) ? known.ips : [];
    for (const ip of counts(before)) this.#holders.get(ip)?.delete(key);
    if (next) this.#pods.set(key, next);
    else this.#pods.delete(key);
    if (!next) this.#made.delete(key);
    for (const ip of counts(next)) {
      const holders = this.#holders.get(ip) ?? new Set();
      this.#holders.set(ip, holders.add(key));
    }
    for (const ip of new Set([...counts(before), ...counts(next)])) {
      const holders = this.#holders.get(ip) ?? new Set<string>();
      if (holders.size === 0) this.#holders.delete(ip);
      for (const other of holders) this.#change(this.#pods.get(other)?.pod.metadata.namespace ?? '');
    }
  }

  #namespace(name: string): KnownNamespace {
    let namespace = this.#namespaces.get(name);
    if (!namespace) this.#namespaces.set(name, (namespace = emptyNamespace()));
    return namespace;
  }

  #change(namespace: string): void {
    this.#changed.add(namespace);
  }
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function same<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
