import { existsSync, type FSWatcher, lstatSync, readdirSync, watch } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { CliError } from './errors.ts';

export interface TreeWatcherOptions {
  /**
   * Absolute path of a file or directory that changed, came (then `isNew`) or went. One change may be told several
   * times.
   */
  onChange: (path: string, isNew: boolean) => void;
  /** A directory that came later and cannot be watched. */
  onError: (error: Error) => void;
  /** Absolute paths that nobody wants to hear of; nothing below them is looked at. */
  ignores?: (path: string) => boolean;
}

/**
 * Tells of changes at and below files and directories, one watch for each directory. Node's own recursive watching
 * watches the files themselves on Linux and loses those that editors replace by renaming
 * (https://github.com/nodejs/node/issues/48437); a directory tells of what becomes of its names. Links are not followed.
 */
export class TreeWatcher {
  readonly #options: TreeWatcherOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  /** What there is in each directory. */
  readonly #names = new Map<string, Set<string>>();
  /** Of what holds the roots, which may be replaced as well. */
  readonly #holders: FSWatcher[] = [];

  /** Throws {@link CliError} when a root cannot be watched. */
  constructor(roots: readonly string[], options: TreeWatcherOptions) {
    this.#options = options;
    const names = new Map<string, Set<string>>();
    for (const root of roots.map((each) => resolve(each))) {
      const parent = dirname(root);
      names.set(parent, new Set([...(names.get(parent) ?? []), basename(root)]));
    }
    try {
      for (const [parent, wanted] of names) this.#hold(parent, wanted);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    for (const each of [...this.#holders, ...this.#watchers.values()]) each.close();
    this.#watchers.clear();
    this.#names.clear();
    this.#holders.length = 0;
  }

  #hold(parent: string, wanted: ReadonlySet<string>): void {
    const holder = open(parent, (event, name) => {
      if (name !== null && wanted.has(name)) this.#seen(parent, event, name);
    });
    if (!holder) throw new CliError(`there is no directory ${parent}`);
    this.#holders.push(holder);
    for (const name of wanted) if (isDirectory(join(parent, name))) this.#add(join(parent, name), false);
  }

  #add(directory: string, isNew: boolean): void {
    if (this.#watchers.has(directory)) return;
    const watcher = open(directory, (event, name) => name !== null && this.#seen(directory, event, name));
    if (!watcher) return;
    this.#watchers.set(directory, watcher);
    const names = new Set<string>();
    this.#names.set(directory, names);
    // Looked into only now: what comes meanwhile is told twice rather than never.
    for (const entry of entriesOf(directory)) {
      const path = join(directory, entry.name);
      if (this.#options.ignores?.(path)) continue;
      names.add(entry.name);
      if (isNew) this.#options.onChange(path, true);
      if (entry.isDirectory()) this.#add(path, isNew);
    }
  }

  #seen(directory: string, event: string, name: string): void {
    const path = join(directory, name);
    if (this.#options.ignores?.(path) || isAboutItself(directory, event, name)) return;
    try {
      if (event === 'rename') this.#drop(path);
      this.#options.onChange(path, this.#isNew(directory, name));
      if (isDirectory(path)) this.#add(path, true);
    } catch (error) {
      this.#options.onError(error as Error);
    }
  }

  #isNew(directory: string, name: string): boolean {
    const names = this.#names.get(directory);
    const isNew = names?.has(name) === false;
    if (existsSync(join(directory, name))) names?.add(name);
    else names?.delete(name);
    return isNew;
  }

  #drop(path: string): void {
    for (const [directory, watcher] of this.#watchers) {
      if (directory !== path && !directory.startsWith(path + sep)) continue;
      watcher.close();
      this.#watchers.delete(directory);
      this.#names.delete(directory);
    }
  }
}

/** A directory tells of itself by its own name, which its parent tells too (libuv, `uv_fs_event_start`). */
function isAboutItself(directory: string, event: string, name: string): boolean {
  if (name !== basename(directory) || existsSync(join(directory, name))) return false;
  return event === 'change' || !existsSync(directory);
}

/** Undefined: there is no such directory (any more). */
function open(directory: string, onEvent: (event: string, name: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, onEvent);
    // It ends with its directory; the parent tells of that.
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const hint = { hint: 'The limit is fs.inotify.max_user_watches (sysctl); directories that are ignored need none.' };
    throw new CliError(`${directory} cannot be watched: ${message}`, code === 'ENOSPC' ? hint : {});
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}
