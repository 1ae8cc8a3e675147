import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileSystemUse } from './eviction-thresholds.ts';
import type { PayloadFile } from './volume-payload.ts';

/** The files of pods on this machine. Paths are absolute. */
export interface VolumeFiles {
  /** Makes the directory and its parents; `mode` holds whatever the process's umask is. */
  makeDirectory(path: string, mode?: number): Promise<void>;
  /** A file with this content, in a directory that is made where missing. */
  writeFile(path: string, content: string, mode?: number): Promise<void>;
  /** Undefined when there is no such file. */
  readFile(path: string): Promise<string | undefined>;
  /** At most the last `bytes` of a file; '' when there is none. */
  readTail(path: string, bytes: number): Promise<string>;
  /** Names in a directory; none when it does not exist. */
  list(path: string): Promise<string[]>;
  /** How much of the disk each of these trees takes, in bytes; what does not exist takes none. */
  usedBytes(paths: readonly string[]): Promise<number[]>;
  /** The file system that the path lies on. */
  fileSystem(path: string): Promise<FileSystemUse>;
  /**
   * Moves a tree on its file system, to a directory that is made where missing. Resolves with whether it was there to
   * be moved.
   */
  move(from: string, to: string): Promise<boolean>;
  /** Removes a tree. Nothing may be mounted in it. */
  remove(path: string): Promise<void>;
  /** Replaces the files of a volume all at once: readers see all old or all new ones (upstream's `..data` layout). */
  replacePayload(directory: string, files: readonly PayloadFile[], fsGroup: number | undefined): Promise<void>;
  /** Gives a tree to the group: setgid directories, group may read and write (API docs of `fsGroup`). */
  setGroup(path: string, gid: number, onRootMismatch: boolean): Promise<void>;
  /** Where a path leads and whether there is a block device; undefined when nothing is there. */
  lookAt(path: string): Promise<{ path: string; isBlockDevice: boolean } | undefined>;
  /** Checks (and for `…OrCreate` makes) what a hostPath volume names. Rejects with upstream's message. */
  prepareHostPath(path: string, type: string): Promise<void>;
  /**
   * The real path of `subPath` in a volume, made as a directory where it is missing; rejects when it leads outside.
   */
  resolveSubPath(root: string, subPath: string): Promise<string>;
  /** A file of a volume, at most its first mebibyte; undefined when it is not there. Rejects when links lead outside. */
  readWithin(root: string, path: string): Promise<string | undefined>;
}

export const systemVolumeFiles: VolumeFiles = {
  async makeDirectory(path, mode) {
    await mkdir(path, { recursive: true });
    if (mode !== undefined) await chmod(path, mode);
  },
  async writeFile(path, content, mode = 0o644) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await chmod(path, mode);
  },
  async usedBytes(paths) {
    if (paths.length === 0) return [];
    // Names of pods' files may be anything: lines end with a zero byte. What went meanwhile is told as an error.
    const command = ['--summarize', '--block-size=1', '--one-file-system', '--null', '--', ...paths];
    const output = await new Promise<string>((resolve) => {
      execFile('du', command, { maxBuffer: 64 * 1024 * 1024 }, (_, stdout) => resolve(stdout));
    });
    const sizes = new Map(
      output.split('\0').map((line) => {
        const tab = line.indexOf('\t');
        return [line.slice(tab + 1), Number(line.slice(0, tab))];
      }),
    );
    return paths.map((path) => sizes.get(path) ?? 0);
  },
  async fileSystem(path) {
    const [{ bsize, blocks, bavail, files, ffree }, { dev }] = await Promise.all([statfs(path), stat(path)]);
    const bytes = { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
    return { device: dev, ...bytes, inodes: files, inodesFree: ffree };
  },
  readFile: (path) => readFile(path, 'utf8').catch(missing(undefined)),
  async readTail(path, bytes) {
    const file = await open(path, 'r').catch(missing(undefined));
    if (!file) return '';
    try {
      const { size } = await file.stat();
      const length = Math.min(size, bytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  },
  list: (path) => readdir(path).catch(missing<string[]>([])),
  async move(from, to) {
    await mkdir(dirname(to), { recursive: true, mode: 0o711 });
    return rename(from, to).then(() => true, missing(false));
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
  replacePayload,
  setGroup,
  async lookAt(path) {
    const real = await realpath(path).catch(missing(undefined));
    return real === undefined ? undefined : { path: real, isBlockDevice: (await stat(real)).isBlockDevice() };
  },
  prepareHostPath,
  resolveSubPath,
  readWithin,
};

/** Answers `value` when a file is not there; other errors stay errors. */
function missing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return value;
    throw error;
  };
}

async function replacePayload(
  directory: string,
  files: readonly PayloadFile[],
  fsGroup: number | undefined,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const dataLink = join(directory, '..data');
  const oldName = await readlink(dataLink).catch(missing(undefined));
  if (oldName !== undefined && (await holds(join(directory, oldName), files))) return;

  const stamped = await mkdtemp(`${directory}/..`);
  await chmod(stamped, 0o755);
  for (const file of files) {
    const path = join(stamped, file.path);
    if (file.path.includes('/')) await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.data);
    await chmod(path, file.mode);
    if (file.uid !== undefined || file.gid !== undefined) await chown(path, file.uid ?? -1, file.gid ?? -1);
  }
  if (fsGroup !== undefined) await setGroupOf(stamped, fsGroup, groupReads);
  const temporary = join(directory, '..data_tmp');
  await rm(temporary, { force: true });
  await symlink(stamped.slice(directory.length + 1), temporary);
  await rename(temporary, dataLink);
  await updateVisibleLinks(directory, new Set(files.map((file) => file.path.split('/')[0] as string)));
  if (oldName !== undefined) await rm(join(directory, oldName), { recursive: true, force: true });
}

/** The names that containers see are links through `..data`, so that swapping one link changes them all. */
async function updateVisibleLinks(directory: string, wanted: ReadonlySet<string>): Promise<void> {
  const present = new Set((await readdir(directory)).filter((name) => !name.startsWith('..')));
  for (const name of wanted) if (!present.has(name)) await symlink(join('..data', name), join(directory, name));
  for (const name of present) if (!wanted.has(name)) await rm(join(directory, name), { force: true });
}

/** Does the directory hold exactly these files with these contents? */
async function holds(directory: string, files: readonly PayloadFile[]): Promise<boolean> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true }).catch(missing(undefined));
  if (!names || names.filter((entry) => entry.isFile()).length !== files.length) return false;
  for (const file of files) {
    const content = await readFile(join(directory, file.path)).catch(missing(undefined));
    if (!content?.equals(file.data)) return false;
  }
  return true;
}

async function setGroup(path: string, gid: number, onRootMismatch: boolean): Promise<void> {
  const root = await stat(path);
  if (onRootMismatch && root.gid === gid && (root.mode & 0o2060) === 0o2060) return;
  await setGroupOf(path, gid, groupWrites);
}

/** What the group gets on files. */
const groupWrites = 0o660;
/** Nobody writes into what the API server has the original of. */
const groupReads = 0o440;

async function setGroupOf(path: string, gid: number, mask: number): Promise<void> {
  const info = await lstat(path);
  await lchown(path, info.uid, gid);
  if (info.isSymbolicLink()) return;
  // For directories x and setgid, too: what is made in them later belongs to the group.
  await chmod(path, (info.mode & 0o7777) | mask | (info.isDirectory() ? 0o2110 : 0));
  if (!info.isDirectory()) return;
  for (const name of await readdir(path)) await setGroupOf(join(path, name), gid, mask);
}

async function prepareHostPath(path: string, type: string): Promise<void> {
  if (type === '') {
    // containerd refuses a source that does not exist; Docker's rule, which upstream keeps, is to make a directory.
    if (!(await stat(path).catch(missing(undefined)))) await mkdir(path, { recursive: true });
    return;
  }
  const info = await stat(path).catch(missing(undefined));
  if (type === 'DirectoryOrCreate' && !info) return void (await mkdir(path, { recursive: true, mode: 0o755 }));
  if (type === 'FileOrCreate' && !info) {
    await (await open(path, 'a', 0o644)).close();
    return;
  }
  const is: Record<string, [boolean | undefined, string]> = {
    Directory: [info?.isDirectory(), 'directory'],
    DirectoryOrCreate: [info?.isDirectory(), 'directory'],
    File: [info?.isFile(), 'file'],
    FileOrCreate: [info?.isFile(), 'file'],
    Socket: [info?.isSocket(), 'socket file'],
    CharDevice: [info?.isCharacterDevice(), 'character device'],
    BlockDevice: [info?.isBlockDevice(), 'block device'],
  };
  const [matches, noun] = is[type] ?? [false, 'recognized type'];
  if (!matches) throw new Error(`hostPath type check failed: ${path} is not a ${noun}`);
}

async function resolveSubPath(root: string, subPath: string): Promise<string> {
  const base = await realpath(root);
  let current = base;
  for (const part of subPath.split('/').filter((p) => p !== '' && p !== '.')) {
    if (part === '..') throw new Error(`subpath ${JSON.stringify(subPath)} contains '..'`);
    const next = join(current, part);
    const real = await realpath(next).catch(missing(undefined));
    if (real === undefined) {
      const mode = (await stat(current)).mode & 0o7777;
      await mkdir(next);
      await chmod(next, mode);
    }
    current = real ?? next;
    if (current !== base && !current.startsWith(`${base}/`)) {
      throw new Error(`subpath ${JSON.stringify(subPath)} not within volume path ${JSON.stringify(root)}`);
    }
  }
  return current;
}

const mostBytes = 1024 * 1024;

async function readWithin(root: string, path: string): Promise<string | undefined> {
  const [base, real] = await Promise.all([realpath(root), realpath(join(root, path)).catch(missing(undefined))]);
  if (real === undefined) return undefined;
  if (!real.startsWith(`${base}/`)) throw new Error(`${JSON.stringify(path)} leads out of its volume`);
  // A pipe would be waited for.
  if (!(await stat(real)).isFile()) throw new Error(`${JSON.stringify(path)} is no file`);
  const file = await open(real);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, 0);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}
