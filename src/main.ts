#!/usr/bin/env node
import { dirname, join } from 'node:path';
import type { CommanderError } from 'commander';
import type { localServer } from './cli/local-server.ts';

declare const TIMONEL_VERSION: string;
/** The file of the server's program, beside this one. */
declare const TIMONEL_SERVER: string;

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
  await fail(error, process.argv.slice(2));
}

async function run(words: readonly string[]): Promise<void> {
  const [command, flag, file] = words;
  // The launcher's own processes: nobody types these, and what reads command lines would only take its time.
  if (flag === '--state' && file !== undefined) {
    if (command === 'server') return server(file);
    if (command === 'agent') return (await import('./cli/local-agent.ts')).localAgent(file);
  }
  const { createProgram } = await import('./cli/program.ts');
  const { commandFirst } = await import('./cli/kube/kube-command.ts');
  await createProgram(TIMONEL_VERSION).parseAsync(commandFirst(words), { from: 'user' });
}

/** The server is what everybody waits for, so its program is one file, with code that V8 has compiled before. */
async function server(stateFile: string): Promise<void> {
  const { loadCompiled } = await import('./cli/compiled-code.ts');
  const { exports, keep } = loadCompiled(
    join(import.meta.dirname, TIMONEL_SERVER),
    join(dirname(dirname(stateFile)), '.code'),
  );
  await (exports as { localServer: typeof localServer }).localServer(stateFile, keep);
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
