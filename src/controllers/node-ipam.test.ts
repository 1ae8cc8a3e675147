import { expect, it } from 'vitest';
import { nextRange } from './node-ipam.ts';

it('gives the lowest free range', () => {
  expect(nextRange('10.244.0.0/16', 24, [])).toBe('10.244.0.0/24');
  expect(nextRange('10.244.0.0/16', 24, ['10.244.0.0/24', '10.244.2.0/24'])).toBe('10.244.1.0/24');
  expect(nextRange('10.244.0.0/16', 24, ['10.244.0.0/23', 'fd00::/64'])).toBe('10.244.2.0/24');
});

it('says when there is none left', () => {
  expect(nextRange('10.0.0.0/23', 24, ['10.0.0.0/24', '10.0.1.0/24'])).toBeUndefined();
});

it('does IPv6 as well', () => {
  expect(nextRange('fd00:10:244::/56', 64, ['fd00:10:244::/64'])).toBe('fd00:10:244:1::/64');
});
