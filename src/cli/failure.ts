import { ApiError } from '../api/status.ts';
import { CliError } from './errors.ts';

/** What to print about a failed command, and how to exit. Unforeseen errors show their stack: they are bugs. */
export function describeFailure(error: unknown): { lines: string[]; exitCode: number } {
  if (error instanceof CliError) {
    return { lines: [`error: ${error.message}`, ...(error.hint ? [error.hint] : [])], exitCode: error.exitCode };
  }
  if (error instanceof ApiError) return { lines: [`error: the server says: ${error.message}`], exitCode: 1 };
  const known = knownSystemErrors[(error as NodeJS.ErrnoException | undefined)?.code ?? ''];
  if (known) {
    const { message } = error as Error;
    return { lines: [`error: ${known} (${message})`], exitCode: 1 };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { lines: [`error: ${text}`, 'This is a bug in timonel.'], exitCode: 70 };
}

const knownSystemErrors: Record<string, string> = {
  ENOSPC: 'the disk is full: free some space and try again',
  EACCES: 'permission denied: run as root, for example with sudo',
  EPERM: 'permission denied: run as root, for example with sudo',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files: raise the limit with `ulimit -n 65536`',
};
