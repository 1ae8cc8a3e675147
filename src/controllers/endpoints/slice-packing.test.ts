import { expect, it } from 'vitest';
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.ts';
import { packSlices, type SliceChanges } from './slice-packing.ts';

const ports = [{ name: '', protocol: 'TCP', port: 80 }];
const blank: EndpointSlice = { metadata: { generateName: 'web-', labels: { managed: 'yes' } }, addressType: 'IPv4' };
const endpoint = (i: number, ready = true): Endpoint => ({
  addresses: [`10.0.0.${i}`],
  conditions: { ready },
  targetRef: { uid: `uid-${i}` },
});
const range = (from: number, to: number): Endpoint[] => Array.from({ length: to - from }, (_, i) => endpoint(from + i));
const slice = (name: string, endpoints: Endpoint[], over: Partial<EndpointSlice> = {}): EndpointSlice => ({
  ...blank,
  metadata: { ...blank.metadata, name },
  endpoints,
  ports,
  ...over,
});
const pack = (existing: EndpointSlice[], endpoints: Endpoint[], maxEndpoints = 4): SliceChanges =>
  packSlices({ existing, groups: [{ ports, endpoints }], maxEndpoints, blank });
const counts = ({ create, update, remove }: SliceChanges) => ({
  create: create.map((s) => s.endpoints?.length),
  update: update.map((s) => [s.metadata.name, s.endpoints?.length]),
  remove: remove.map((s) => s.metadata.name),
});

it('fills slices up to the limit', () => {
  expect(counts(pack([], range(0, 10)))).toEqual({ create: [4, 4, 2], update: [], remove: [] });
});

it('changes nothing when everything is said', () => {
  expect(counts(pack([slice('a', range(0, 3))], range(0, 3)))).toEqual({ create: [], update: [], remove: [] });
});

it('touches only the slice whose endpoint changed', () => {
  const desired = [endpoint(0, false), ...range(1, 6)];
  expect(counts(pack([slice('a', range(0, 3)), slice('b', range(3, 6))], desired))).toEqual({
    create: [],
    update: [['a', 3]],
    remove: [],
  });
});

it('puts new endpoints where a change happens anyway, else into the fullest that takes them', () => {
  const slices = [slice('a', range(0, 3)), slice('b', range(3, 5))];
  expect(counts(pack(slices, [...range(1, 5), endpoint(9)])).update).toEqual([['a', 3]]);
  expect(counts(pack(slices, range(0, 6))).update).toEqual([['a', 4]]);
});

it('removes slices that became empty, and keeps one for a service without endpoints', () => {
  const slices = [slice('a', range(0, 2)), slice('b', range(2, 4))];
  expect(counts(pack(slices, range(2, 4))).remove).toEqual(['a']);
  const emptied = pack(slices, []);
  expect(counts(emptied)).toEqual({ create: [], update: [['a', 0]], remove: ['b'] });
  expect(emptied.update[0]?.ports).toEqual([]);
  const placeholder = slice('p', [], { ports: [] });
  expect(counts(pack([placeholder], []))).toEqual({ create: [], update: [], remove: [] });
  expect(counts(pack([placeholder], range(0, 1)))).toEqual({ create: [], update: [['p', 1]], remove: [] });
});

it('brings labels up to date', () => {
  const old = slice('a', range(0, 1), { metadata: { name: 'a', labels: { managed: 'yes', gone: 'x' } } });
  expect(pack([old], range(0, 1)).update[0]?.metadata.labels).toEqual({ managed: 'yes' });
});
