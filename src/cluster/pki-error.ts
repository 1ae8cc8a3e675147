/** The CA is there, but not whole. A new one would lock out every client that trusts the old. */
export class BrokenPkiError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BrokenPkiError';
  }
}
