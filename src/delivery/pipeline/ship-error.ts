/** Why an app is not shipped, in a sentence for a person, with what may be done about it. */
export class ShipError extends Error {
  readonly hint: string | undefined;
  /** More lines: events, the last words of containers. */
  readonly details: readonly string[];

  constructor(message: string, options: { hint?: string; details?: readonly string[]; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'ShipError';
    this.hint = options.hint;
    this.details = options.details ?? [];
  }
}
