import { CliError } from '../errors.ts';

/** What is under way is of files that are no more as they were. */
export class SupersededError extends CliError {
  constructor(message: string) {
    super(message, { hint: 'Ship again.' });
  }
}
