import { expect, it } from 'vitest';
import { planToken } from './token-controller.ts';

const account = { metadata: { name: 'robot', namespace: 'default', uid: 'u1' } };
const name = { 'kubernetes.io/service-account.name': 'robot' };
const secret = (annotations: Record<string, string>, data = {}) => ({
  type: 'kubernetes.io/service-account-token',
  metadata: { name: 't', annotations },
  data,
});

it('fills token Secrets, and removes those whose account is gone or another', () => {
  const filled = { token: 'dA==', namespace: 'bnM=', 'ca.crt': 'Y2E=' };
  const mine = { ...name, 'kubernetes.io/service-account.uid': 'u1' };
  expect(planToken(secret(name), account, 'Y2E=')).toEqual({ kind: 'fill', account });
  expect(planToken(secret(mine, filled), account, 'Y2E=')).toEqual({ kind: 'none' });
  expect(planToken(secret(mine, filled), account, 'bmV3')).toEqual({ kind: 'fill', account });
  expect(planToken(secret(name), undefined, 'Y2E=')).toEqual({ kind: 'remove' });
  const other = { ...name, 'kubernetes.io/service-account.uid': 'u0' };
  expect(planToken(secret(other), account, 'Y2E=')).toEqual({ kind: 'remove' });
  expect(planToken({ ...secret(name), type: 'Opaque' }, undefined, 'Y2E=')).toEqual({ kind: 'none' });
});
