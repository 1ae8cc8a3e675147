import type { Entry, Key } from './store.ts';

/** One key with every version of it that history still needs, oldest first. */
export interface Row {
  readonly key: Key;
  /** See {@link orderOf}. */
  readonly order: string;
  readonly versions: Version[];
  /** The newest version's entry; undefined when that is a deletion. */
  current: Entry | undefined;
}

export interface Version {
  readonly entry: Entry;
  readonly deleted: boolean;
}

const blockSize = 512;

/**
 * Rows in key order, in blocks that are small enough to insert into by moving a few hundred pointers: lists walk
 * arrays, and nothing needs balancing.
 */
export class OrderedRows {
  /** Never empty but for the first. */
  readonly #blocks: Row[][] = [[]];

  insert(row: Row): void {
    const at = this.#blockFor(row.order);
    const block = this.#blocks[at] as Row[];
    block.splice(lowerBound(block, row.order), 0, row);
    if (block.length > blockSize) this.#blocks.splice(at + 1, 0, block.splice(blockSize / 2));
  }

  remove(row: Row): void {
    const at = this.#blockFor(row.order);
    const block = this.#blocks[at] as Row[];
    const index = lowerBound(block, row.order);
    if (block[index] !== row) return;
    block.splice(index, 1);
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(at, 1);
  }

  /** Visits rows whose key starts with `prefix`, from the first after `after`, in order. */
  visit(prefix: string, after: Key | undefined, visitor: (row: Row) => void): void {
    const from = orderOf(after !== undefined && orderOf(after) > orderOf(prefix) ? after : prefix);
    let at = this.#blockFor(from);
    let index = lowerBound(this.#blocks[at] as Row[], from);
    for (; at < this.#blocks.length; at++, index = 0) {
      const block = this.#blocks[at] as Row[];
      for (; index < block.length; index++) {
        const row = block[index] as Row;
        if (!row.key.startsWith(prefix)) return;
        if (row.key !== after) visitor(row);
      }
    }
  }

  /** The last block that begins at or before `order`. */
  #blockFor(order: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      const [first] = this.#blocks[middle] as Row[];
      if ((first as Row).order <= order) low = middle;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(block: readonly Row[], order: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((block[middle] as Row).order < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * A string whose UTF-16 order is the key's UTF-8 order: the two differ only where surrogates meet U+E000 to U+FFFF, so
 * these trade places. The key itself in all but the rarest cases.
 */
export function orderOf(key: Key): string {
  if (!/[\ud800-\uffff]/.test(key)) return key;
  let order = '';
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    order += String.fromCharCode(unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
  }
  return order;
}
