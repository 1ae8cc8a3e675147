import type { Pod } from '../../api/types/core-v1.ts';
import type { AffinityTerms, PodTerm } from '../affinity-terms.ts';
import type { Filter } from '../plugin.ts';
import type { NodeInfo, PodQuestion, Snapshot } from '../snapshot.ts';

/** Required pod affinity and anti-affinity, of the pod and (anti-affinity) of those that run already. */
export function interPodAffinity(terms: Pick<AffinityTerms, 'of'>): Filter {
  return {
    name: 'InterPodAffinity',
    prepare(pod, snapshot) {
      const { required, requiredAnti } = snapshot.affinityOf(pod);
      const wanted = required.length > 0 ? wantedDomains(required, snapshot) : undefined;
      const unwanted = requiredAnti.map((term) => domainsWith(term, term, snapshot));
      const forbidden = forbiddenDomains(pod, snapshot);
      if (!wanted && unwanted.length === 0 && forbidden.size === 0) return undefined;
      // The first pod of a group that wants its own kind nearby may go anywhere that has the topology.
      const isFirst = wanted?.every((domains) => domains.size === 0) && required.every((term) => term.isAbout(pod));
      return (node) => {
        if (wanted && !isNear(node, { required, wanted, isFirst: isFirst ?? false })) return affinityFailure;
        for (const [i, term] of requiredAnti.entries()) {
          const domain = node.labels[term.topologyKey];
          if (domain !== undefined && unwanted[i]?.has(domain)) return antiAffinityFailure;
        }
        for (const [key, domains] of forbidden) {
          const domain = node.labels[key];
          if (domain !== undefined && domains.has(domain)) return existingAntiAffinityFailure;
        }
        return null;
      };
    },
    couldHelp(pod, event) {
      const { required, requiredAnti } = terms.of(pod);
      switch (event.kind) {
        case 'nodeAdded':
          return true;
        case 'nodeUpdated':
          return JSON.stringify(event.node.metadata.labels) !== JSON.stringify(event.old.metadata.labels);
        case 'nodeDeleted':
        case 'volumesChanged':
          return false;
        case 'podAdded':
          return required.some((term) => term.isAbout(event.pod));
        case 'podUpdated':
          return (
            required.some((term) => term.isAbout(event.pod)) || requiredAnti.some((term) => term.isAbout(event.old))
          );
        case 'podDeleted':
          // The last of a group that is wanted nearby makes the next one the first.
          return (
            required.some((term) => term.isAbout(event.pod)) ||
            requiredAnti.some((term) => term.isAbout(event.pod)) ||
            terms.of(event.pod).requiredAnti.some((term) => term.isAbout(pod))
          );
      }
    },
  };
}

const affinityFailure = { reasons: ["node(s) didn't match pod affinity rules"], unresolvable: true };
const antiAffinityFailure = { reasons: ["node(s) didn't match pod anti-affinity rules"] };
const existingAntiAffinityFailure = { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"] };

function isNear(
  node: NodeInfo,
  { required, wanted, isFirst }: { required: readonly PodTerm[]; wanted: readonly Set<string>[]; isFirst: boolean },
): boolean {
  for (const [i, { topologyKey }] of required.entries()) {
    const domain = node.labels[topologyKey];
    if (domain === undefined || (!isFirst && !wanted[i]?.has(domain))) return false;
  }
  return true;
}

/** For each term, the domains with a pod that matches all terms: one that matches some of them does not count. */
function wantedDomains(terms: readonly PodTerm[], snapshot: Snapshot): Set<string>[] {
  const [first] = terms as readonly [PodTerm];
  const question: PodQuestion =
    terms.length === 1
      ? first
      : {
          key: `all of ${terms.map(({ key }) => key).join(' and ')}`,
          namespaces: first.namespaces,
          matches: (other) => terms.every((term) => term.isAbout(other)),
        };
  return terms.map((term) => domainsWith(term, question, snapshot));
}

/** The values of the term's topology key on nodes with a pod that answers the question. */
function domainsWith(term: PodTerm, question: PodQuestion, snapshot: Snapshot): Set<string> {
  const domains = new Set<string>();
  for (const name of snapshot.count(question).keys()) {
    const domain = snapshot.node(name)?.labels[term.topologyKey];
    if (domain !== undefined) domains.add(domain);
  }
  return domains;
}

/** By topology key, the domains where a running pod's anti-affinity keeps `pod` away. */
function forbiddenDomains(pod: Pod, snapshot: Snapshot): Map<string, Set<string>> {
  const forbidden = new Map<string, Set<string>>();
  for (const { use, term, nodes } of snapshot.terms) {
    if (use !== 'requiredAnti' || !term.isAbout(pod)) continue;
    const domains = forbidden.get(term.topologyKey) ?? new Set<string>();
    for (const name of nodes.keys()) {
      const domain = snapshot.node(name)?.labels[term.topologyKey];
      if (domain !== undefined) domains.add(domain);
    }
    if (domains.size > 0) forbidden.set(term.topologyKey, domains);
  }
  return forbidden;
}
