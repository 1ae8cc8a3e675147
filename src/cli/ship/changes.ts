import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { clock } from '../context.ts';
import { TreeWatcher } from '../tree-watcher.ts';

/** Files that are saved together are looked at together. */
const quietMs = 150;

/** The files that change, collected until somebody asks. Paths are relative to the project. */
export class Changes {
  /** Told, once no more of them come, of all paths that nobody has asked for yet. */
  onSettled: ((paths: readonly string[]) => void | Promise<void>) | undefined;
  readonly #root: string;
  readonly #onError: (error: Error) => void;
  /** Since they were asked for last, with whether they were new then. */
  readonly #paths = new Map<string, boolean>();
  /** Digests of what was told last: what is written anew as it was is no change. */
  #known = new Map<string, string>();
  /** Changed while somebody was at work, who asks for them now. */
  #due: string[] = [];
  #watcher: TreeWatcher | undefined;
  #cancel: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #isSettled = false;

  constructor(root: string, onError: (error: Error) => void) {
    this.#root = root;
    this.#onError = onError;
  }

  /** Whether {@link next} has something at once. */
  get areDue(): boolean {
    return this.#due.length > 0;
  }

  /** Looks at other places from now on; what has changed already is kept. */
  watch(roots: readonly string[], ignores: (path: string) => boolean): void {
    const before = this.#watcher;
    this.#watcher = new TreeWatcher(roots, {
      ignores,
      onError: this.#onError,
      onChange: (path, isNew) => this.#add(relative(this.#root, path), isNew),
    });
    before?.close();
  }

  /** Paths that changed since the last time, once no more of them come. Rejects when it is called off. */
  async next(signal: AbortSignal): Promise<string[]> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener('abort', wake);
    try {
      for (;;) {
        signal.throwIfAborted();
        const paths = [...this.#due.splice(0), ...(this.#isSettled ? await this.#take() : [])];
        if (paths.length > 0) return paths;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /**
   * Ends a time of work, whose own writing is told once at most. After a failure everything that is saved from now on
   * is a change, as it is how a person asks for another attempt.
   */
  async endWork({ hasFailed }: { hasFailed: boolean }): Promise<void> {
    const paths = new Set(this.#paths.keys());
    this.#due.push(...(await this.#take()));
    if (hasFailed) this.#known = new Map([...this.#known].filter(([path]) => paths.has(path)));
  }

  /** Those of the paths that are not as they were told last. What an editor makes and takes away at once is none. */
  async differing(paths: readonly string[]): Promise<string[]> {
    const asked = new Map(paths.map((path) => [path, this.#paths.get(path) ?? false]));
    return [...(await this.#digests(asked)).keys()];
  }

  close(): void {
    this.#cancel?.();
    this.#watcher?.close();
  }

  async #take(): Promise<string[]> {
    const taken = new Map(this.#paths);
    this.#paths.clear();
    const digests = await this.#digests(taken);
    for (const [path, digest] of digests) this.#known.set(path, digest);
    return [...digests.keys()];
  }

  /** Of those that differ. */
  async #digests(paths: ReadonlyMap<string, boolean>): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const [path, isNew] of paths) {
      const digest = await digestOf(join(this.#root, path));
      const before = this.#known.get(path) ?? (isNew ? nothing : undefined);
      if (digest !== before) found.set(path, digest);
    }
    return found;
  }

  #add(path: string, isNew: boolean): void {
    if (!this.#paths.has(path)) this.#paths.set(path, isNew);
    this.#isSettled = false;
    this.#cancel?.();
    this.#cancel = clock.setTimer(quietMs, () => {
      this.#isSettled = true;
      void this.onSettled?.([...this.#paths.keys()]);
      this.#wake?.();
    });
  }
}

const nothing = 'nothing';

/** Of what is at a path, with who may run it. */
async function digestOf(path: string): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile()) return info ? 'directory' : nothing;
  const content = await readFile(path).catch(() => undefined);
  if (!content) return nothing;
  return `${info.mode} ${createHash('sha256').update(content).digest('hex')}`;
}
