import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataRoot } from '../cluster/state.ts';
import { keepQuietly, loadCompiled } from './compiled-code.ts';
import type { earlyServer, upProgram } from './up-program.ts';

/** The file of the program, beside this one; undefined where the sources themselves run. */
declare const TIMONEL_UP: string | undefined;

export interface UpProgram {
  earlyServer: typeof earlyServer;
  /** Runs the command line `words`. */
  run(version: string, words: readonly string[]): Promise<void>;
}

/**
 * `up-program.ts` as one file with the code that V8 compiled for it when it last started a cluster, which is kept beside
 * the clusters. Undefined where there is no such file.
 */
export function compiledUp(): UpProgram | undefined {
  if (typeof TIMONEL_UP === 'undefined') return undefined;
  const file = join(dirname(fileURLToPath(import.meta.url)), TIMONEL_UP);
  const { exports, keep } = loadCompiled(file, join(dataRoot(), '.code'));
  const program = exports as { earlyServer: typeof earlyServer; upProgram: typeof upProgram };
  return {
    earlyServer: program.earlyServer,
    run: (version, words) => program.upProgram(version, { words, keepCode: keep && (() => keepQuietly(keep)) }),
  };
}
