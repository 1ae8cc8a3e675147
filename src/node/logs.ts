import { watch } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { LogDecoder } from './log-lines.ts';
import type { LogOptions } from './log-lines.ts';

const chunkBytes = 64 * 1024;
const newline = 0x0a;

/**
 * A container's log from its CRI log file. With `follow` it goes on with what is written, into the new file after a
 * rotation, until `stopped` has resolved and all is read, or `signal` is aborted.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  life: { stopped: Promise<void>; signal: AbortSignal },
): AsyncGenerator<Buffer> {
  const decoder = new LogDecoder(options);
  const changes = options.follow ? new FileChanges(path, life) : undefined;
  let file: LogFile | undefined;
  try {
    file = await LogFile.open(path);
    if (file && options.tailLines !== undefined) await file.seekToTail(options.tailLines);
    for (;;) {
      // Asked before reading: what comes while we read wakes us again.
      const last = changes ? changes.over : true;
      changes?.rearm();
      // Once there is a new file under the name, nobody writes to the old one: it can be read to its very end.
      const successor = changes && (await LogFile.successorOf(file, path));
      for (let chunk = await file?.read(); chunk && !life.signal.aborted; chunk = await file?.read()) {
        const text = decoder.push(chunk);
        if (text.length > 0) yield text;
        if (decoder.done) return;
      }
      if (life.signal.aborted) return;
      if (successor) {
        await file?.close();
        file = successor;
        continue;
      }
      if (last || !changes) return;
      await changes.next();
    }
  } finally {
    changes?.close();
    await file?.close();
  }
}

/** An open log file and how far it is read. */
class LogFile {
  readonly #handle: FileHandle;
  readonly inode: number;
  #position = 0;

  private constructor(handle: FileHandle, inode: number) {
    this.#handle = handle;
    this.inode = inode;
  }

  /** Undefined when there is no such file (yet). */
  static async open(path: string): Promise<LogFile | undefined> {
    try {
      const handle = await open(path, 'r');
      return new LogFile(handle, (await handle.stat()).ino);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** The file that took the place of `file` under its name. */
  static async successorOf(file: LogFile | undefined, path: string): Promise<LogFile | undefined> {
    const now = await stat(path).catch(() => undefined);
    return now && now.ino !== file?.inode ? LogFile.open(path) : undefined;
  }

  /** The next bytes; undefined at the end, for now. */
  async read(): Promise<Buffer | undefined> {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const { bytesRead } = await this.#handle.read(buffer, 0, chunkBytes, this.#position);
    this.#position += bytesRead;
    return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
  }

  /** Goes to where the last `lines` entries begin, reading backwards. */
  async seekToTail(lines: number): Promise<void> {
    const { size } = await this.#handle.stat();
    let end = size;
    // The newline that ends the file ends its last line.
    let left = lines + 1;
    const buffer = Buffer.allocUnsafe(chunkBytes);
    while (end > 0) {
      const start = Math.max(0, end - chunkBytes);
      await this.#handle.read(buffer, 0, end - start, start);
      for (let i = end - start - 1; i >= 0; i--) {
        if (buffer[i] === newline && --left === 0) {
          this.#position = start + i + 1;
          return;
        }
      }
      end = start;
    }
    this.#position = 0;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Wakes the reader when something happened to the file, when the container stopped, or when the client left. */
class FileChanges {
  /** The container has stopped: what is in the file now is all there will be. */
  over = false;
  readonly #close: () => void;
  #pending = false;
  #wake: (() => void) | undefined;

  constructor(path: string, life: { stopped: Promise<void>; signal: AbortSignal }) {
    const name = basename(path);
    const watcher = watch(dirname(path), (_, changed) => {
      if (changed === null || changed === name) this.#notify();
    });
    // A directory that goes away takes the log with it: the container's end tells us.
    watcher.on('error', () => this.#notify());
    const onAbort = (): void => this.#notify();
    life.signal.addEventListener('abort', onAbort, { once: true });
    const onStop = (): void => {
      this.over = true;
      this.#notify();
    };
    life.stopped.then(onStop, onStop);
    this.#close = () => {
      watcher.close();
      life.signal.removeEventListener('abort', onAbort);
    };
  }

  /** Forgets what has happened so far. */
  rearm(): void {
    this.#pending = false;
  }

  async next(): Promise<void> {
    if (this.#pending) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  close(): void {
    this.#close();
  }

  #notify(): void {
    this.#pending = true;
    this.#wake?.();
    this.#wake = undefined;
  }
}
