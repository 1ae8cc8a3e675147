/** What a person reads when a command fails: one sentence, and what to do next. */
export class CliError extends Error {
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: { hint?: string; exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'CliError';
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** An error, and what it made fail: `UPGRADE FAILED`. */
export class OperationError extends Error {
  readonly operation: string;

  constructor(operation: string, cause: unknown) {
    super(operation, { cause });
    this.name = 'OperationError';
    this.operation = operation;
  }
}
