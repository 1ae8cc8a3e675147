import { describe, expect, it } from 'vitest';
import { deployment, replicaSet } from '../../../test/support/objects.ts';
import { lastRevision, maxRevision, newSetAnnotations, revisionOf } from './annotations.ts';
import { setsToCleanUp } from './history.ts';
import { findNewSet, sameTemplate, templateHash, withHash } from './template-hash.ts';
import { revisionAnnotation } from '../../api/well-known.ts';

const revision = (name: string, number: number | bigint, replicas = 0) =>
  replicaSet(name, replicas, { metadata: { name, annotations: { [revisionAnnotation]: String(number) } } });

describe('the history of a deployment', () => {
  it('loses the oldest empty sets beyond the limit', () => {
    const old = [revision('c', 3), revision('a', 1), revision('b', 2, 1), revision('d', 4)];
    const d = deployment(3, { spec: { revisionHistoryLimit: 2 } });
    expect(setsToCleanUp(d, old).map((set) => set.metadata.name)).toEqual(['a']);
    expect(setsToCleanUp(deployment(3), old)).toEqual([]);
  });

  it('undoes to the revision before the last', () => {
    expect(lastRevision([revision('a', 1), revision('c', 3), revision('b', 2)])).toBe(2n);
    expect(lastRevision([revision('a', 1)])).toBe(0n);
  });

  it('remembers the revisions that a set had before', () => {
    const d = deployment(3, { metadata: { annotations: { note: 'x', [revisionAnnotation]: '4' } } });
    expect(newSetAnnotations(d, { [revisionAnnotation]: '2' }, 5n)).toEqual({
      note: 'x',
      [revisionAnnotation]: '5',
      'deployment.kubernetes.io/revision-history': '2',
    });
    expect(newSetAnnotations(d, { [revisionAnnotation]: '5' }, 5n)).toEqual({ note: 'x', [revisionAnnotation]: '5' });
  });
});

describe('revisions', () => {
  it('count on from any number of 64 bits', () => {
    const large = revision('a', 3546343826724305832n);
    expect(maxRevision([revision('b', 7), large])).toBe(3546343826724305832n);
    expect(revisionOf(revision('c', 10n ** 30n))).toBe(0n);
    const next = maxRevision([large]) + 1n;
    expect(newSetAnnotations(deployment(1), {}, next)[revisionAnnotation]).toBe('3546343826724305833');
  });
});

describe('the hash of a template', () => {
  const template = { metadata: { labels: { a: '1', b: '2' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };

  it('is ten safe letters, whatever the order of the fields', () => {
    const turned = { spec: { containers: [{ image: 'i', name: 'c' }] }, metadata: { labels: { b: '2', a: '1' } } };
    const hash = templateHash(template, undefined);
    expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
    expect(templateHash(turned, undefined)).toBe(hash);
    expect(templateHash(template, 1)).not.toBe(hash);
  });

  it('does not count when templates are compared', () => {
    expect(sameTemplate(template, withHash(template, 'abc'))).toBe(true);
    expect(sameTemplate(template, { ...template, metadata: { labels: { a: '1' } } })).toBe(false);
  });

  it('takes the oldest of two sets with the same template', () => {
    const at = (name: string, creationTimestamp: string) =>
      replicaSet(name, 1, { image: 'web:2', metadata: { name, creationTimestamp } });
    const sets = [at('younger', '2026-01-02T00:00:00Z'), at('older', '2026-01-01T00:00:00Z'), replicaSet('other', 1)];
    expect(findNewSet(deployment(1), sets)?.metadata.name).toBe('older');
  });
});
