/** A binary heap: the first by `isBefore` comes out first. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#siftUp(this.#items.length - 1);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.#removeAt(0);
    return first;
  }

  remove(item: T): void {
    const at = this.#items.indexOf(item);
    if (at >= 0) this.#removeAt(at);
  }

  clear(): void {
    this.#items.length = 0;
  }

  #removeAt(index: number): void {
    const last = this.#items.pop() as T;
    if (index === this.#items.length) return;
    this.#items[index] = last;
    this.#siftDown(index);
    this.#siftUp(index);
  }

  #siftUp(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #siftDown(start: number): void {
    const items = this.#items;
    let index = start;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const isRightFirst = right < items.length && this.#isBefore(items[right] as T, items[left] as T);
      const least = isRightFirst ? right : left;
      if (least >= items.length || !this.#swapIfBefore(least, index)) return;
      index = least;
    }
  }

  #swapIfBefore(a: number, b: number): boolean {
    const [first, second] = [this.#items[a] as T, this.#items[b] as T];
    if (!this.#isBefore(first, second)) return false;
    this.#items[a] = second;
    this.#items[b] = first;
    return true;
  }
}
