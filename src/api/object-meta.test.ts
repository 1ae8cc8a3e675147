import { describe, expect, it } from 'vitest';
import { duplicate, forbidden, invalidValue, notSupported, required, tooLong, tooMany } from './field-errors.ts';
import { dns1035Label } from './names.ts';
import { validateAnnotations, validateLabels, validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';
import type { ObjectMeta } from './types/meta-v1.ts';

const fields = (meta: ObjectMeta, namespaced = false) =>
  validateObjectMeta(meta, { namespaced }).map(({ field, reason }) => `${field} ${reason}`);

describe('field errors', () => {
  it('read as upstream writes them', () => {
    expect(
      [
        required('a', ''),
        required('a', 'why'),
        invalidValue('a', 'x"y', 'why'),
        invalidValue('a', 5, 'why'),
        invalidValue('a', { b: [1] }, 'why'),
        invalidValue('a', undefined, 'why'),
        notSupported('a', 'x', ['A', 'B']),
        duplicate('a', 'x'),
        forbidden('a', 'why'),
        tooLong('a', 1),
        tooMany('a', 5, 3),
      ].map(({ message }) => message),
    ).toEqual([
      'Required value',
      'Required value: why',
      'Invalid value: "x\\"y": why',
      'Invalid value: 5: why',
      'Invalid value: {"b":[1]}: why',
      'Invalid value: null: why',
      'Unsupported value: "x": supported values: "A", "B"',
      'Duplicate value: "x"',
      'Forbidden: why',
      'Too long: may not be more than 1 byte',
      'Too many: 5: must have at most 3 items',
    ]);
  });
});

describe('validateObjectMeta', () => {
  it('accepts good metadata', () => {
    const meta: ObjectMeta = {
      name: 'web-1.x',
      namespace: 'default',
      generateName: 'web-',
      labels: { 'app.kubernetes.io/name': 'x', empty: '' },
      annotations: { 'Example.COM/Any_Thing': '\u0000 anything' },
      finalizers: ['kubernetes', 'a.b/c'],
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'x', uid: '1', controller: true }],
    };
    expect(fields(meta, true)).toEqual([]);
  });

  it('wants a name, and a namespace where one belongs', () => {
    expect(fields({}, true)).toEqual(['metadata.name FieldValueRequired', 'metadata.namespace FieldValueRequired']);
    expect(fields({ name: 'a', namespace: 'b' })).toEqual(['metadata.namespace FieldValueForbidden']);
    expect(fields({ name: 'A', namespace: 'B' }, true)).toEqual([
      'metadata.name FieldValueInvalid',
      'metadata.namespace FieldValueInvalid',
    ]);
  });

  it('takes the rule of the kind for names, and lets a generated name end with a dash', () => {
    const rule = { namespaced: false, validateName: dns1035Label };
    expect(validateObjectMeta({ name: '1a' }, rule)).toHaveLength(1);
    expect(validateObjectMeta({ name: 'a', generateName: 'web-' }, rule)).toEqual([]);
    expect(validateObjectMeta({ name: 'a', generateName: '-' }, rule)).toHaveLength(1);
  });

  it('checks labels, annotations, finalizers and owners', () => {
    expect(validateLabels({ 'a/b/c': 'x', ok: '-' }, 'p').map(({ field }) => field)).toEqual(['p', 'p']);
    expect(validateAnnotations({ 'a b': '' }, 'p')).toHaveLength(1);
    expect(validateAnnotations({ a: 'x'.repeat(256 * 1024) }, 'p')[0]?.message).toBe(
      'Too long: may not be more than 262144 bytes',
    );
    expect(fields({ name: 'a', finalizers: ['not qualified/'] })).not.toEqual([]);
    expect(fields({ name: 'a', finalizers: ['orphan', 'foregroundDeletion'] })).toHaveLength(1);
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'x', uid: '1', controller: true };
    expect(fields({ name: 'a', ownerReferences: [{ ...owner, uid: '' }] })).toHaveLength(1);
    expect(
      validateObjectMeta({ name: 'a', ownerReferences: [owner, owner] }, { namespaced: false })[0]?.message,
    ).toMatch(/Only one reference can have Controller set to true. Found "true" in references for Pod\/x and Pod\/x$/);
  });
});

describe('validateObjectMetaUpdate', () => {
  it('keeps identity, and adds no finalizers to what is being deleted', () => {
    const old: ObjectMeta = { name: 'a', uid: '1', generation: 3, finalizers: ['x'] };
    expect(validateObjectMetaUpdate({ ...old, labels: {} }, old)).toEqual([]);
    expect(validateObjectMetaUpdate({ ...old, uid: '2', generation: 2 }, old).map(({ field }) => field)).toEqual([
      'metadata.generation',
      'metadata.uid',
    ]);
    const dying = { ...old, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(validateObjectMetaUpdate({ ...dying, finalizers: ['x', 'b', 'a'] }, dying)[0]?.message).toBe(
      'Forbidden: no new finalizers can be added if the object is being deleted, ' +
        'found new finalizers []string{"a", "b"}',
    );
    expect(validateObjectMetaUpdate({ ...dying, finalizers: [] }, dying)).toEqual([]);
  });
});
