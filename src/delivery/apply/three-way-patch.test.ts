import { describe, expect, it } from 'vitest';
import { applyMergePatch } from '../../api/merge-patch.ts';
import { applyStrategicMergePatch } from '../../api/strategic-merge-patch.ts';
import { mergeThreeWayPatch, strategicThreeWayPatch } from './three-way-patch.ts';

const deployment = 'io.k8s.api.apps.v1.Deployment';
const containers = (...items: object[]): object => ({ spec: { template: { spec: { containers: items } } } });

function applied(lastApplied: unknown, live: unknown, wanted: unknown): unknown {
  const patch = strategicThreeWayPatch({ lastApplied, live, wanted }, deployment);
  return patch === undefined ? 'unchanged' : applyStrategicMergePatch(live, patch, deployment);
}

describe('a strategic three-way patch', () => {
  it('leaves alone what the server or somebody else put there', () => {
    const wanted = containers({ name: 'web', image: 'web:1' });
    const live = {
      ...containers({ name: 'web', image: 'web:1', imagePullPolicy: 'Always' }, { name: 'sidecar', image: 's' }),
      status: { replicas: 1 },
    };
    expect(applied(wanted, live, wanted)).toBe('unchanged');
  });

  it('takes away what was applied and is not wanted any more, in maps and in keyed lists', () => {
    const last = {
      metadata: { labels: { a: '1', b: '2' } },
      ...containers({ name: 'web', image: 'web:1', command: ['x'] }, { name: 'old', image: 'o' }),
    };
    const live = {
      metadata: { labels: { a: '1', b: '2', theirs: 'x' } },
      ...containers({ name: 'web', image: 'web:1', command: ['x'] }, { name: 'old', image: 'o' }, { name: 'theirs' }),
    };
    const wanted = { metadata: { labels: { a: '3' } }, ...containers({ name: 'web', image: 'web:2' }) };
    expect(applied(last, live, wanted)).toEqual({
      metadata: { labels: { a: '3', theirs: 'x' } },
      ...containers({ name: 'web', image: 'web:2' }, { name: 'theirs' }),
    });
  });

  it('mends what was changed by hand', () => {
    const wanted = { spec: { replicas: 3 } };
    expect(applied(wanted, { spec: { replicas: 7, paused: true } }, wanted)).toEqual({
      spec: { replicas: 3, paused: true },
    });
  });

  it('puts new items where the manifest has them', () => {
    const last = containers({ name: 'a' }, { name: 'b' });
    const wanted = containers({ name: 'b' }, { name: 'new', image: 'n' }, { name: 'a' });
    expect(applied(last, last, wanted)).toEqual(wanted);
  });

  it('replaces a list with two items of one key as a whole', () => {
    const port = (containerPort: number, protocol: string): object => ({ containerPort, protocol });
    const live = containers({ name: 'dns', ports: [port(53, 'TCP'), port(53, 'UDP')] });
    const wanted = containers({ name: 'dns', ports: [port(53, 'UDP'), port(80, 'TCP')] });
    expect(applied(live, live, wanted)).toEqual(wanted);
    expect(applied(live, live, live)).toBe('unchanged');
  });

  it('keeps only the keys that are wanted where the type says so', () => {
    const last = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const live = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } };
    const wanted = { spec: { strategy: { type: 'Recreate' } } };
    expect(applied(last, live, wanted)).toEqual(wanted);
  });

  it('merges lists of scalars as sets', () => {
    const last = { metadata: { finalizers: ['a', 'b'] } };
    const live = { metadata: { finalizers: ['a', 'b', 'theirs'] } };
    expect(applied(last, live, { metadata: { finalizers: ['a', 'c'] } })).toEqual({
      metadata: { finalizers: ['a', 'c', 'theirs'] },
    });
  });

  it('takes a null for a wish that the field goes', () => {
    expect(applied({}, { spec: { replicas: 2, paused: true } }, { spec: { replicas: null } })).toEqual({
      spec: { paused: true },
    });
  });
});

describe('a three-way merge patch', () => {
  it('replaces lists, and takes away what is not wanted any more', () => {
    const lastApplied = { spec: { rules: [{ a: 1 }], mode: 'x' } };
    const live = { spec: { rules: [{ a: 1 }], mode: 'x', theirs: true } };
    const wanted = { spec: { rules: [{ a: 2 }] } };
    const patch = mergeThreeWayPatch({ lastApplied, live, wanted });
    expect(patch).toEqual({ spec: { rules: [{ a: 2 }], mode: null } });
    expect(applyMergePatch(live, patch)).toEqual({ spec: { rules: [{ a: 2 }], theirs: true } });
    expect(mergeThreeWayPatch({ lastApplied: wanted, live, wanted: { spec: { theirs: true } } })).toEqual({
      spec: { rules: null },
    });
    expect(mergeThreeWayPatch({ lastApplied, live, wanted: lastApplied })).toBeUndefined();
  });
});
