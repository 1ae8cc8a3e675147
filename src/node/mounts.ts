import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Mounts that the agent makes for volumes. */
export interface Mounts {
  /** A tmpfs on an existing directory; mounting again is a no-op. `sizeBytes` undefined: half of the memory. */
  mountTmpfs(path: string, sizeBytes: number | undefined): Promise<void>;
  /**
   * Directories laid over each other, the topmost first, to be read and not executed, on an existing directory;
   * mounting again is a no-op.
   */
  mountLayers(path: string, layers: readonly string[]): Promise<void>;
  /** Takes down every mount at or under the path, innermost first. */
  unmountAll(path: string): Promise<void>;
}

export const systemMounts: Mounts = {
  async mountTmpfs(path, sizeBytes) {
    if ((await mountPoints()).includes(path)) return;
    const options = sizeBytes === undefined ? 'mode=0777' : `mode=0777,size=${sizeBytes}`;
    await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  },
  async mountLayers(path, layers) {
    if (layers.length === 0 || (await mountPoints()).includes(path)) return;
    const [first = ''] = layers;
    if (layers.length > 1) {
      const options = `ro,noexec,nosuid,nodev,lowerdir=${layers.join(':')}`;
      await run('mount', ['-t', 'overlay', '-o', options, 'overlay', path], { env: longOptions() });
      return;
    }
    await run('mount', ['--bind', first, path]);
    await run('mount', ['-o', 'remount,bind,ro,noexec,nosuid,nodev', path]);
  },
  async unmountAll(path) {
    const under = (await mountPoints()).filter((point) => point === path || point.startsWith(`${path}/`));
    for (const point of under.toReversed()) await run('umount', ['-l', point]);
  },
};

/** New versions of mount(8) take no more than 255 characters of an option by the new system call. */
export function longOptions(): NodeJS.ProcessEnv {
  return { ...process.env, LIBMOUNT_FORCE_MOUNT2: 'always' };
}

/** In the order in which they were mounted (proc(5), mountinfo). */
async function mountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((point) => point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
}
