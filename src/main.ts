#!/usr/bin/env node
import { CommanderError } from 'commander';
import { createProgram } from './cli/program.ts';

declare const TIMONEL_VERSION: string;

/** Exit code for a command that was called wrongly (as most Unix tools have it). */
const usageExitCode = 2;

try {
  const program = createProgram(TIMONEL_VERSION);
  await program.parseAsync(process.argv);
} catch (error) {
  await fail(error);
}

async function fail(error: unknown): Promise<void> {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
    return;
  }
  const { describeFailure } = await import('./cli/failure.ts');
  const { lines, exitCode } = describeFailure(error);
  if (process.env['TIMONEL_READY_FD']) {
    const { sayFailed } = await import('./cluster/background-process.ts');
    sayFailed((lines[0] ?? '').replace(/^error: /, ''));
  }
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exit(exitCode);
}
