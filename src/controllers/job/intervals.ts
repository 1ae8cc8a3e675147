/** Whole numbers as `status.completedIndexes` writes them: sorted intervals, `1,3-5,7`. Immutable. */
export class Intervals {
  /** Inclusive, sorted, with a gap between neighbours. */
  readonly #ranges: readonly (readonly [first: number, last: number])[];

  private constructor(ranges: readonly (readonly [number, number])[]) {
    this.#ranges = ranges;
  }

  static readonly none = new Intervals([]);

  /** Of a status or a rule; numbers from `limit` on, and what is not written as it should be, are left out. */
  static parse(text: string | undefined, limit: number): Intervals {
    if (!text) return Intervals.none;
    const ranges: [number, number][] = [];
    for (const part of text.split(',')) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (!match) continue;
      const first = Number(match[1]);
      const last = Math.min(Number(match[2] ?? match[1]), limit - 1);
      if (first <= last) ranges.push([first, last]);
    }
    return Intervals.#merged(ranges);
  }

  static of(numbers: Iterable<number>): Intervals {
    return Intervals.#merged([...numbers].map((number) => [number, number]));
  }

  static #merged(ranges: readonly (readonly [number, number])[]): Intervals {
    const merged: [number, number][] = [];
    for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
      const previous = merged.at(-1);
      if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
      else merged.push([first, last]);
    }
    return new Intervals(merged);
  }

  get size(): number {
    return this.#ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  has(number: number): boolean {
    return this.#ranges.some(([first, last]) => first <= number && number <= last);
  }

  union(other: Intervals): Intervals {
    return Intervals.#merged([...this.#ranges, ...other.#ranges]);
  }

  /** The first `count` numbers below `limit` that are not here. */
  firstMissing(count: number, limit: number): number[] {
    const missing: number[] = [];
    let next = 0;
    for (const [first, last] of [...this.#ranges, [limit, limit] as const]) {
      for (; next < Math.min(first, limit) && missing.length < count; next++) missing.push(next);
      next = last + 1;
    }
    return missing;
  }

  /** How many of `other` are here as well. */
  countOf(other: Intervals): number {
    let count = 0;
    for (const [first, last] of this.#ranges) {
      for (const [from, to] of other.#ranges) count += Math.max(0, Math.min(last, to) - Math.max(first, from) + 1);
    }
    return count;
  }

  /** Two neighbours are a list (`1,2`), three a range (`1-3`), as upstream writes them. */
  toString(): string {
    const parts = this.#ranges.map(([first, last]) => {
      if (first === last) return `${first}`;
      return last === first + 1 ? `${first},${last}` : `${first}-${last}`;
    });
    return parts.join(',');
  }
}
