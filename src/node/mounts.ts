import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Mounts that the agent makes for volumes. */
export interface Mounts {
  /** A tmpfs on an existing directory; mounting again is a no-op. `sizeBytes` undefined: half of the memory. */
  mountTmpfs(path: string, sizeBytes: number | undefined): Promise<void>;
  /** Takes down every mount at or under the path, innermost first. */
  unmountAll(path: string): Promise<void>;
}

export const systemMounts: Mounts = {
  async mountTmpfs(path, sizeBytes) {
    if ((await mountPoints()).includes(path)) return;
    const options = sizeBytes === undefined ? 'mode=0777' : `mode=0777,size=${sizeBytes}`;
    await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  },
  async unmountAll(path) {
    const under = (await mountPoints()).filter((point) => point === path || point.startsWith(`${path}/`));
    for (const point of under.toReversed()) await run('umount', ['-l', point]);
  },
};

/** In the order in which they were mounted (proc(5), mountinfo). */
async function mountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((point) => point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
}
