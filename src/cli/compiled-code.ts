import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Script } from 'node:vm';

export interface CompiledProgram {
  /** What the program exports. */
  exports: unknown;
  /** Writes down what V8 has compiled by now. Undefined when this is what was found. Throws as the file system does. */
  keep: (() => void) | undefined;
}

type Program = (module: { exports: unknown }, require: NodeJS.Require, __dirname: string) => void;

/** Before the compiled code: V8 itself looks at versions, flags and lengths, not at whether the bytes are whole. */
const digestBytes = 32;

/**
 * Loads a CommonJS program with the code that V8 compiled for it when it ran before, as far as `directory` has it and
 * V8 takes it: loading is mostly compiling. The file's name must change with its content, as that of a bundle does. The
 * file is ASCII, and one function `(module, require, __dirname) => …`: large texts are not decoded or put together once
 * more.
 */
export function loadCompiled(file: string, directory: string): CompiledProgram {
  const cache = join(directory, `${basename(file)}-${process.version}-${process.arch}`);
  const cachedData = readCode(cache);
  const script = new Script(readFileSync(file, 'latin1'), {
    filename: file,
    ...(cachedData && { cachedData }),
  });
  const module = { exports: {} as unknown };
  const run = script.runInThisContext() as Program;
  run(module, createRequire(file), dirname(file));
  const isTaken = cachedData !== undefined && script.cachedDataRejected === false;
  return { exports: module.exports, keep: isTaken ? undefined : () => writeCode(cache, script.createCachedData()) };
}

/** Keeps code where that can be; without it, the next start takes a little longer. */
export function keepQuietly(keep: () => void): void {
  try {
    keep();
  } catch {
    // A disk that is full, a home that cannot be written to.
  }
}

function readCode(cache: string): Buffer | undefined {
  try {
    const bytes = readFileSync(cache);
    const code = bytes.subarray(digestBytes);
    return digestOf(code).equals(bytes.subarray(0, digestBytes)) ? code : undefined;
  } catch {
    // The first start, or one that may not look there: V8 compiles anew.
    return undefined;
  }
}

/** In place of what other versions of the same program left. */
function writeCode(cache: string, code: Buffer): void {
  const directory = dirname(cache);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const next = `${cache}.${process.pid}`;
  try {
    writeFileSync(next, Buffer.concat([digestOf(code), code]), { mode: 0o600 });
    renameSync(next, cache);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  const [program] = basename(cache).split('-', 1);
  for (const name of readdirSync(directory)) {
    if (name.startsWith(`${program}-`) && name !== basename(cache)) rmSync(join(directory, name), { force: true });
  }
}

function digestOf(code: Buffer): Buffer {
  return createHash('sha256').update(code).digest();
}
