import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deviceNumbers } from './device-numbers.ts';

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
  /**
   * A block device on an existing directory; one that holds nothing is formatted first, one that is mounted nowhere
   * is checked. Mounting again is a no-op. Rejects in upstream's words.
   */
  mountDevice(path: string, mount: DeviceMount): Promise<void>;
  /** Takes down every mount at or under the path, innermost first. */
  unmountAll(path: string): Promise<void>;
}

export interface DeviceMount {
  device: string;
  /** `xfs`; '': what is there, else ext4. */
  fileSystem: string;
  /** Of mount(8). */
  options: readonly string[];
}

export const systemMounts: Mounts = {
  async mountTmpfs(path, sizeBytes) {
    if ((await mountPoints()).includes(path)) return;
    const options = sizeBytes === undefined ? 'mode=1777' : `mode=1777,size=${sizeBytes}`;
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
  async mountDevice(path, mount) {
    const { device, fileSystem } = mount;
    // Two pods may come with one device at once.
    const before = devices.get(device);
    const done = (before ?? Promise.resolve()).then(() => mountOneDevice(path, mount));
    const settled = done.catch(() => undefined);
    devices.set(device, settled);
    try {
      await done;
    } catch (error) {
      const what = `local: failed to mount device ${device} at ${path} (fstype: ${fileSystem})`;
      throw new Error(`${what}, error ${(error as Error).message}`, { cause: error });
    } finally {
      if (devices.get(device) === settled) devices.delete(device);
    }
  },
  async unmountAll(path) {
    const under = (await mountPoints()).filter((point) => point === path || point.startsWith(`${path}/`));
    for (const point of under.toReversed()) await run('umount', ['-l', point]);
  },
};

/** Devices that are being mounted, and when the last of who want one is through. */
const devices = new Map<string, Promise<void>>();

async function mountOneDevice(path: string, { device, fileSystem, options }: DeviceMount): Promise<void> {
  const mounted = await mountLines();
  if (mounted.some((line) => pointOf(line) === path)) return;
  const { major, minor } = deviceNumbers((await stat(device)).rdev);
  if (!mounted.some((line) => line[2] === `${major}:${minor}`)) {
    const contents = await contentsOf(device);
    for (const [program, ...words] of preparation({ device, fileSystem, options }, contents)) {
      await run(program, words).catch(program === 'fsck' ? unlessDamaged(device) : undefined);
    }
  }
  const kind = fileSystem === '' ? [] : ['-t', fileSystem];
  await run('mount', [...kind, '-o', ['defaults', ...options].join(','), device, path]);
}

/** What is to be run before a device that has these contents ('': none) is mounted. Throws in upstream's words. */
export function preparation({ device, fileSystem, options }: DeviceMount, contents: string): [string, ...string[]][] {
  const isReadOnly = options.includes('ro');
  if (contents !== '') return isReadOnly ? [] : [['fsck', '-a', device]];
  if (isReadOnly) throw new Error(`cannot mount unformatted disk ${device} as it is read-only`);
  const flags: Readonly<Record<string, string[]>> = { ext3: ['-F', '-m0'], ext4: ['-F', '-m0'], xfs: ['-f'] };
  const made = fileSystem === '' ? 'ext4' : fileSystem;
  return [[`mkfs.${made}`, ...(flags[made] ?? []), device]];
}

/** A bit of fsck(8)'s exit code: errors are left. Where it is not installed, nobody looks. */
const errorsLeft = 4;

function unlessDamaged(device: string): (error: { code?: unknown }) => void {
  return ({ code }) => {
    if (typeof code === 'number' && (code & errorsLeft) !== 0)
      throw new Error(`'fsck' found errors on device ${device} but could not correct them`);
  };
}

/** Name of the file system on a device, or of its partition table; '' when it holds nothing that is known. */
async function contentsOf(device: string): Promise<string> {
  try {
    const { stdout } = await run('blkid', ['-p', '-s', 'TYPE', '-s', 'PTTYPE', '-o', 'value', device]);
    return stdout.trim();
  } catch (error) {
    // Nothing was found (blkid(8)).
    if ((error as { code?: unknown }).code === 2) return '';
    throw error;
  }
}

/** New versions of mount(8) take no more than 255 characters of an option by the new system call. */
export function longOptions(): NodeJS.ProcessEnv {
  return { ...process.env, LIBMOUNT_FORCE_MOUNT2: 'always' };
}

/** Of every mount, in the order in which they were made, the fields of its line (proc(5), mountinfo). */
async function mountLines(): Promise<string[][]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')]));
}

function pointOf(line: readonly string[]): string {
  const [, , , , point = ''] = line;
  return point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

async function mountPoints(): Promise<string[]> {
  return (await mountLines()).map(pointOf);
}
