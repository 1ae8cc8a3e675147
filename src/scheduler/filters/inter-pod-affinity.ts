import { labelMatcher } from '../../api/label-selector.ts';
import type { Pod, PodAffinityTerm } from '../../api/types/core-v1.ts';
import type { Filter } from '../plugin.ts';
import type { NodeInfo, Snapshot } from '../snapshot.ts';

/** Labels of a namespace, for terms that choose namespaces by label; undefined when unknown. */
export type NamespaceLabels = (namespace: string) => Record<string, string> | undefined;

/** A term of `owner`'s (anti-)affinity as a question about other pods. */
export interface PodTerm {
  topologyKey: string;
  matches(other: Pod): boolean;
}

/** Required pod affinity and anti-affinity, of the pod and (anti-affinity) of those that run already. */
export function interPodAffinity(namespaceLabels: NamespaceLabels): Filter {
  return {
    name: 'InterPodAffinity',
    retryOn: ['nodeAdded', 'nodeUpdated', 'podDeleted', 'podAdded'],
    prepare(pod, snapshot) {
      const affinity = termsOf(pod, pod.spec?.affinity?.podAffinity, namespaceLabels);
      const anti = termsOf(pod, pod.spec?.affinity?.podAntiAffinity, namespaceLabels);
      const existing = snapshot.podsWithAntiAffinity > 0 ? forbiddenDomains(pod, snapshot, namespaceLabels) : undefined;
      if (affinity.length === 0 && anti.length === 0 && !existing?.size) return undefined;
      const wanted = affinity.map((term) => domainsWith(term, snapshot));
      const unwanted = anti.map((term) => domainsWith(term, snapshot));
      // The first pod of a group that wants its own kind nearby may go anywhere.
      const isFirst = wanted.every((domains) => domains.size === 0) && affinity.every((term) => term.matches(pod));
      return (node) => {
        const labels = node.node.metadata.labels ?? {};
        for (const [i, term] of affinity.entries()) {
          const domain = labels[term.topologyKey];
          if (domain === undefined || (!wanted[i]?.has(domain) && !isFirst)) return affinityFailure;
        }
        for (const [i, term] of anti.entries()) {
          const domain = labels[term.topologyKey];
          if (domain !== undefined && unwanted[i]?.has(domain)) return antiAffinityFailure;
        }
        for (const [key, domains] of existing ?? []) {
          const domain = labels[key];
          if (domain !== undefined && domains.has(domain)) return existingAntiAffinityFailure;
        }
        return null;
      };
    },
  };
}

const affinityFailure = { reasons: ["node(s) didn't match pod affinity rules"], unresolvable: true };
const antiAffinityFailure = { reasons: ["node(s) didn't match pod anti-affinity rules"] };
const existingAntiAffinityFailure = { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"] };

function termsOf(
  pod: Pod,
  affinity: { requiredDuringSchedulingIgnoredDuringExecution?: PodAffinityTerm[] } | undefined,
  namespaceLabels: NamespaceLabels,
): PodTerm[] {
  return (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
    podTerm(pod, term, namespaceLabels),
  );
}

/** A term's question: the namespaces it names (default: the owner's own) and its selector, with matchLabelKeys (KEP-3633). */
export function podTerm(owner: Pod, term: PodAffinityTerm, namespaceLabels: NamespaceLabels): PodTerm {
  const selector = term.labelSelector && {
    matchLabels: { ...term.labelSelector.matchLabels, ...labelsByKeys(owner, term.matchLabelKeys) },
    matchExpressions: [
      ...(term.labelSelector.matchExpressions ?? []),
      ...Object.entries(labelsByKeys(owner, term.mismatchLabelKeys)).map(([key, value]) => ({
        key,
        operator: 'NotIn',
        values: [value],
      })),
    ],
  };
  const matcher = labelMatcher(selector);
  const names = new Set(term.namespaces ?? []);
  const byLabel = term.namespaceSelector ? labelMatcher(term.namespaceSelector) : undefined;
  if (names.size === 0 && !byLabel) names.add(owner.metadata.namespace ?? '');
  return {
    topologyKey: term.topologyKey,
    matches(other) {
      const namespace = other.metadata.namespace ?? '';
      const isThere = names.has(namespace) || (byLabel?.matches(namespaceLabels(namespace)) ?? false);
      return isThere && matcher.matches(other.metadata.labels);
    },
  };
}

function labelsByKeys(pod: Pod, keys: readonly string[] | undefined): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const key of keys ?? []) {
    const value = pod.metadata.labels?.[key];
    if (value !== undefined) labels[key] = value;
  }
  return labels;
}

/** The values of the term's topology key on nodes that run a matching pod. */
function domainsWith(term: PodTerm, snapshot: Snapshot): Set<string> {
  const domains = new Set<string>();
  for (const node of snapshot.nodes.values()) {
    const domain = node.node.metadata.labels?.[term.topologyKey];
    if (domain === undefined || domains.has(domain)) continue;
    for (const other of node.pods.values()) {
      if (!other.metadata.deletionTimestamp && term.matches(other)) {
        domains.add(domain);
        break;
      }
    }
  }
  return domains;
}

/** By topology key, the domains where a running pod's anti-affinity keeps `pod` away. */
function forbiddenDomains(pod: Pod, snapshot: Snapshot, namespaceLabels: NamespaceLabels): Map<string, Set<string>> {
  const forbidden = new Map<string, Set<string>>();
  for (const node of snapshot.nodes.values()) {
    for (const other of node.podsWithAntiAffinity.values()) {
      for (const term of termsOf(other, other.spec?.affinity?.podAntiAffinity, namespaceLabels)) {
        const domain = domainOf(node, term);
        if (domain === undefined || !term.matches(pod)) continue;
        forbidden.set(term.topologyKey, (forbidden.get(term.topologyKey) ?? new Set()).add(domain));
      }
    }
  }
  return forbidden;
}

function domainOf(node: NodeInfo, term: PodTerm): string | undefined {
  return node.node.metadata.labels?.[term.topologyKey];
}
