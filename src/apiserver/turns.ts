/** So many requests are begun in one turn of the event loop. */
const perTurn = 8;

/**
 * Has requests that arrive together begin a few at a time. Otherwise all of them are read before anybody learns that
 * the first ones' writes are on the disk: every client waits for the last one, and the server then for all clients.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #begun = 0;
  #isScheduled = false;

  /** Begins at once where nobody waits, else in a later turn, in order. */
  take(begin: () => void): void {
    this.#schedule();
    if (this.#begun >= perTurn || this.#waiting.length > 0) {
      this.#waiting.push(begin);
      return;
    }
    this.#begun++;
    begin();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    this.#isScheduled = false;
    const due = this.#waiting.splice(0, perTurn);
    this.#begun = due.length;
    if (due.length > 0) this.#schedule();
    for (const begin of due) begin();
  };
}
