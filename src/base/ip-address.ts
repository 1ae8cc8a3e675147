import { isIPv4, isIPv6 } from 'node:net';

export type IpFamily = 'IPv4' | 'IPv6';

export function familyOf(address: string): IpFamily {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** As URLs and lists of endpoints have it: `10.0.0.1:80`, `[fd00::1]:80`; names as they are. */
export function hostAndPort(host: string, port: number | string): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The address as a number; it must be one. */
export function numberOfIp(address: string): bigint {
  if (!address.includes(':')) return BigInt(address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0));
  let text = address;
  const mapped = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (mapped) {
    const value = numberOfIp(mapped[2] as string);
    text = `${mapped[1]}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  }
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(Number.parseInt(group, 16) || 0), 0n);
}

/** The canonical text: of IPv6 that of RFC 5952. */
export function ipOfNumber(value: bigint, family: IpFamily): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const text = groups.join(':');
  const zeros = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].toSorted((a, b) => b[0].length - a[0].length)[0];
  if (!zeros) return text;
  const before = text.slice(0, zeros.index);
  return `${before}::${text.slice(zeros.index + zeros[0].length).replace(/^:/, '')}`;
}

/** A range of addresses: from its first, with as many as `size` says. */
export interface IpBlock {
  family: IpFamily;
  first: bigint;
  size: bigint;
  prefix: number;
}

/** `10.96.0.0/12`, `fd00::/112`; host bits do not matter. Undefined for what is no range. */
export function parseIpBlock(cidr: string): IpBlock | undefined {
  const [address = '', length = '', ...rest] = cidr.split('/');
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : undefined;
  const prefix = Number(length);
  if (bits === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length) || prefix > bits) return undefined;
  const host = BigInt(bits - prefix);
  return { family: familyOf(address), first: (numberOfIp(address) >> host) << host, size: 1n << host, prefix };
}

/** Whether an address is in a range like `10.96.0.0/12`; never in one of the other family, or in what is no range. */
export function isIpInBlock(address: string, cidr: string): boolean {
  const block = parseIpBlock(cidr);
  if (!block || block.family !== familyOf(address)) return false;
  const number = numberOfIp(address);
  return number >= block.first && number < block.first + block.size;
}
