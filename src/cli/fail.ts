import { sayFailed } from '../cluster/background-process.ts';
import { describeFailure } from './failure.ts';

/** Ends the process with the sentences and the exit code of what went wrong. */
export function fail(error: unknown, prefix?: string): never {
  const { lines, exitCode } = describeFailure(error, prefix);
  if (process.env['TIMONEL_READY_FD']) sayFailed((lines[0] ?? '').replace(/^error: /, ''));
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exit(exitCode);
}
