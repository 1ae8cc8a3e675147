import { familyOf, type IpFamily, ipOfNumber, numberOfIp, parseIpBlock } from '../base/ip-address.ts';
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

/** Offsets beyond this are never used: more services than a cluster can hold. */
const largestRange = 1n << 20n;

/** The addresses of one range, as offsets from its first. */
export class IpRange {
  readonly cidr: string;
  readonly family: IpFamily;
  readonly #base: bigint;
  readonly #pool: NumberPool;

  /** Throws a sentence for what is no range. */
  constructor(cidr: string, random: Random) {
    const block = parseIpBlock(cidr);
    if (!block || block.size < 4n) {
      throw new Error(`${cidr} is not a range of addresses for services, such as 10.96.0.0/12`);
    }
    this.cidr = cidr;
    this.family = block.family;
    this.#base = block.first;
    const size = Number(block.size < largestRange ? block.size : largestRange);
    const lowerBand = Math.min(Math.max(16, Math.floor(size / 16)), 256);
    // The network's own address and, for IPv4, the broadcast address are nobody's.
    const last = this.family === 'IPv4' ? size - 2 : size - 1;
    this.#pool = new NumberPool({ first: 1, last, lowerBand: size > 32 ? lowerBand : 0, random });
  }

  /** The first address: the API server's own. */
  get first(): string {
    return ipOfNumber(this.#base + 1n, this.family);
  }

  take(address: string): AllocationProblem | undefined {
    return this.#pool.take(this.#offset(address));
  }

  takeAny(): string | undefined {
    const offset = this.#pool.takeAny();
    return offset === undefined ? undefined : ipOfNumber(this.#base + BigInt(offset), this.family);
  }

  release(address: string): void {
    this.#pool.release(this.#offset(address));
  }

  #offset(address: string): number {
    if (familyOf(address) !== this.family) return -1;
    const offset = numberOfIp(address) - this.#base;
    return offset > 0n && offset < largestRange ? Number(offset) : -1;
  }
}

/** The address that clients inside the cluster reach the API server at: the first of the services' range. */
export function firstServiceAddress(serviceCidr: string): string {
  const [cidr = ''] = serviceCidr.split(',');
  const block = parseIpBlock(cidr.trim());
  if (!block) throw new Error(`${cidr} is not a range of addresses for services`);
  return ipOfNumber(block.first + 1n, block.family);
}
