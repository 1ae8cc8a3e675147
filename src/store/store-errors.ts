/** The data cannot be read: cut off, overwritten, or not a store at all. */
export class StoreCorruptError extends Error {
  readonly path: string;

  constructor(path: string, what: string, options?: ErrorOptions) {
    super(
      `the store in ${path} is damaged (${what}): restore the directory from a backup, ` +
        'or move it away to start with an empty one',
      options,
    );
    this.name = 'StoreCorruptError';
    this.path = path;
  }
}

/** Another process has the store open. */
export class StoreLockedError extends Error {
  readonly path: string;
  readonly pid: number;

  constructor(path: string, pid: number) {
    super(`the store in ${path} is in use by process ${pid}: stop that first, or choose another directory`);
    this.name = 'StoreLockedError';
    this.path = path;
    this.pid = pid;
  }
}

/** The data is sound, but laid out in a way that this program does not know. */
export class StoreFormatError extends Error {
  constructor(path: string, format: number, known: number) {
    super(
      `the store in ${path} has format ${format}, this program knows format ${known}: ` +
        'use the version of the program that wrote it',
    );
    this.name = 'StoreFormatError';
  }
}
