import { describe, expect, it } from 'vitest';
import type { Node } from '../../api/types/core-v1.ts';
import type { Endpoint } from '../../api/types/discovery-v1.ts';
import { withZoneHints, zoneShares } from './zone-hints.ts';

const node = (name: string, zone: string | undefined, cpu = '4', status = 'True'): Node => ({
  metadata: { name, ...(zone && { labels: { 'topology.kubernetes.io/zone': zone } }) },
  status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status }] },
});
const endpoints = (zones: Record<string, number>): Endpoint[] =>
  Object.entries(zones).flatMap(([zone, count]) =>
    Array.from({ length: count }, (_, i) => ({
      addresses: [`${zone}-${i}`],
      conditions: { ready: true },
      ...(zone !== 'none' && { zone }),
    })),
  );
const counts = (hinted: ReturnType<typeof withZoneHints>): Record<string, number> | string => {
  if (typeof hinted === 'string') return hinted;
  const found: Record<string, number> = {};
  for (const { hints } of hinted) for (const { name } of hints?.forZones ?? []) found[name] = (found[name] ?? 0) + 1;
  return found;
};

describe('zones', () => {
  it('share as their ready nodes have processors', () => {
    const nodes = [node('a', 'a', '2'), node('b', 'b', '6'), node('c', 'c', '8', 'Unknown')];
    expect(zoneShares(nodes)).toEqual(
      new Map([
        ['a', 0.25],
        ['b', 0.75],
      ]),
    );
    expect(zoneShares([node('a', 'a'), node('b', 'b'), node('c', undefined)])).toBeUndefined();
    expect(zoneShares([node('a', 'a'), node('b', 'a')])).toBeUndefined();
  });
});

describe('hints for zones', () => {
  const thirds = zoneShares(['a', 'b', 'c'].map((zone) => node(zone, zone)));

  it('keep endpoints to their own zones where that is fair', () => {
    expect(counts(withZoneHints(endpoints({ a: 3, b: 3, c: 3 }), thirds))).toEqual({ a: 3, b: 3, c: 3 });
    expect(counts(withZoneHints(endpoints({ a: 4, b: 3, c: 3 }), thirds))).toEqual({ a: 4, b: 3, c: 3 });
  });

  it('give zones with too few what others have too much, and those without a zone where they are needed', () => {
    expect(counts(withZoneHints(endpoints({ a: 9 }), thirds))).toEqual({ a: 3, b: 3, c: 3 });
    expect(counts(withZoneHints(endpoints({ a: 5, b: 1, none: 3 }), thirds))).toEqual({ a: 3, b: 3, c: 3 });
  });

  it('are for ready endpoints alone', () => {
    const leaving = { addresses: ['x'], conditions: { ready: false }, zone: 'a', hints: { forZones: [{ name: 'a' }] } };
    const hinted = withZoneHints([...endpoints({ a: 1, b: 1, c: 1 }), leaving], thirds);
    expect(typeof hinted === 'string' ? hinted : hinted[3]?.hints).toBeUndefined();
  });

  it('are left out where they would harm', () => {
    expect(withZoneHints(endpoints({ a: 9 }), undefined)).toMatch(/enough information/);
    expect(withZoneHints(endpoints({ a: 2 }), thirds)).toMatch(/fewer endpoints/);
    expect(withZoneHints(endpoints({ a: 2, b: 2 }), thirds)).toMatch(/overloaded/);
  });
});
