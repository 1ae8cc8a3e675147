import { CliError } from './errors.ts';

/** As a shell counts it: 128 and the number of SIGINT. */
export const interruptedExitCode = 130;

/**
 * Runs work that can be called off: its signal aborts at Ctrl-C (SIGINT), SIGTERM or SIGHUP, with an error that says
 * so. A second one ends the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const interrupt = (): void => {
    forget();
    abort.abort(new CliError('interrupted', { exitCode: interruptedExitCode }));
  };
  const forget = (): void => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, interrupt);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  try {
    return await work(abort.signal);
  } catch (error) {
    // What failed because of the interruption (commands in the foreground get the signal too) is not the cause, unless it
    // is told as one, with what became of the rest.
    const isTold = error instanceof CliError && error.exitCode === interruptedExitCode;
    throw abort.signal.aborted && !isTold ? abort.signal.reason : error;
  } finally {
    forget();
  }
}
