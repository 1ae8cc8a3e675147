import { closeSync, existsSync, openSync, readFileSync, readSync, fstatSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreCorruptError } from './store-errors.ts';

const pageBytes = 4096;
const magic = 0xbeefc0de;
/**
 * Where LMDB's meta structure lies in each of the first two pages (mdb.c, `MDB_meta`, behind a 24-byte page header).
 */
const metaOffsets = { magic: 24, pageSize: 48, lastPage: 144, transaction: 152 };
/** Commits wait while the file grows: for a few milliseconds at most. */
const growthBytes = { least: 1 << 20, most: 4 << 20 };

/**
 * Looks at an LMDB data file before LMDB maps it into memory, where a missing end would kill the process with a bus
 * error. Throws {@link StoreCorruptError}. A file that does not exist, or is empty, is a new store, unless the mark
 * that {@link markAsUsed} leaves says that there was more.
 */
export function checkDataFile(directory: string, file: string): void {
  const wasUsed = existsSync(join(directory, usedMark));
  if (!existsSync(file)) {
    if (wasUsed) throw new StoreCorruptError(directory, 'data.mdb is missing');
    return;
  }
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) {
      if (wasUsed) throw new StoreCorruptError(directory, 'data.mdb is empty');
      return;
    }
    const pages = Buffer.alloc(2 * pageBytes);
    if (readSync(descriptor, pages, 0, pages.length, 0) < pages.length) {
      throw new StoreCorruptError(directory, 'data.mdb is cut off');
    }
    const metas = [pages.subarray(0, pageBytes), pages.subarray(pageBytes)];
    if (metas.some((meta) => meta.readUInt32LE(metaOffsets.magic) !== magic)) {
      throw new StoreCorruptError(directory, 'data.mdb is not a database');
    }
    const [newest] = metas.sort((a, b) =>
      Number(b.readBigUInt64LE(metaOffsets.transaction) - a.readBigUInt64LE(metaOffsets.transaction)),
    ) as [Buffer];
    const used =
      (newest.readBigUInt64LE(metaOffsets.lastPage) + 1n) * BigInt(newest.readUInt32LE(metaOffsets.pageSize));
    if (BigInt(size) < used) throw new StoreCorruptError(directory, `data.mdb has ${size} of at least ${used} bytes`);
  } finally {
    closeSync(descriptor);
  }
}

const usedMark = 'used';

/** To be called when the data file durably holds something: from then on a missing or empty one is damage. */
export function markAsUsed(directory: string): void {
  const file = join(directory, usedMark);
  if (!existsSync(file)) writeFileSync(file, '');
}

/**
 * Keeps disk space allocated beyond the last page in use, so that a full disk is met here, where it is an ordinary
 * error, and not in LMDB in the middle of a transaction.
 */
export class SpaceReserve {
  readonly #handle: FileHandle;
  #size: number;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  static async open(file: string): Promise<SpaceReserve> {
    const handle = await open(file, 'r+');
    return new SpaceReserve(handle, (await handle.stat()).size);
  }

  /** Rejects with the system's error (ENOSPC, EDQUOT, EIO …) when `bytes` beyond `usedBytes` cannot be had. */
  async ensure(usedBytes: number, bytes: number): Promise<void> {
    if (usedBytes + bytes <= this.#size) return;
    const needed = usedBytes + bytes - this.#size;
    const wanted = Math.min(Math.max(this.#size, growthBytes.least), growthBytes.most);
    try {
      await this.#grow(Math.max(wanted, needed));
    } catch (error) {
      // What is needed now may fit where a comfortable reserve does not.
      if (usedBytes + bytes <= this.#size) return;
      if (wanted <= needed) throw error;
      await this.#grow(usedBytes + bytes - this.#size);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #grow(bytes: number): Promise<void> {
    const zeros = Buffer.alloc(Math.min(bytes, growthBytes.least));
    for (let left = bytes; left > 0;) {
      const { bytesWritten } = await this.#handle.write(zeros, 0, Math.min(left, zeros.length), this.#size);
      this.#size += bytesWritten;
      left -= bytesWritten;
    }
  }
}

/** A process, told apart from a later one of the same number by when it started. */
export interface ProcessId {
  pid: number;
  /** Clock ticks since boot (proc(5), `/proc/<pid>/stat` field 22), and which boot. */
  start: string;
}

export function thisProcess(): ProcessId {
  return { pid: process.pid, start: startOf(process.pid) ?? '' };
}

export function isAlive({ pid, start }: ProcessId): boolean {
  return startOf(pid) === start;
}

function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    if (state === 'Z' || state === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}
