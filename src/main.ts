#!/usr/bin/env node
import type { CommanderError } from 'commander';

declare const TIMONEL_VERSION: string;

/** Exit code for a command that was called wrongly (as most Unix tools have it). */
const usageExitCode = 2;

/** As programs end whose reader has gone (`timonel get pods | head -1`): 128 and SIGPIPE. */
const brokenPipeExitCode = 141;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(brokenPipeExitCode);
});

try {
  await run(process.argv.slice(2));
} catch (error) {
  await fail(error);
}

async function run(words: readonly string[]): Promise<void> {
  const [command, flag, file] = words;
  // The launcher's own processes: nobody types these, and what reads command lines would only take its time.
  if (flag === '--state' && file !== undefined) {
    if (command === 'server') return (await import('./cli/local-server.ts')).localServer(file);
    if (command === 'agent') return (await import('./cli/local-agent.ts')).localAgent(file);
  }
  const { createProgram } = await import('./cli/program.ts');
  const { commandFirst } = await import('./cli/kube/kube-command.ts');
  await createProgram(TIMONEL_VERSION).parseAsync(commandFirst(words), { from: 'user' });
}

async function fail(error: unknown): Promise<void> {
  if (isCommanderError(error)) {
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

function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}
