import { labelMatcher } from '../api/label-selector.ts';
import type { Pod, PodAffinityTerm } from '../api/types/core-v1.ts';
import type { LabelSelector } from '../api/types/meta-v1.ts';
import type { PodQuestion } from './snapshot.ts';

/** What affinity terms that choose namespaces by label need to know. */
export interface Namespaces {
  labelsOf(namespace: string): Record<string, string> | undefined;
  names(): Iterable<string>;
}

/** A term of a pod's (anti-)affinity as a question about other pods. */
export interface PodTerm extends PodQuestion {
  readonly topologyKey: string;
  /** Like the key, but the same whatever labels namespaces have at the moment. */
  readonly identity: string;
  /** Of any namespace: unlike `matches`, looks at the other pod's namespace too. */
  isAbout(other: Pod): boolean;
}

export interface AffinityOfPod {
  readonly required: readonly PodTerm[];
  readonly requiredAnti: readonly PodTerm[];
  /** Anti-affinity has negative weights. */
  readonly preferred: readonly { term: PodTerm; weight: number }[];
}

/** The same term of any number of assigned pods. */
export interface TermGroup {
  readonly use: keyof AffinityOfPod;
  readonly weight: number;
  readonly term: PodTerm;
  /** How many pods with it run on each node, by the node's name. */
  readonly nodes: ReadonlyMap<string, number>;
}

const none: AffinityOfPod = { required: [], requiredAnti: [], preferred: [] };

/** Reads the terms of pods; keeps those of assigned pods grouped, so that a decision asks each distinct term once. */
export class AffinityTerms {
  readonly #namespaces: Namespaces;
  readonly #known = new WeakMap<Pod, AffinityOfPod>();
  readonly #groups = new Map<string, TermGroup & { nodes: Map<string, number> }>();

  constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces;
  }

  get groups(): Iterable<TermGroup> {
    return this.#groups.values();
  }

  of(pod: Pod): AffinityOfPod {
    const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
    if (!podAffinity && !podAntiAffinity) return none;
    const known = this.#known.get(pod);
    if (known) return known;
    const term = (wire: PodAffinityTerm): PodTerm => podTerm(pod, wire, this.#namespaces);
    const affinity: AffinityOfPod = {
      required: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(term),
      requiredAnti: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(term),
      preferred: [
        ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => {
          return { term: term(podAffinityTerm), weight };
        }),
        ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
          ({ weight, podAffinityTerm }) => ({ term: term(podAffinityTerm), weight: -weight }),
        ),
      ],
    };
    this.#known.set(pod, affinity);
    return affinity;
  }

  /** Counts the terms of a pod that comes to (1) or leaves (-1) a node. */
  count(pod: Pod, nodeName: string, sign: 1 | -1): void {
    const affinity = this.of(pod);
    if (affinity === none) return;
    for (const term of affinity.required) this.#count({ use: 'required', weight: 1, term }, nodeName, sign);
    for (const term of affinity.requiredAnti) this.#count({ use: 'requiredAnti', weight: -1, term }, nodeName, sign);
    for (const { term, weight } of affinity.preferred) {
      this.#count({ use: 'preferred', weight, term }, nodeName, sign);
    }
  }

  #count({ use, weight, term }: Omit<TermGroup, 'nodes'>, nodeName: string, sign: 1 | -1): void {
    const key = `${use} ${weight} ${term.topologyKey} ${term.identity}`;
    const group = this.#groups.get(key) ?? { use, weight, term, nodes: new Map<string, number>() };
    const count = (group.nodes.get(nodeName) ?? 0) + sign;
    if (count > 0) group.nodes.set(nodeName, count);
    else group.nodes.delete(nodeName);
    if (group.nodes.size > 0) this.#groups.set(key, group);
    else this.#groups.delete(key);
  }
}

/** A term's question: the namespaces it names (default: its owner's) and its selector, with matchLabelKeys (KEP-3633). */
function podTerm(owner: Pod, term: PodAffinityTerm, namespaces: Namespaces): PodTerm {
  const selector = selectorOf(owner, term);
  const matcher = labelMatcher(selector);
  const byLabel = term.namespaceSelector && labelMatcher(term.namespaceSelector);
  const named = new Set(term.namespaces);
  if (named.size === 0 && !byLabel) named.add(owner.metadata.namespace ?? '');
  const isThere = (namespace: string): boolean =>
    named.has(namespace) || (byLabel !== undefined && byLabel.matches(namespaces.labelsOf(namespace) ?? {}));
  const selectorText = JSON.stringify(selector);
  const namespacesText = byLabel ? ` ${JSON.stringify(term.namespaceSelector)}` : '';
  const identity = `term ${[...named].toSorted().join(',')}${namespacesText} ${selectorText}`;
  const fixedNamespaces = byLabel ? undefined : [...named];
  return {
    topologyKey: term.topologyKey,
    identity,
    // Namespaces chosen by label are part of the key by name: a label that changes makes it another question.
    get key() {
      return byLabel ? `${identity} ${this.namespaces?.toSorted().join(',') ?? '*'}` : identity;
    },
    get namespaces() {
      if (fixedNamespaces || !byLabel) return fixedNamespaces;
      return byLabel.isEmpty ? undefined : [...new Set([...named, ...namespaces.names()])].filter(isThere);
    },
    matches: (other) => matcher.matches(other.metadata.labels ?? {}),
    isAbout: (other) => isThere(other.metadata.namespace ?? '') && matcher.matches(other.metadata.labels ?? {}),
  };
}

function selectorOf(owner: Pod, term: PodAffinityTerm): LabelSelector | undefined {
  const selector = term.labelSelector;
  if (!selector || (!term.matchLabelKeys?.length && !term.mismatchLabelKeys?.length)) return selector;
  const unlike = Object.entries(labelsByKeys(owner, term.mismatchLabelKeys)).map(([key, value]) => {
    return { key, operator: 'NotIn', values: [value] };
  });
  return {
    matchLabels: { ...selector.matchLabels, ...labelsByKeys(owner, term.matchLabelKeys) },
    matchExpressions: [...(selector.matchExpressions ?? []), ...unlike],
  };
}

/** Those labels of the pod that `keys` name. */
export function labelsByKeys(pod: Pod, keys: readonly string[] | undefined): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const key of keys ?? []) {
    const value = pod.metadata.labels?.[key];
    if (value !== undefined) labels[key] = value;
  }
  return labels;
}
