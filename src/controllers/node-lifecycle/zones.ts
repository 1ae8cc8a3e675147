import type { Node } from '../../api/types/core-v1.ts';
import type { ControllerSettings } from '../settings.ts';
import { readiness } from './health.ts';
import { regionLabel, zoneLabel } from '../../api/well-known.ts';

/** How a zone is doing: all of it down may well mean that it is us who cannot see it. */
export type ZoneState = 'normal' | 'partial' | 'full';

export interface Zones {
  states: ReadonlyMap<string, ZoneState>;
  sizes: ReadonlyMap<string, number>;
  /** Every zone is down: nobody is evicted. */
  allDown: boolean;
}

export function zoneOf(node: Node): string {
  const labels = node.metadata.labels ?? {};
  return `${labels[regionLabel] ?? ''}:${labels[zoneLabel] ?? ''}`;
}

export function zonesOf(nodes: Iterable<Node>, settings: ControllerSettings): Zones {
  const counts = new Map<string, { ready: number; notReady: number }>();
  for (const node of nodes) {
    const zone = zoneOf(node);
    const count = counts.get(zone) ?? { ready: 0, notReady: 0 };
    count[readiness(node) === 'True' ? 'ready' : 'notReady']++;
    counts.set(zone, count);
  }
  const states = new Map([...counts].map(([zone, count]) => [zone, stateOf(count, settings.unhealthyZoneThreshold)]));
  const sizes = new Map([...counts].map(([zone, { ready, notReady }]) => [zone, ready + notReady]));
  return { states, sizes, allDown: states.size > 0 && [...states.values()].every((state) => state === 'full') };
}

/** Nodes of this zone that may lose their pods each second. */
export function evictionRate(zones: Zones, zone: string, settings: ControllerSettings): number {
  if (zones.allDown) return 0;
  if (zones.states.get(zone) !== 'partial') return settings.nodeEvictionRate;
  const isLarge = (zones.sizes.get(zone) ?? 0) > settings.largeClusterSizeThreshold;
  return isLarge ? settings.secondaryNodeEvictionRate : 0;
}

function stateOf({ ready, notReady }: { ready: number; notReady: number }, threshold: number): ZoneState {
  if (ready === 0 && notReady > 0) return 'full';
  return notReady > 2 && notReady / (ready + notReady) >= threshold ? 'partial' : 'normal';
}
