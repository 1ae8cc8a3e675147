import { readFileSync } from 'node:fs';
import { awaitTurn } from '../cluster/background-process.ts';
import { runServer } from '../cluster/server-process.ts';
import type { ClusterState } from '../cluster/state.ts';
import { StoreCorruptError, StoreLockedError } from '../store/store-errors.ts';
import { CliError } from './errors.ts';
import { fail } from './fail.ts';
import { foreground } from './foreground.ts';
import { keepLater } from './keep-code.ts';

/**
 * The server's process of a cluster that the launcher starts, of the state in `file`. It is a program of its own, with
 * classes of its own, so it ends by itself when something goes wrong. `keepCode`: see `compiled-code.ts`.
 */
export async function localServer(file: string, keepCode: (() => void) | undefined): Promise<void> {
  try {
    awaitTurn('begin');
    const state = JSON.parse(readFileSync(file, 'utf8')) as ClusterState;
    const parts = { controllers: true, scheduler: true };
    await explained(state, () =>
      foreground(async (surroundings) => {
        const running = await runServer(state, parts, surroundings);
        keepLater(keepCode, surroundings);
        return running;
      }),
    );
  } catch (error) {
    fail(error);
  }
}

/** Turns what can be wrong with store and port into sentences. */
export async function explained(state: ClusterState, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof StoreLockedError) {
      throw new CliError(error.message, { hint: `It is running already: timonel status --name ${state.name}` });
    }
    if (error instanceof StoreCorruptError) {
      const anew = `timonel delete --name ${state.name} && timonel up --name ${state.name}`;
      throw new CliError(error.message, { hint: `Restore the directory from a backup, or start anew: ${anew}` });
    }
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new CliError(`the server cannot listen: ${(error as Error).message}`, {
        hint: 'Another program has the port. End it, or choose another with --port.',
      });
    }
    throw error;
  }
}
