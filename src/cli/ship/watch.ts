import { basename, join, relative, resolve } from 'node:path';
import { ignoreRules } from '../../delivery/pipeline/build-context.ts';
import { type IgnoreRules, parseIgnore } from '../../delivery/pipeline/docker-ignore.ts';
import { mayMatter, planChange, type WatchedProject } from '../../delivery/pipeline/watch-plan.ts';
import { CliError } from '../errors.ts';
import { describeFailure } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { Changes } from './changes.ts';
import { type OpenForward, openForward } from './forward.ts';
import { loadShipProject, type ShipProject } from './project.ts';
import { type ShipFlags, shipOnce } from './ship.ts';
import { SupersededError } from './superseded.ts';
import { Syncing } from './sync.ts';
import type { ShipTarget } from './target.ts';

/** Ships, and then again whenever a file of it changes, until Ctrl-C. What fails is told, and the next save is waited for. */
export async function watchProject(
  target: ShipTarget,
  { project, flags }: { project: ShipProject; flags: ShipFlags },
): Promise<void> {
  try {
    await interruptible(async (signal) => {
      const watching = new Watching(target, { project, flags, signal });
      try {
        await watching.run();
      } finally {
        watching.close();
      }
    });
  } catch (error) {
    // Ctrl-C is how watching ends.
    if (!(error instanceof CliError && error.message === 'interrupted')) throw error;
  }
}

class Watching {
  #project: ShipProject;
  readonly #target: ShipTarget;
  readonly #flags: ShipFlags;
  readonly #signal: AbortSignal;
  readonly #changes: Changes;
  readonly #forwards = new Map<string, OpenForward>();
  /** What was read at the last time to know what is deployed, besides what the file names. */
  readonly #sources = new Set<string>();
  #watched: WatchedProject | undefined;
  #syncing: Syncing | undefined;

  constructor(
    target: ShipTarget,
    { project, flags, signal }: { project: ShipProject; flags: ShipFlags; signal: AbortSignal },
  ) {
    this.#project = project;
    this.#target = target;
    this.#flags = flags;
    this.#signal = signal;
    this.#changes = new Changes(project.directory, (error) => this.#tell(error));
  }

  async run(): Promise<void> {
    await this.#prepare();
    await this.#ship();
    for (;;) {
      this.#signal.throwIfAborted();
      if (!this.#changes.areDue) this.#target.say('Watching; Ctrl-C ends it.');
      const plan = planChange(await this.#changes.next(this.#signal), this.#watched as WatchedProject);
      if (plan.kind === 'nothing') continue;
      if (plan.kind === 'sync' && (await this.#sync(plan.files))) continue;
      this.#signal.throwIfAborted();
      if ((await this.#attempt(() => this.#reload())) !== undefined) await this.#ship();
    }
  }

  close(): void {
    this.#changes.close();
    for (const forward of this.#forwards.values()) forward.close();
  }

  /** Reads `timonel.yaml` again. The cluster and the namespace stay those of the start. */
  async #reload(): Promise<true> {
    const project = await loadShipProject(this.#flags.file);
    if (project.file.namespace !== this.#project.file.namespace && this.#flags.namespace === undefined) {
      throw new CliError('timonel.yaml names another namespace', { hint: 'End this with Ctrl-C, and start it again.' });
    }
    this.#project = project;
    await this.#prepare();
    return true;
  }

  /** Watches the files and opens the ports that the project has now. */
  async #prepare(): Promise<void> {
    const { file, directory } = this.#project;
    const watched: WatchedProject = {
      file,
      fileName: basename(this.#flags.file ?? 'timonel.yaml'),
      ignored: await ignoredOf(this.#project),
      unwatched: parseIgnore(file.watch.ignore.join('\n')),
      sources: new Set([...this.#sources].map((path) => relative(directory, path))),
    };
    this.#watched = watched;
    const roots = rootsOf(this.#project, this.#sources);
    this.#changes.watch(roots, (path) => !roots.includes(path) && !mayMatter(relative(directory, path), watched));
    const wanted = new Map(file.watch.forward.map((forward) => [JSON.stringify(forward), forward]));
    for (const [key, forward] of this.#forwards) {
      if (wanted.has(key)) continue;
      forward.close();
      this.#forwards.delete(key);
    }
    for (const [key, forward] of wanted) {
      if (!this.#forwards.has(key)) this.#forwards.set(key, await openForward(this.#target, forward));
    }
  }

  /** A save that needs a build ends what has not reached the cluster yet. */
  async #ship(): Promise<void> {
    const superseded = new AbortController();
    const watched = this.#watched as WatchedProject;
    const project = this.#project;
    // Tests on this machine may make files themselves, which are built as they are after them.
    let isSteady = !project.file.tests.some(({ where }) => where.kind === 'host') || this.#flags.skipTests === true;
    this.#changes.onSettled = async (paths) => {
      if (!isSteady || planChange(await this.#changes.differing(paths), watched).kind !== 'ship') return;
      if (isSteady) superseded.abort(new SupersededError('files changed meanwhile'));
    };
    this.#sources.clear();
    const images = await this.#attempt(() =>
      shipOnce(this.#target, {
        ...{ project, flags: this.#flags, signal: AbortSignal.any([this.#signal, superseded.signal]) },
        onStep: ({ kind }) => (isSteady = kind !== 'deploy' && (isSteady || kind === 'build')),
        onRead: (path) => this.#sources.add(path),
      }),
    );
    this.#changes.onSettled = undefined;
    await this.#changes.endWork({ hasFailed: images === undefined });
    if (images) this.#syncing = new Syncing(this.#target, { directory: project.directory, images });
    await this.#attempt(() => this.#prepare());
  }

  /** What cannot be copied is built into a new image. */
  async #sync(files: Parameters<Syncing['copy']>[0]): Promise<boolean> {
    const syncing = this.#syncing;
    if (!syncing) return false;
    return (await this.#attempt(async () => (await syncing.copy(files, this.#signal), true))) ?? false;
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof SupersededError) this.#target.say(`${error.message}; starting anew`);
      else if (!isJustInterrupted(error, this.#signal)) this.#tell(error);
      return undefined;
    }
  }

  #tell(error: unknown): void {
    for (const line of describeFailure(error).lines) this.#target.say(line);
  }
}

/** Nothing had to be taken back: who pressed Ctrl-C knows. */
function isJustInterrupted(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && error === signal.reason;
}

/** What is watched: the project, and what lies beside it. */
function rootsOf({ file, directory }: ShipProject, sources: ReadonlySet<string>): string[] {
  const contexts = file.images.map(({ context }) => resolve(directory, context));
  const outside = [...contexts, ...sources].filter((each) => relative(directory, each).startsWith('..'));
  return [directory, ...new Set(outside)];
}

async function ignoredOf({ file, directory }: ShipProject): Promise<Map<string, IgnoreRules>> {
  const found = new Map<string, IgnoreRules>();
  for (const { key, context, dockerfile } of file.images) {
    const root = resolve(directory, context);
    found.set(key, await ignoreRules(root, resolve(directory, dockerfile ?? join(context, 'Dockerfile'))));
  }
  return found;
}
