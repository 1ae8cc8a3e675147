import { isIPv6 } from 'node:net';
import { ipv6Bytes } from './ipv6-bytes.ts';

/** `1.2.3.4` -> `4.3.2.1.in-addr.arpa`; 32 nibbles under `ip6.arpa` for IPv6 (RFC 1035, 3596). */
export function reverseName(ip: string): string {
  if (!isIPv6(ip)) return `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
  return `${ipv6Bytes(ip).toString('hex').split('').reverse().join('.')}.ip6.arpa`;
}
