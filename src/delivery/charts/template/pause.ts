/**
 * What a function throws when it cannot answer at once: rendering is synchronous, but a look-up in a cluster, or a part
 * of the program that is not loaded yet, is not. `wait` ends when the answer is there; then the rendering starts over,
 * and finds it.
 */
export class Pause extends Error {
  readonly wait: () => Promise<void>;
  constructor(wait: () => Promise<void>) {
    super('a function waits for its answer');
    this.name = 'Pause';
    this.wait = wait;
  }
}

/** Runs `render` until it needs to wait for nothing. It must start from fresh values each time: templates change them. */
export async function settle<T>(render: () => T): Promise<T> {
  for (;;) {
    try {
      return render();
    } catch (error) {
      if (!(error instanceof Pause)) throw error;
      await error.wait();
    }
  }
}
