import { isIPv4, isIPv6 } from 'node:net';
import type { Random } from '../base/random.ts';

/** What went wrong with an address or a port that was asked for. */
export type AllocationProblem = { kind: 'taken' } | { kind: 'outOfRange' } | { kind: 'full' };

/**
 * Numbers out of a range, each given away once. The lower band is left to those who ask for a certain number, as long
 * as the upper one has room (KEP-3070, KEP-3668).
 */
export class NumberPool {
  readonly #first: number;
  readonly #last: number;
  readonly #lowerBand: number;
  readonly #random: Random;
  readonly #taken = new Set<number>();

  constructor(options: { first: number; last: number; lowerBand: number; random: Random }) {
    this.#first = options.first;
    this.#last = options.last;
    this.#lowerBand = options.lowerBand;
    this.#random = options.random;
  }

  take(value: number): AllocationProblem | undefined {
    if (!Number.isInteger(value) || value < this.#first || value > this.#last) return { kind: 'outOfRange' };
    if (this.#taken.has(value)) return { kind: 'taken' };
    this.#taken.add(value);
    return undefined;
  }

  /** Any free number; undefined when there is none. */
  takeAny(): number | undefined {
    const upper = Math.min(this.#first + this.#lowerBand, this.#last);
    return this.#takeIn(upper, this.#last) ?? this.#takeIn(this.#first, upper - 1);
  }

  #takeIn(first: number, last: number): number | undefined {
    const size = last - first + 1;
    if (size <= 0) return undefined;
    const start = this.#random.int(size);
    for (let i = 0; i < size; i++) {
      const value = first + ((start + i) % size);
      if (this.#taken.has(value)) continue;
      this.#taken.add(value);
      return value;
    }
    return undefined;
  }

  release(value: number): void {
    this.#taken.delete(value);
  }
}

export type IpFamily = 'IPv4' | 'IPv6';

export function familyOf(address: string): IpFamily {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** Offsets beyond this are never used: more services than a cluster can hold. */
const largestRange = 2 ** 20;

/** The addresses of one range, as offsets from its first. */
export class IpRange {
  readonly cidr: string;
  readonly family: IpFamily;
  readonly #base: bigint;
  readonly #pool: NumberPool;

  /** Throws a sentence for what is no range. */
  constructor(cidr: string, random: Random) {
    const [address = '', prefix = ''] = cidr.split('/');
    const bits = isIPv4(address) ? 32 : 128;
    const length = Number(prefix);
    if ((!isIPv4(address) && !isIPv6(address)) || !/^\d+$/.test(prefix) || length > bits - 2) {
      throw new Error(`${cidr} is not a range of addresses for services, such as 10.96.0.0/12`);
    }
    this.cidr = cidr;
    this.family = familyOf(address);
    const size = Math.min(2 ** (bits - length), largestRange);
    this.#base = (toNumber(address) >> BigInt(bits - length)) << BigInt(bits - length);
    const lowerBand = Math.min(Math.max(16, Math.floor(size / 16)), 256);
    // The network's own address and, for IPv4, the broadcast address are nobody's.
    const last = this.family === 'IPv4' ? size - 2 : size - 1;
    this.#pool = new NumberPool({ first: 1, last, lowerBand: size > 32 ? lowerBand : 0, random });
  }

  /** The first address: the API server's own. */
  get first(): string {
    return fromNumber(this.#base + 1n, this.family);
  }

  take(address: string): AllocationProblem | undefined {
    return this.#pool.take(this.#offset(address));
  }

  takeAny(): string | undefined {
    const offset = this.#pool.takeAny();
    return offset === undefined ? undefined : fromNumber(this.#base + BigInt(offset), this.family);
  }

  release(address: string): void {
    this.#pool.release(this.#offset(address));
  }

  #offset(address: string): number {
    if (familyOf(address) !== this.family) return -1;
    const offset = toNumber(address) - this.#base;
    return offset > 0n && offset < BigInt(largestRange) ? Number(offset) : -1;
  }
}

/** The address that clients inside the cluster reach the API server at: the first of the services' range. */
export function firstServiceAddress(serviceCidr: string): string {
  const [cidr = ''] = serviceCidr.split(',');
  const [address = '', prefix = ''] = cidr.split('/');
  const family = familyOf(address);
  const hostBits = BigInt((family === 'IPv4' ? 32 : 128) - Number(prefix));
  return fromNumber(((toNumber(address) >> hostBits) << hostBits) + 1n, family);
}

function toNumber(address: string): bigint {
  if (!address.includes(':')) return BigInt(address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0));
  let text = address;
  const mapped = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (mapped) {
    const value = toNumber(mapped[2] as string);
    text = `${mapped[1]}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  }
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(Number.parseInt(group, 16) || 0), 0n);
}

/** IPv6 in its canonical form (RFC 5952). */
function fromNumber(value: bigint, family: IpFamily): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const text = groups.join(':');
  const zeros = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].toSorted((a, b) => b[0].length - a[0].length)[0];
  if (!zeros) return text;
  const before = text.slice(0, zeros.index);
  return `${before}::${text.slice(zeros.index + zeros[0].length).replace(/^:/, '')}`;
}
