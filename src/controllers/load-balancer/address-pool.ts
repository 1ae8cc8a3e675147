/** IPv4 addresses out of one range, each given to one holder only; the lowest free one first. */
export class AddressPool {
  readonly #first: number;
  readonly #last: number;
  readonly #holders = new Map<string, string>();

  /** `cidr`: `10.90.0.0/24`. Its first and last address are nobody's, unless it has no more than two. */
  constructor(cidr: string) {
    const [address = '', prefix = '32'] = cidr.split('/');
    const size = 2 ** (32 - Number(prefix));
    const base = toNumber(address) - (toNumber(address) % size);
    const edge = size > 2 ? 1 : 0;
    this.#first = base + edge;
    this.#last = base + size - 1 - edge;
  }

  has(address: string): boolean {
    const value = toNumber(address);
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
      const address = fromNumber(value);
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

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function fromNumber(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
