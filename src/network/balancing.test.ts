import { describe, expect, it } from 'vitest';
import { algorithmOf, parseWeights } from '../api/load-balancing.ts';
import type { Service } from '../api/types/core-v1.ts';
import { hashTable, rotation, sharesOf } from './balancing.ts';

function weighted(weights: string, groups: Record<string, string> = {}): Service {
  const annotations = { 'timonel.dev/weights': weights, 'timonel.dev/weight-groups': JSON.stringify(groups) };
  return { metadata: { name: 'web', namespace: 'default', annotations } };
}

describe('spreading', () => {
  it('is round robin unless an annotation says otherwise', () => {
    expect(algorithmOf({ metadata: { name: 'a' } })).toBe('round-robin');
    expect(algorithmOf(weighted('a:1'))).toBe('weighted');
    const annotations = { 'timonel.dev/load-balancing': 'source-ip-hash' };
    expect(algorithmOf({ metadata: { name: 'a', annotations } })).toBe('source-ip-hash');
  });

  it('reads weights of names and of labels, and leaves out what is none', () => {
    expect(parseWeights('version=v1:90, version=v2:10,web-0:3,x,y:-1')).toEqual([
      { of: 'version=v1', weight: 90 },
      { of: 'version=v2', weight: 10 },
      { of: 'web-0', weight: 3 },
    ]);
  });

  it("divides a label's weight among its pods", () => {
    const service = weighted('version=v1:90,version=v2:10', { a: 'version=v1', b: 'version=v1', c: 'version=v2' });
    expect(sharesOf(service, ['a', 'b', 'c'])).toEqual([0.45, 0.45, 0.1]);
    expect(sharesOf(service, ['a', 'c', undefined])).toEqual([0.9, 0.1, 0]);
    expect(sharesOf(weighted('other:1'), ['a', 'b'])).toEqual([0.5, 0.5]);
  });

  it('rotates in exact proportion and well mixed', () => {
    const slots = rotation([0.9, 0.1]);
    expect(slots).toHaveLength(10);
    expect(slots.filter((slot) => slot === 1)).toHaveLength(1);
    expect(rotation([0.5, 0.25, 0.25])).toEqual([0, 1, 2, 0]);
    const thirds = rotation([1 / 3, 1 / 3, 1 / 3]);
    for (const i of [0, 1, 2]) expect(thirds.filter((slot) => slot === i).length / thirds.length).toBeCloseTo(1 / 3, 2);
    expect(rotation([0, 1])).toEqual([1]);
  });

  it('moves only the clients of an endpoint that is gone', () => {
    const names = Array.from({ length: 10 }, (_, i) => `10.244.1.${i + 2}:80`);
    const before = hashTable(names);
    const after = hashTable(names.slice(1));
    const moved = before.filter((owner, slot) => names[owner] !== names[(after[slot] as number) + 1]).length;
    expect(moved).toBe(before.filter((owner) => owner === 0).length);
    for (let i = 0; i < 10; i++) {
      const share = before.filter((owner) => owner === i).length / before.length;
      expect(share).toBeGreaterThan(0.07);
      expect(share).toBeLessThan(0.13);
    }
  });
});
