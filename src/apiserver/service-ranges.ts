import { familyOf, type IpFamily } from '../base/ip-address.ts';
import type { Random } from '../base/random.ts';
import { type AllocationProblem, IpRange } from './ip-range.ts';

interface Member {
  range: IpRange;
  /** Nothing more is given out of it. */
  isLeaving: boolean;
}

/**
 * All ranges that services have addresses of: those that the server was started with, and those of ServiceCIDR objects
 * (KEP-1880). An address that lies in several is taken in all of them.
 */
export class ServiceRanges {
  readonly #random: Random;
  readonly #defaults: readonly Member[];
  /** By range, as its object spells it. */
  readonly #more = new Map<string, Member>();
  readonly #taken = new Set<string>();
  /** Each family's first range's first address: the API server's service's, whether that is there yet or not. */
  readonly #first = new Set<string>();

  constructor(cidrs: readonly string[], random: Random) {
    this.#random = random;
    this.#defaults = cidrs.map((cidr) => ({ range: new IpRange(cidr, random), isLeaving: false }));
  }

  /** Of the cluster, its default first. More ranges bring no more families. */
  get families(): IpFamily[] {
    return this.#defaults.map(({ range }) => range.family);
  }

  /** The ranges of a family, for a sentence. */
  named(family: IpFamily): string {
    return this.#of(family)
      .map(({ range }) => range.cidr)
      .join(', ');
  }

  keepFirst(): void {
    for (const { range } of this.#defaults) {
      this.#first.add(range.first);
      this.take(range.first);
    }
  }

  isFirst(address: string): boolean {
    return this.#first.has(address);
  }

  /** A range that cannot be used is left out: its object's validation is somebody else's. */
  add(cidr: string, { isLeaving }: { isLeaving: boolean }): void {
    const known = this.#more.get(cidr);
    if (known) known.isLeaving = isLeaving;
    if (known || this.#defaults.some(({ range }) => range.cidr === cidr)) return;
    let range: IpRange;
    try {
      range = new IpRange(cidr, this.#random);
    } catch {
      return;
    }
    for (const address of this.#taken) range.take(address);
    this.#more.set(cidr, { range, isLeaving });
  }

  remove(cidr: string): void {
    this.#more.delete(cidr);
  }

  take(address: string): AllocationProblem | undefined {
    const problems = this.#of(familyOf(address)).map(({ range }) => range.take(address));
    if (problems.every((problem) => problem?.kind === 'outOfRange')) return { kind: 'outOfRange' };
    if (problems.some((problem) => problem?.kind === 'taken')) return { kind: 'taken' };
    this.#taken.add(address);
    return undefined;
  }

  takeAny(family: IpFamily): string | undefined {
    for (const { range, isLeaving } of this.#of(family)) {
      const address = isLeaving ? undefined : range.takeAny();
      if (address === undefined) continue;
      for (const other of this.#of(family)) other.range.take(address);
      this.#taken.add(address);
      return address;
    }
    return undefined;
  }

  release(address: string): void {
    if (this.#first.has(address)) return;
    this.#taken.delete(address);
    for (const { range } of this.#of(familyOf(address))) range.release(address);
  }

  #of(family: IpFamily): Member[] {
    return [...this.#defaults, ...this.#more.values()].filter(({ range }) => range.family === family);
  }
}
