import { expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { certificateSigningRequest } from './certificate-signing-request.ts';

it('records the user that asks, whatever the body says', () => {
  const spec = { username: 'root', uid: 'x', groups: ['system:masters'], extra: { a: ['b'] }, request: '' };
  const made = (user: { name: string; groups: string[]; uid?: string; extra?: Record<string, string[]> }): unknown => {
    const object: AnyObject = { metadata: { name: 'csr' }, spec: { ...spec } };
    certificateSigningRequest.prepareForCreate?.(object, { now: 0, user });
    return object.spec;
  };
  expect(made({ name: 'ann', groups: ['dev'] })).toEqual({ username: 'ann', groups: ['dev'], request: '' });
  const user = { name: 'ann', uid: '7', groups: [], extra: { scopes: ['read'] } };
  expect(made(user)).toMatchObject({ username: 'ann', uid: '7', extra: { scopes: ['read'] } });
});
