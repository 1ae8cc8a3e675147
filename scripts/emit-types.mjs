// Declarations of the library for dist/types: only the files that library.d.ts reaches, importing each other as `.js`, which
// every consumer's resolution understands.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';

export function emitTypes(root) {
  const emitted = mkdtempSync(join(tmpdir(), 'timonel-types-'));
  try {
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', emitted], {
      stdio: 'inherit',
    });
    const target = join(root, 'dist/types');
    for (const file of reachable(join(emitted, 'library.d.ts'))) {
      const copy = join(target, relative(emitted, file));
      mkdirSync(dirname(copy), { recursive: true });
      writeFileSync(copy, readFileSync(file, 'utf8').replace(/(['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'));
    }
  } finally {
    rmSync(emitted, { recursive: true });
  }
}

function reachable(first) {
  const found = new Set([first]);
  for (const file of found) {
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/['"](\.[^'"]*)\.ts['"]/g)) {
      found.add(resolve(dirname(file), `${path}.d.ts`));
    }
  }
  return found;
}
