import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { configMap } from './config-map.ts';
import { secret } from './secret.ts';

const encode = (text: string) => Buffer.from(text).toString('base64');

function make(fields: object): AnyObject {
  const object: AnyObject = { metadata: { name: 'a', namespace: 'default' }, ...fields };
  secret.defaults?.(object);
  return object;
}

function messages(found: { field?: string; message?: string }[] | undefined): string[] {
  return (found ?? []).map(({ field, message }) => `${field}: ${message}`);
}

describe('secrets', () => {
  it('take stringData into data, where it wins, and are opaque', () => {
    const object = make({ data: { a: encode('old'), b: encode('kept') }, stringData: { a: 'new' } });
    expect(object).toEqual({
      metadata: { name: 'a', namespace: 'default' },
      data: { a: encode('new'), b: encode('kept') },
      type: 'Opaque',
    });
  });

  it.each([
    ['kubernetes.io/tls', ['data[tls.crt]: Required value', 'data[tls.key]: Required value']],
    ['kubernetes.io/ssh-auth', ['data[ssh-privatekey]: Required value']],
    ['kubernetes.io/dockerconfigjson', ['data[.dockerconfigjson]: Required value']],
    ['kubernetes.io/basic-auth', ['data[username]: Required value', 'data[password]: Required value']],
    [
      'kubernetes.io/service-account-token',
      ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
    ],
    ['example.com/any', []],
  ])('of type %s must hold their keys', (type, expected) => {
    expect(messages(secret.validate?.(make({ type })))).toEqual(expected);
  });

  it('hold no more than a mebibyte, under proper keys', () => {
    const found = messages(secret.validate?.(make({ stringData: { 'a b': 'x'.repeat(1024 * 1024 + 1) } })));
    expect(found[0]).toMatch(/^data\[a b\]: Invalid value: "a b": a valid config key must consist of/);
    expect(found[1]).toBe('data: Too long: may not be more than 1048576 bytes');
  });

  it('never change their type, nor their data once immutable', () => {
    const old = make({ immutable: true, data: { a: encode('1') } });
    const found = messages(secret.validateUpdate?.(make({ type: 'x/y', data: { a: encode('2') } }), old, ''));
    expect(found).toEqual([
      'type: Invalid value: "x/y": field is immutable',
      'immutable: Forbidden: field is immutable when `immutable` is set',
      'data: Forbidden: field is immutable when `immutable` is set',
    ]);
  });
});

describe('config maps', () => {
  it('count both kinds of data in their column', () => {
    const object = { metadata: { name: 'a' }, data: { a: '1' }, binaryData: { b: encode('2') } };
    expect(configMap.columns?.[1]?.value(object, 0)).toBe(2);
  });

  it('refuse a key in both kinds of data', () => {
    const object = { metadata: { name: 'a' }, data: { a: '1' }, binaryData: { a: encode('2') } };
    expect(messages(configMap.validate?.(object))).toEqual([
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
    ]);
  });

  it('hold no more than a mebibyte', () => {
    const object = { metadata: { name: 'a' }, data: { a: 'x'.repeat(1024 * 1024 + 1) } };
    expect(messages(configMap.validate?.(object))).toEqual(['[]: Too long: may not be more than 1048576 bytes']);
  });
});
