import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Pack, pack as createPack } from 'tar-stream';
import type { Pod } from '../../api/types/core-v1.ts';
import { pods } from '../../client/resources.ts';
import type { ChangePlan } from '../../delivery/pipeline/watch-plan.ts';
import { runInPod } from '../compose/run-in-pod.ts';
import { CliError } from '../errors.ts';
import type { ShipImages } from './images.ts';
import type { ShipTarget } from './target.ts';

type SyncedFile = Extract<ChangePlan, { kind: 'sync' }>['files'][number];

/**
 * Takes away the first $1 paths, then unpacks its input beside the other paths and moves it there: nobody reads half a
 * file.
 */
const unpack = `n=$1; shift
while [ "$n" -gt 0 ]; do rm -rf "$1" || exit 1; shift; n=$((n-1)); done
[ $# -gt 0 ] || exit 0
tar -xmf - -C / || { for f; do rm -f "$f.timonel"; done; exit 1; }
for f; do
  [ ! -d "$f" ] || rm -rf "$f"
  mv -f "$f.timonel" "$f" || exit 1
done`;

/** What one command line holds with ease. */
const filesAtOnce = 500;

/** More are counted, not listed. */
const shownFiles = 10;

/** Keeps the containers that run an image as the files of this machine are. */
export class Syncing {
  readonly #target: ShipTarget;
  readonly #directory: string;
  readonly #images: ShipImages;
  /** What differs from the images by now, by where it is. */
  readonly #files = new Map<string, SyncedFile>();
  /** Containers that have all of it. */
  #upToDate: ReadonlySet<string> = new Set();

  constructor(target: ShipTarget, { directory, images }: { directory: string; images: ShipImages }) {
    this.#target = target;
    this.#directory = directory;
    this.#images = images;
  }

  /**
   * Copies changed files into every container that runs the image they belong to; what is gone here goes there. A
   * container that was started since the last time gets what changed before as well.
   */
  async copy(changed: readonly SyncedFile[], signal: AbortSignal): Promise<void> {
    const { client, namespace, say } = this.#target;
    for (const file of changed) this.#files.set(`${file.image} ${file.to}`, file);
    const { items } = await client.list(pods, { namespace, signal });
    const upToDate = new Set<string>();
    let count = 0;
    for (const key of new Set(changed.map(({ image }) => image))) {
      const running = items.flatMap((pod) => containersOf(pod, this.#images.references[key]?.reference));
      if (running.length === 0)
        throw new CliError(`no container runs ${this.#images.references[key]?.reference ?? key}`);
      count = Math.max(count, running.length);
      for (const container of running) upToDate.add(container.id);
      await Promise.all(
        running.map((container) => {
          const files = this.#upToDate.has(container.id) ? changed : [...this.#files.values()];
          return this.#send(
            container,
            files.filter(({ image }) => image === key),
            signal,
          );
        }),
      );
    }
    this.#upToDate = new Set([...this.#upToDate, ...upToDate]);
    const where = `(${count} container${count === 1 ? '' : 's'})`;
    if (changed.length > shownFiles) return say(`sync ${changed.length} files ${where}`);
    for (const { path, to } of changed) say(`sync ${path} -> ${to} ${where}`);
  }

  async #send({ name, container }: Running, files: readonly SyncedFile[], signal: AbortSignal): Promise<void> {
    const { client, namespace } = this.#target;
    for (let at = 0; at < files.length; at += filesAtOnce) {
      const { archive, gone, written } = await this.#packed(files.slice(at, at + filesAtOnce));
      const words: string[] = [];
      const code = await runInPod(
        client,
        { name, namespace },
        {
          command: ['sh', '-c', unpack, 'sh', String(gone.length), ...gone, ...written],
          ...{ container, stdin: archive, signal, onStderr: (data: Buffer) => void words.push(data.toString()) },
        },
      );
      signal.throwIfAborted();
      if (code === 0) continue;
      throw new CliError(`files cannot be written in pod ${name}: ${words.join('').trim() || `exit code ${code}`}`);
    }
  }

  /** Files that are gone when they are to be read are gone. */
  async #packed(files: readonly SyncedFile[]): Promise<{ archive: Readable; gone: string[]; written: string[] }> {
    const pack = createPack();
    const [gone, written]: [string[], string[]] = [[], []];
    for (const { path, to } of files) {
      const added = await add(pack, join(this.#directory, path), to);
      if (added === 'file') written.push(to);
      else if (added === 'nothing') gone.push(to);
    }
    pack.finalize();
    return { archive: Readable.from(pack), gone, written };
  }
}

interface Running {
  name: string;
  container: string;
  id: string;
}

function containersOf({ metadata, spec, status }: Pod, image: string | undefined): Running[] {
  if (status?.phase !== 'Running' || metadata.deletionTimestamp) return [];
  return (spec?.containers ?? []).flatMap((each): Running[] => {
    const state = status.containerStatuses?.find(({ name }) => name === each.name);
    if (each.image !== image || !state?.state?.running) return [];
    return [{ name: metadata.name ?? '', container: each.name, id: state.containerID ?? '' }];
  });
}

async function add(pack: Pack, path: string, to: string): Promise<'file' | 'directory' | 'nothing'> {
  const info = await stat(path).catch(() => undefined);
  const name = to.replace(/^\/+/, '');
  if (info?.isDirectory()) {
    pack.entry({ name, type: 'directory', mode: info.mode & 0o777 });
    return 'directory';
  }
  const content = info?.isFile() ? await readFile(path).catch(() => undefined) : undefined;
  if (!info || !content) return 'nothing';
  pack.entry({ name: `${name}.timonel`, mode: info.mode & 0o777 }, content);
  return 'file';
}
