import { quantityToMilli } from '../../api/quantity.ts';
import type { Node, Service } from '../../api/types/core-v1.ts';
import type { Endpoint } from '../../api/types/discovery-v1.ts';
import { zoneLabel } from '../../api/well-known.ts';

/** Why endpoints get no hints, in the words of upstream's events. */
type Refusal =
  | 'Nodes do not have enough information: at least two zones, and a zone for each'
  | 'There are fewer endpoints than zones'
  | 'Some zone would be overloaded by more than 20 percent';

/** Share of the machines' processors in each zone; of all zones together 1. */
type ZoneShares = ReadonlyMap<string, number>;

const annotations = ['service.kubernetes.io/topology-mode', 'service.kubernetes.io/topology-aware-hints'];
const excluded = [
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
  'node.kubernetes.io/exclude-from-external-load-balancers',
];
/** How much more than its share a zone's endpoints may get. */
const overload = 0.2;

/** Whether a service asks for topology aware routing (KEP-2433). */
export function wantsZoneHints({ metadata }: Service): boolean {
  return annotations.some((name) => metadata.annotations?.[name]?.toLowerCase() === 'auto');
}

/** What of a node counts for the shares: when it changes, hints may. */
export function zoneWeight({ metadata, status }: Node): { zone: string; cpu: number } | undefined {
  const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  if (!isReady || excluded.some((label) => metadata.labels?.[label] !== undefined)) return undefined;
  return { zone: metadata.labels?.[zoneLabel] ?? '', cpu: quantityToMilli(status?.allocatable?.['cpu'] ?? '0') };
}

/** By the processors of the nodes that are ready; undefined when one of them tells too little, or all are in one zone. */
export function zoneShares(nodes: Iterable<Node>): ZoneShares | undefined {
  const cpus = new Map<string, number>();
  for (const node of nodes) {
    const weight = zoneWeight(node);
    if (!weight) continue;
    if (weight.zone === '' || !(weight.cpu > 0)) return undefined;
    cpus.set(weight.zone, (cpus.get(weight.zone) ?? 0) + weight.cpu);
  }
  if (cpus.size < 2) return undefined;
  const total = [...cpus.values()].reduce((sum, cpu) => sum + cpu, 0);
  return new Map([...cpus].map(([zone, cpu]) => [zone, cpu / total]));
}

/**
 * Gives every ready endpoint the zone whose clients should use it, so that each zone has endpoints in proportion to its
 * processors: its own as far as possible, else those of zones that have more than their share. Pure.
 */
export function withZoneHints(endpoints: readonly Endpoint[], shares: ZoneShares | undefined): Endpoint[] | Refusal {
  if (!shares) return 'Nodes do not have enough information: at least two zones, and a zone for each';
  const ready = endpoints.filter(isReady);
  if (ready.length < shares.size) return 'There are fewer endpoints than zones';
  const need = new Map([...shares].map(([zone, share]) => [zone, Math.ceil((share * ready.length) / (1 + overload))]));
  if ([...need.values()].reduce((sum, count) => sum + count, 0) > ready.length) {
    return 'Some zone would be overloaded by more than 20 percent';
  }
  const zones = allot(ready, { shares, need });
  return endpoints.map((endpoint) => {
    const zone = zones.get(endpoint);
    return zone === undefined ? withoutHints(endpoint) : { ...endpoint, hints: { forZones: [{ name: zone }] } };
  });
}

function allot(
  ready: readonly Endpoint[],
  { shares, need }: { shares: ZoneShares; need: ReadonlyMap<string, number> },
): Map<Endpoint, string> {
  const given = new Map<string, Endpoint[]>([...shares.keys()].map((zone) => [zone, []]));
  // Whoever is in no zone that counts may go anywhere.
  const free: Endpoint[] = [];
  for (const endpoint of ready) (given.get(endpoint.zone ?? '') ?? free).push(endpoint);
  const surplus = (zone: string): number => (given.get(zone)?.length ?? 0) - (shares.get(zone) ?? 0) * ready.length;
  const zones = [...shares.keys()].toSorted();
  for (const endpoint of free) given.get(most(zones, (zone) => -surplus(zone)))?.push(endpoint);
  for (const zone of zones) {
    const own = given.get(zone) as Endpoint[];
    while (own.length < (need.get(zone) ?? 0)) {
      const giver = most(
        zones.filter((other) => (given.get(other)?.length ?? 0) > (need.get(other) ?? 0)),
        surplus,
      );
      own.push(given.get(giver)?.pop() as Endpoint);
    }
  }
  return new Map([...given].flatMap(([zone, list]) => list.map((endpoint) => [endpoint, zone] as const)));
}

function most(zones: readonly string[], measure: (zone: string) => number): string {
  return zones.reduce((best, zone) => (measure(zone) > measure(best) ? zone : best), zones[0] as string);
}

function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready ?? true;
}

function withoutHints(endpoint: Endpoint): Endpoint {
  const { hints: _, ...rest } = endpoint;
  return rest;
}
