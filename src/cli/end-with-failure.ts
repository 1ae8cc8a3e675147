import type { CommanderError } from 'commander';
import { fail } from './fail.ts';

/** Exit code for a command that was called wrongly (as most Unix tools have it). */
const usageExitCode = 2;

/** Ends a command line in what was wrong with it: with sentences, but for what commander has said already. */
export function endWithFailure(error: unknown, words: readonly string[]): void {
  if (isCommanderError(error)) {
    process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
    return;
  }
  fail(error, words[0] === 'chart' ? 'Error' : undefined);
}

function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}
