/** Why a cluster is not in the state that was asked for: a sentence for people, and what to do about it. */
export class LauncherError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LauncherError';
    this.hint = hint;
  }
}
