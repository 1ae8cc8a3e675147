/** Values that cannot be read, or that a schema refuses. */
export class ValuesError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ValuesError';
  }
}
