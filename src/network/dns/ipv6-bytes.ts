import { isIPv6 } from 'node:net';

/** The 16 bytes of an IPv6 address in any of its forms (RFC 4291, 2.2); zeros for what is none. */
export function ipv6Bytes(ip: string): Buffer {
  if (!isIPv6(ip)) return Buffer.alloc(16);
  const [head = '', tail] = ip.split('::');
  const groups = (text: string): number[] =>
    text.split(':').flatMap((group) => {
      if (!group.includes('.')) return group === '' ? [] : [Number.parseInt(group, 16)];
      const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
      return [(a << 8) | b, (c << 8) | d];
    });
  const [first, last] = [groups(head), tail === undefined ? [] : groups(tail)];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => 0);
  const bytes = Buffer.alloc(16);
  [...first, ...zeros, ...last].forEach((group, i) => bytes.writeUInt16BE(group, i * 2));
  return bytes;
}
