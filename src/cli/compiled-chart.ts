import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { chartProgram } from './chart-program.ts';
import { keepQuietly, loadCompiled } from './compiled-code.ts';

/** The file of the program, beside this one; undefined where the sources themselves run. */
declare const TIMONEL_CHART: string | undefined;

/**
 * How much V8 puts into one another when it optimizes, in bytes of bytecode: its default is for programs that run
 * for long. Of the processor time of a large chart's rendering a third is V8's compiler, most of it for what is put in.
 */
const v8Default = 920;
const soonDone = 200;

/** V8 complains, on stderr, of flags that it does not know: the last version that is sure to know this one. */
const lastKnowing = 14;

function inlineUpTo(bytes: number): void {
  if (Number.parseInt(process.versions.v8, 10) > lastKnowing) return;
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${bytes}`);
}

type ChartProgram = typeof chartProgram;

/**
 * `chart-program.ts` as one file with the code that V8 compiled for the same command when it ran before, which is kept
 * in the user's cache. Undefined where there is no such file.
 */
export function compiledChart(words: readonly string[], environment: NodeJS.ProcessEnv): ChartProgram | undefined {
  if (typeof TIMONEL_CHART === 'undefined') return undefined;
  const file = join(dirname(fileURLToPath(import.meta.url)), TIMONEL_CHART);
  const { exports, keep } = loadCompiled(file, codeDirectory(words, environment));
  inlineUpTo(soonDone);
  if (keep) {
    process.once('exit', () => {
      // V8 takes no code that was kept under other flags than it is read with.
      inlineUpTo(v8Default);
      keepQuietly(() => keepIn(cachesOf(environment), keep));
    });
  }
  return (exports as { chartProgram: ChartProgram }).chartProgram;
}

/** One for each command: each compiles functions of its own. */
export function codeDirectory([, command = '']: readonly string[], environment: NodeJS.ProcessEnv): string {
  return join(cachesOf(environment), 'timonel', 'chart', /^[a-z]+$/.test(command) ? command : 'other');
}

const cachesOf = (environment: NodeJS.ProcessEnv): string => environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');

/** Node never ends making a directory with all above it where there can be none, as below `/proc`: one, to see. */
function keepIn(caches: string, keep: () => void): void {
  if (!existsSync(caches)) mkdirSync(caches, { mode: 0o700 });
  keep();
}
