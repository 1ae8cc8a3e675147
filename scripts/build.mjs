// Bundles the program into dist/: one entry for the CLI, one for the library, code split so that a command loads only what
// it needs. `lmdb` stays outside (native addon).
import { build } from 'esbuild';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
rmSync(join(root, 'dist'), { recursive: true, force: true });
await build({
  entryPoints: { timonel: join(root, 'src/main.ts'), library: join(root, 'src/library.ts') },
  outdir: join(root, 'dist'),
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: ['lmdb'],
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  define: { TIMONEL_VERSION: JSON.stringify(version) },
  // CommonJS dependencies call require() for Node's own modules.
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  logLevel: 'warning',
});
chmodSync(join(root, 'dist/timonel.js'), 0o755);
