#!/usr/bin/env node
import type { CommanderError } from 'commander';

declare const TIMONEL_VERSION: string;

/** Exit code for a command that was called wrongly (as most Unix tools have it). */
const usageExitCode = 2;

/** As programs end whose reader has gone (`timonel get pods | head -1`): 128 and SIGPIPE. */
const brokenPipeExitCode = 141;

try {
  await run(process.argv.slice(2));
} catch (error) {
  await fail(error, process.argv.slice(2));
}

async function run(words: readonly string[]): Promise<void> {
  const [command] = words;
  // Before anything else, even stdout, is made: the server loads at the same time.
  if (command === 'up') (await import('./cli/early-server.ts')).earlyServer(words.slice(1));
  process.stdout.on('error', endWithReader);
  const { createProgram } = await import('./cli/program.ts');
  const { commandFirst } = await import('./cli/kube/kube-command.ts');
  const line = commandFirst(words);
  await createProgram(TIMONEL_VERSION, line[0]).parseAsync(line, { from: 'user' });
}

function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(brokenPipeExitCode);
}

async function fail(error: unknown, words: readonly string[]): Promise<void> {
  if (isCommanderError(error)) {
    process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
    return;
  }
  const { commandFirst } = await import('./cli/kube/kube-command.ts');
  (await import('./cli/fail.ts')).fail(error, commandFirst(words)[0] === 'chart' ? 'Error' : undefined);
}

function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}
