import { CommandError, runCommand } from '../../cluster/command.ts';
import { ShipError } from '../../delivery/pipeline/ship-error.ts';
import type { ShipTest } from '../../delivery/pipeline/ship-file.ts';
import { fillIn } from '../../delivery/pipeline/variables.ts';
import { clock } from '../context.ts';
import type { ShipImages } from './images.ts';
import type { ShipProject } from './project.ts';
import type { ShipTarget } from './target.ts';
import { runInService } from './test-in-service.ts';

export interface TestOptions {
  images: ShipImages;
  project: ShipProject;
  target: ShipTarget;
  onOutput: (text: string) => void;
  signal?: AbortSignal | undefined;
}

/** Runs one test; resolves with how long it took. Rejects when it fails, with what it means. */
export async function runTest(given: ShipTest, options: TestOptions): Promise<number> {
  const variables = { images: options.images.references, commit: '', environment: process.env };
  const environment = fillIn(given.environment, variables, `test ${given.name}: environment`);
  const test = { ...given, environment };
  const start = clock.monotonic();
  const timeout = AbortSignal.timeout(test.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  let code: number;
  try {
    code = await exitCodeOf(test, options, signal);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!timeout.aborted) throw error;
    throw new ShipError(`test ${test.name} took longer than ${test.timeoutMs / 1000} s`, { hint, cause: error });
  }
  if (code !== 0) throw new ShipError(`test ${test.name} failed (exit code ${code})`, { hint });
  return Math.round(clock.monotonic() - start);
}

const hint = 'Nothing was pushed, and the cluster is as it was.';

function exitCodeOf(test: ShipTest, options: TestOptions, signal: AbortSignal): Promise<number> {
  const { where } = test;
  if (where.kind === 'image') return options.images.test({ ...test, where }, signal);
  if (where.kind === 'host') return onHost(test, options, signal);
  return runInService({ ...test, where }, options, signal);
}

async function onHost(test: ShipTest, { project, onOutput }: TestOptions, signal: AbortSignal): Promise<number> {
  try {
    const output = { onStdout: onOutput, onStderr: onOutput };
    await runCommand(['sh', '-c', test.run], {
      ...output,
      directory: project.directory,
      env: test.environment,
      signal,
    });
    return 0;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode !== null) return error.exitCode;
    throw error;
  }
}
