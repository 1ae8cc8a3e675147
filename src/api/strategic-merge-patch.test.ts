import { describe, expect, it } from 'vitest';
import { seededRandom, type Random } from '../base/random.ts';
import { deepFreeze } from './object.ts';
import { ApiError } from './status.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const podType = 'io.k8s.api.core.v1.Pod';
const deploymentType = 'io.k8s.api.apps.v1.Deployment';
const serviceType = 'io.k8s.api.core.v1.Service';

const apply = (document: unknown, patch: unknown, type = podType) =>
  applyStrategicMergePatch<unknown>(deepFreeze(document), deepFreeze(patch), type);

const containers = (...list: unknown[]) => ({ spec: { containers: list } });

describe('applyStrategicMergePatch', () => {
  it('merges containers by name, the patch items in front where nothing says otherwise', () => {
    const live = containers({ name: 'a', image: '1', env: [{ name: 'X', value: '1' }] }, { name: 'b', image: '1' });
    const patch = containers({ name: 'b', image: '2' }, { name: 'c', image: '3' });
    expect(apply(live, patch)).toEqual(
      containers(
        { name: 'a', image: '1', env: [{ name: 'X', value: '1' }] },
        { name: 'b', image: '2' },
        {
          name: 'c',
          image: '3',
        },
      ),
    );
    expect(apply(live, containers({ name: 'c' }))).toEqual(
      containers({ name: 'c' }, ...(live.spec.containers as object[])),
    );
  });

  it('merges nested lists and removes fields by null', () => {
    const live = containers({ name: 'a', command: ['x'], env: [{ name: 'X', value: '1' }, { name: 'Y' }] });
    const patch = containers({ name: 'a', command: null, env: [{ name: 'Y', value: '2' }] });
    expect(apply(live, patch)).toEqual(
      containers({
        name: 'a',
        env: [
          { name: 'X', value: '1' },
          { name: 'Y', value: '2' },
        ],
      }),
    );
  });

  it('replaces lists without a merge key as a whole', () => {
    const live = { spec: { tolerations: [{ key: 'a' }] } };
    expect(apply(live, { spec: { tolerations: [{ key: 'b' }] } })).toEqual({ spec: { tolerations: [{ key: 'b' }] } });
    expect(apply(containers({ name: 'a', args: ['1', '2'] }), containers({ name: 'a', args: ['3'] }))).toEqual(
      containers({ name: 'a', args: ['3'] }),
    );
  });

  it('deletes and replaces with $patch', () => {
    const live = containers({ name: 'a' }, { name: 'b' }, { name: 'c' });
    expect(apply(live, containers({ name: 'b', $patch: 'delete' }))).toEqual(containers({ name: 'a' }, { name: 'c' }));
    expect(apply(live, containers({ $patch: 'replace' }, { name: 'z' }))).toEqual(containers({ name: 'z' }));
    expect(
      apply({ metadata: { labels: { a: '1' } } }, { metadata: { labels: { $patch: 'replace', b: '2' } } }),
    ).toEqual({
      metadata: { labels: { b: '2' } },
    });
    expect(apply({ metadata: { labels: { a: '1' } } }, { metadata: { labels: { $patch: 'delete' } } })).toEqual({
      metadata: { labels: {} },
    });
  });

  it('orders by $setElementOrder', () => {
    const live = containers({ name: 'a', image: '1' }, { name: 'sidecar' }, { name: 'b', image: '1' });
    const patch = {
      spec: {
        '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }],
        containers: [{ name: 'c' }, { name: 'b', image: '2' }],
      },
    };
    expect(apply(live, patch)).toEqual(
      containers({ name: 'c' }, { name: 'sidecar' }, { name: 'b', image: '2' }, { name: 'a', image: '1' }),
    );
  });

  it('orders without changes, and refuses changes in another order', () => {
    const live = containers({ name: 'a' }, { name: 'b' });
    const order = [{ name: 'b' }, { name: 'a' }];
    expect(apply(live, { spec: { '$setElementOrder/containers': order } })).toEqual(
      containers({ name: 'b' }, { name: 'a' }),
    );
    const wrong = { '$setElementOrder/containers': order, containers: [{ name: 'a' }, { name: 'b' }] };
    expect(() => apply(live, { spec: wrong })).toThrow(/doesn't match \$setElementOrder list/);
  });

  it('merges and deletes in lists of primitives', () => {
    const live = { metadata: { finalizers: ['a', 'b'] } };
    expect(apply(live, { metadata: { finalizers: ['c', 'a'] } })).toEqual({
      metadata: { finalizers: ['c', 'a', 'b'] },
    });
    expect(apply(live, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } })).toEqual({
      metadata: { finalizers: ['b'] },
    });
    const both = {
      '$setElementOrder/finalizers': ['c', 'b'],
      '$deleteFromPrimitiveList/finalizers': ['a'],
      finalizers: ['c'],
    };
    expect(apply(live, { metadata: both })).toEqual({ metadata: { finalizers: ['c', 'b'] } });
  });

  it('keeps only what $retainKeys names', () => {
    const live = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    expect(apply(live, patch, deploymentType)).toEqual({ spec: { strategy: { type: 'Recreate' } } });
    const wrong = { spec: { strategy: { $retainKeys: ['type'], rollingUpdate: {} } } };
    expect(() => apply(live, wrong, deploymentType)).toThrow('invalid patch format of retainKeys');
  });

  it('switches the source of a volume, as kubectl apply does', () => {
    const live = { spec: { volumes: [{ name: 'v', emptyDir: {} }] } };
    const patch = { spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] } };
    expect(apply(live, patch)).toEqual({ spec: { volumes: [{ name: 'v', hostPath: { path: '/x' } }] } });
  });

  it('tells numbers from strings in merge keys', () => {
    const live = { spec: { ports: [{ port: 80, name: 'http' }] } };
    expect(apply(live, { spec: { ports: [{ port: 80, nodePort: 30080 }] } }, serviceType)).toEqual({
      spec: { ports: [{ port: 80, name: 'http', nodePort: 30080 }] },
    });
  });

  it('merges maps, and fields that the type does not know like a plain merge patch', () => {
    expect(apply({ metadata: { labels: { a: '1', b: '2' } } }, { metadata: { labels: { b: null, c: '3' } } })).toEqual({
      metadata: { labels: { a: '1', c: '3' } },
    });
    expect(apply({ x: { y: [1], z: 1 } }, { x: { y: [2], z: null } }, 'no.such.Type')).toEqual({ x: { y: [2] } });
  });

  it('drops nulls and directives from what is taken over whole', () => {
    const patch = containers({
      name: 'a',
      command: null,
      '$setElementOrder/env': [{ name: 'X' }],
      env: [{ name: 'X' }],
    });
    expect(apply({}, patch)).toEqual(containers({ name: 'a', env: [{ name: 'X' }] }));
  });

  it('refuses in the words of upstream', () => {
    const live = containers({ name: 'a' });
    const refusal = (patch: unknown): [number, string] => {
      try {
        apply(live, patch);
      } catch (error) {
        if (error instanceof ApiError) return [error.code, error.message];
      }
      return [0, ''];
    };
    expect(refusal(containers({ image: 'x' }))).toEqual([
      500,
      'map: map[image:x] does not contain declared merge key: name',
    ]);
    expect(refusal(containers({ name: 'a', $patch: 'melt' }))[1]).toBe(
      'unknown patch type: melt in map: map[$patch:melt name:a]',
    );
    expect(refusal([])).toEqual([400, 'invalid JSON document']);
    expect(refusal({ metadata: { '$deleteFromPrimitiveList/finalizers': 'a' } })[0]).toBe(0);
    expect(refusal({ spec: { '$setElementOrder/containers': 'a' } })).toEqual([
      400,
      'invalid patch format of setElementOrder list',
    ]);
  });

  it('keeps every item exactly once and repeats without effect, whatever the lists', () => {
    const random = seededRandom(11);
    for (let i = 0; i < 500; i++) {
      const live = deepFreeze(containers(...randomItems(random, 'l')));
      const patch = deepFreeze(containers(...randomItems(random, 'p')));
      const once = apply(live, patch) as { spec: { containers: { name: string; image: string }[] } };
      const names = once.spec.containers.map(({ name }) => name);
      const expected = new Set(
        [...live.spec.containers, ...patch.spec.containers].map((c) => (c as { name: string }).name),
      );
      expect(new Set(names)).toEqual(expected);
      expect(names.length).toBe(expected.size);
      for (const item of patch.spec.containers) expect(once.spec.containers).toContainEqual(item);
      const again = apply(once, patch) as typeof once;
      expect(new Set(again.spec.containers)).toEqual(new Set(once.spec.containers));
    }
  });
});

function randomItems(random: Random, image: string): object[] {
  const names = ['a', 'b', 'c', 'd', 'e'].filter(() => random.int(2) === 0);
  return names
    .map((name) => ({ name, image, rank: random.int(100) }))
    .toSorted((x, y) => x.rank - y.rank)
    .map(({ name }) => ({ name, image }));
}
