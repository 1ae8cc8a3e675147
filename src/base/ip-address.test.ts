import { describe, expect, it } from 'vitest';
import { familyOf, ipOfNumber, numberOfIp, parseIpBlock, isIpInBlock } from './ip-address.ts';

describe('an IP address', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['10.96.255.1', '10.96.255.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:1::0', 'fd00:0:0:1::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['fd12:1345:1678:2::a', 'fd12:1345:1678:2::a'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ])('%s is a number, and its canonical text %s', (text, canonical) => {
    expect(ipOfNumber(numberOfIp(text), familyOf(text))).toBe(canonical);
  });

  it('belongs to ranges, whose host bits do not matter', () => {
    expect(parseIpBlock('10.96.3.4/16')).toEqual({
      family: 'IPv4',
      first: numberOfIp('10.96.0.0'),
      size: 65_536n,
      prefix: 16,
    });
    expect(parseIpBlock('fd00::5/120')).toMatchObject({ family: 'IPv6', first: numberOfIp('fd00::'), size: 256n });
    for (const wrong of ['10.96.0.0', '10.96.0.0/33', 'web/16', 'fd00::/129', '10.0.0.0/', '10.0.0.0/8/8']) {
      expect(parseIpBlock(wrong)).toBeUndefined();
    }
  });

  it('is in a range of its family, or not', () => {
    expect(isIpInBlock('10.96.255.255', '10.96.3.4/16')).toBe(true);
    expect(isIpInBlock('10.97.0.0', '10.96.0.0/16')).toBe(false);
    expect(isIpInBlock('fd00::ff', 'fd00::/120')).toBe(true);
    for (const other of ['::/0', '0.0.0.0', 'web/16']) expect(isIpInBlock('10.96.0.1', other)).toBe(false);
  });
});
