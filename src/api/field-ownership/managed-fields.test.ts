import { describe, expect, it } from 'vitest';
import { cronTabDefinition } from '../../../test/support/custom-resources.ts';
import { customKinds } from '../custom-resources/custom-kind.ts';
import { service } from '../kinds/core/service.ts';
import type { KindVersion } from '../kind.ts';
import type { AnyObject } from '../object.ts';
import { objectShape } from './field-shape.ts';
import { fieldsOf } from './fields-of.ts';
import { applyConfiguration, formatManaged, parseManaged, trackUpdate, type ManagedEntry } from './managed-fields.ts';

const custom = objectShape(customKinds(cronTabDefinition())[0]?.version as KindVersion, 'main');
const now = '2026-01-01T00:00:00Z';
const by = (manager: string, operation: 'Apply' | 'Update' = 'Apply'): Omit<ManagedEntry, 'time' | 'fields'> => ({
  manager,
  operation,
  apiVersion: 'v1',
  subresource: '',
});
const cronTab = (spec: object): AnyObject => ({ apiVersion: 'x/v1', kind: 'CronTab', metadata: { name: 'a' }, spec });
const apply = (live: AnyObject | undefined, spec: object, entries: readonly ManagedEntry[] = [], manager = 'one') =>
  applyConfiguration({
    live,
    configuration: cronTab(spec),
    entries,
    by: by(manager),
    shape: custom,
    force: false,
    now,
  });

describe('managed fields', () => {
  it('are read back as they were written', () => {
    const entries: ManagedEntry[] = [
      { ...by('a "quoted" \\ one'), time: now, fields: '{"f:a":{"k:{\\"name\\":\\"}\\"}":{".":{}}}}' },
      { ...by('b', 'Update'), subresource: 'status', time: now, fields: '{"f:b":{}}' },
    ];
    expect(parseManaged(formatManaged(entries))).toMatchObject(entries);
    expect(formatManaged(parseManaged(formatManaged(entries)))).toBe(formatManaged(entries));
    expect(JSON.parse(formatManaged(entries))).toMatchObject([
      { manager: 'a "quoted" \\ one', fieldsV1: { 'f:a': {} } },
      { manager: 'b', subresource: 'status' },
    ]);
  });

  it('know the keys of lists, with what a missing key stands for', () => {
    const shape = objectShape(service.versions[0] as KindVersion, 'main');
    const object = { metadata: { name: 'a' }, spec: { ports: [{ port: 80 }], selector: { a: 'b' } } };
    expect(fieldsOf(object, shape, 'applied')).toEqual({
      'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } }, 'f:selector': {} },
    });
  });

  it('keep no more than ten who wrote', () => {
    let entries: readonly ManagedEntry[] = [];
    let old = cronTab({ free: {} });
    for (let i = 0; i < 15; i++) {
      const next = cronTab({ free: { ...(old.spec as { free: object }).free, [`f${i}`]: i } });
      const time = `2026-01-01T00:00:${String(i).padStart(2, '0')}Z`;
      entries = trackUpdate({ entries, by: by(`m${i}`, 'Update'), shape: custom, old, next, now: time });
      old = next;
    }
    expect(entries).toHaveLength(10);
    expect(entries.map(({ manager }) => manager)).toContain('ancient-changes');
  });
});

describe('applying a custom resource', () => {
  it('merges its sets and maps of items, and takes back what one applied', () => {
    const first = apply(undefined, { cronSpec: 'a', tags: ['x', 'y'], steps: [{ name: 's', run: '1' }] });
    const second = apply(first.object, { tags: ['z'], steps: [{ name: 't' }] }, first.entries, 'two');
    expect(second.object.spec).toEqual({
      cronSpec: 'a',
      tags: ['x', 'y', 'z'],
      steps: [{ name: 's', run: '1' }, { name: 't' }],
    });
    const third = apply(second.object, { cronSpec: 'a', tags: ['y'] }, second.entries);
    expect(third.object.spec).toEqual({ cronSpec: 'a', tags: ['y', 'z'], steps: [{ name: 't' }] });
  });

  it('divides what has no schema by its maps', () => {
    const first = apply(undefined, { cronSpec: 'a', free: { a: { b: 1 }, list: [1] } });
    const second = apply(first.object, { free: { a: { c: 2 } } }, first.entries, 'two');
    expect(second.object.spec).toMatchObject({ free: { a: { b: 1, c: 2 }, list: [1] } });
    expect(() => apply(second.object, { free: { list: [2] } }, second.entries, 'two')).toThrow(
      'Apply failed with 1 conflict: conflict with "one": .spec.free.list',
    );
  });
});
