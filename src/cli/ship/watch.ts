import { type FSWatcher, watch as watchDirectory } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { ignoreRules } from '../../delivery/pipeline/build-context.ts';
import { type IgnoreRules, parseIgnore } from '../../delivery/pipeline/docker-ignore.ts';
import { planChange } from '../../delivery/pipeline/watch-plan.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { describeFailure } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { openForward } from './forward.ts';
import { loadShipProject, type ShipProject } from './project.ts';
import { type ShipFlags, shipOnce } from './ship.ts';
import { syncFiles } from './sync.ts';
import type { ShipTarget } from './target.ts';

/** Files that are saved together are looked at together. */
const quietMs = 150;

/** Ships, and then again whenever a file of it changes, until Ctrl-C. What fails is told, and the next save is waited for. */
export async function watchProject(
  target: ShipTarget,
  { project, flags }: { project: ShipProject; flags: ShipFlags },
): Promise<void> {
  const forwards = await Promise.all(project.file.watch.forward.map((forward) => openForward(target, forward)));
  try {
    await interruptible(async (signal) => {
      const changes = new Changes(project.directory, watchedDirectories(project));
      try {
        await followChanges(target, { project, flags, signal, changes });
      } finally {
        changes.close();
      }
    });
  } catch (error) {
    // Ctrl-C is how watching ends.
    if (!(error instanceof CliError && error.message === 'interrupted')) throw error;
  } finally {
    for (const server of forwards) server.close();
  }
}

interface Following {
  project: ShipProject;
  flags: ShipFlags;
  signal: AbortSignal;
  changes: Changes;
}

async function followChanges(target: ShipTarget, { project, flags, signal, changes }: Following): Promise<void> {
  let current = project;
  let images = await attempt(target, () => shipOnce(target, { project: current, flags, signal }));
  for (;;) {
    target.say('Watching; Ctrl-C ends it.');
    const paths = await changes.next(signal);
    const plan = planChange(paths, {
      file: current.file,
      fileName: basename(flags.file ?? 'timonel.yaml'),
      ignored: await ignoredOf(current),
      unwatched: parseIgnore(current.file.watch.ignore.join('\n')),
    });
    if (plan.kind === 'nothing') continue;
    if (plan.kind === 'sync' && images && (await synced(target, { ...plan, directory: project.directory, images })))
      continue;
    const shipped = await attempt(target, async () => {
      current = await loadShipProject(flags.file);
      return shipOnce(target, { project: current, flags, signal });
    });
    signal.throwIfAborted();
    images = shipped ?? images;
  }
}

/** What cannot be copied is built into a new image. */
async function synced(target: ShipTarget, options: Parameters<typeof syncFiles>[1]): Promise<boolean> {
  return (await attempt(target, async () => (await syncFiles(target, options), true))) ?? false;
}

async function attempt<T>(target: ShipTarget, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    for (const line of describeFailure(error).lines) target.say(line);
    return undefined;
  }
}

function watchedDirectories({ file, directory }: ShipProject): string[] {
  const contexts = file.images.map(({ context }) => resolve(directory, context));
  return [directory, ...contexts.filter((each) => relative(directory, each).startsWith('..'))];
}

async function ignoredOf({ file, directory }: ShipProject): Promise<Map<string, IgnoreRules>> {
  const found = new Map<string, IgnoreRules>();
  for (const { key, context, dockerfile } of file.images) {
    const root = resolve(directory, context);
    found.set(key, await ignoreRules(root, resolve(directory, dockerfile ?? join(context, 'Dockerfile'))));
  }
  return found;
}

/** The files that change, collected until somebody asks. */
class Changes {
  readonly #watchers: FSWatcher[];
  readonly #paths = new Set<string>();
  #cancel: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #isSettled = false;

  constructor(root: string, directories: readonly string[]) {
    this.#watchers = directories.map((directory) =>
      watchDirectory(directory, { recursive: true }, (_, name) => {
        this.#paths.add(relative(root, join(directory, name ?? '')));
        this.#isSettled = false;
        this.#cancel?.();
        this.#cancel = clock.setTimer(quietMs, () => {
          this.#isSettled = true;
          this.#wake?.();
        });
      }),
    );
  }

  /** Paths that changed since the last time, once no more of them come. Rejects when it is called off. */
  async next(signal: AbortSignal): Promise<string[]> {
    while (!this.#isSettled || this.#paths.size === 0) {
      signal.throwIfAborted();
      await new Promise<void>((resolveNext) => {
        this.#wake = resolveNext;
        signal.addEventListener('abort', () => resolveNext(), { once: true });
      });
    }
    signal.throwIfAborted();
    const paths = [...this.#paths];
    this.#paths.clear();
    return paths;
  }

  close(): void {
    this.#cancel?.();
    for (const watcher of this.#watchers) watcher.close();
  }
}
