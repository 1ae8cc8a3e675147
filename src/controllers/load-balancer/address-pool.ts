import { familyOf, type IpFamily, ipOfNumber, numberOfIp, parseIpBlock } from '../../base/ip-address.ts';

/** Addresses out of one range, each given to one holder only; the lowest free one first. */
export class AddressPool {
  readonly family: IpFamily;
  readonly #first: bigint;
  readonly #last: bigint;
  readonly #holders = new Map<string, string>();

  /** `cidr`: `10.90.0.0/24`. Its first and last address are nobody's, unless it has no more than two. */
  constructor(cidr: string) {
    const block = parseIpBlock(cidr);
    if (!block) throw new Error(`${cidr} is no range of addresses`);
    const { family, first, size } = block;
    const edge = size > 2n ? 1n : 0n;
    this.family = family;
    this.#first = first + edge;
    this.#last = first + size - 1n - edge;
  }

  has(address: string): boolean {
    if (familyOf(address) !== this.family) return false;
    const value = numberOfIp(address);
    return value >= this.#first && value <= this.#last;
  }

  /** Whether `holder` has the address now: it was free, or its own already. */
  take(address: string, holder: string): boolean {
    if (!this.has(address) || (this.#holders.get(address) ?? holder) !== holder) return false;
    this.#holders.set(address, holder);
    return true;
  }

  /** The one that the holder has, else the lowest free one; undefined: none is left. */
  takeAny(holder: string): string | undefined {
    for (const [address, by] of this.#holders) if (by === holder) return address;
    for (let value = this.#first; value <= this.#last; value++) {
      const address = ipOfNumber(value, this.family);
      if (this.#holders.has(address)) continue;
      this.#holders.set(address, holder);
      return address;
    }
    return undefined;
  }

  /** Everything of `holder` but `except` is free; answers whether that was anything. */
  release(holder: string, except?: string): boolean {
    const own = [...this.#holders].filter(([address, by]) => by === holder && address !== except);
    for (const [address] of own) this.#holders.delete(address);
    return own.length > 0;
  }
}
