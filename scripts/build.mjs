// Bundles the program into dist/: one entry for the CLI, one for the library, code split so that a command loads only what
// it needs; the programs of the server, of the agent, of `up` and of `chart` in one file each, whose compiled code can be
// kept (src/cli/compiled-code.ts), and the scripts that load the first two; and the library's declarations. `lmdb` stays outside
// (native addon).
import { build } from 'esbuild';
import { chmodSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { basename, dirname, join } from 'node:path';
import { emitTypes } from './emit-types.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** JSON as a text that is parsed when the program runs, in half the time that an object literal of that size takes. */
const largeJson = {
  name: 'large JSON',
  setup(builder) {
    builder.onLoad({ filter: /\/generated\/.*\.json$/ }, ({ path }) => {
      const text = JSON.stringify(JSON.parse(readFileSync(path, 'utf8')));
      return { contents: `export default JSON.parse(${JSON.stringify(text)});`, loader: 'js' };
    });
  },
};
rmSync(join(root, 'dist'), { recursive: true, force: true });
const common = {
  outdir: join(root, 'dist'),
  bundle: true,
  metafile: true,
  platform: 'node',
  target: 'node20.19',
  external: ['lmdb'],
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  plugins: [largeJson],
  logLevel: 'warning',
};
const define = { TIMONEL_VERSION: JSON.stringify(version) };
/** A program in one file, whose compiled code can be kept: its name, and what is in it. */
async function buildWhole(name, entry) {
  const { metafile } = await build({
    ...common,
    entryPoints: { [name]: join(root, entry) },
    entryNames: '[name]-[hash]',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    // It is loaded as a script, which knows only require().
    supported: { 'dynamic-import': false },
    banner: { js: '((module,require,__dirname)=>{var{exports}=module;' },
    footer: { js: '})' },
    define: { ...define, 'import.meta.dirname': '__dirname' },
  });
  const [file] = Object.keys(metafile.outputs).map((path) => basename(path));
  escapeNonAscii(join(root, 'dist', file));
  return { file, inputs: metafile.inputs };
}
const chart = await buildWhole('chart', 'src/cli/chart-program.ts');
const up = await buildWhole('up', 'src/cli/up-program.ts');
/** Programs of processes that are started in the background, and the scripts that load them. */
const programs = [chart, up];
for (const name of ['server', 'agent']) {
  const program = await buildWhole(name, `src/cli/local-${name}.ts`);
  programs.push(program);
  await build({
    ...common,
    entryPoints: { [name]: join(root, `src/cli/${name}-main.ts`) },
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    define: { TIMONEL_PROGRAM: JSON.stringify(program.file) },
  });
}
const { metafile } = await build({
  ...common,
  entryPoints: { timonel: join(root, 'src/main.ts'), library: join(root, 'src/library.ts') },
  splitting: true,
  format: 'esm',
  define: { ...define, TIMONEL_CHART: JSON.stringify(chart.file), TIMONEL_UP: JSON.stringify(up.file) },
  // CommonJS dependencies call require() for Node's own modules.
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
});
startBySh(join(root, 'dist/timonel.js'));
writeFileSync(
  join(root, 'dist/THIRD-PARTY-LICENSES'),
  licencesOf({ inputs: Object.assign({}, ...[metafile, ...programs].map(({ inputs }) => inputs)) }),
);
emitTypes(root);

/**
 * Node looks for its own flags also after a program's name: `--env-file` of `timonel compose` is one. With `--` it does
 * not, which the first line cannot say everywhere (BusyBox's `env` has no -S): the shell reads the second one, and to
 * Node that is a text and a comment.
 */
function startBySh(file) {
  const text = readFileSync(file, 'utf8').replace(/^#!.*\n/, '');
  writeFileSync(file, `#!/bin/sh\n":" //; exec node -- "$0" "$@"\n${text}`);
  chmodSync(file, 0o755);
}

/** It is read as ASCII. esbuild escapes what is in strings, and leaves regular expressions as they are. */
function escapeNonAscii(file) {
  const escape = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/[\u0080-\uffff]/g, escape));
}

/** The licences of the packages in the bundle, which must travel with it. */
function licencesOf({ inputs }) {
  // Where a package was found is not always this directory: it may be installed further up.
  const found = Object.keys(inputs).flatMap((path) => {
    const match = /^(.*node_modules\/)((?:@[^/]+\/)?[^/]+)\//.exec(path);
    return match ? [[match[2], join(process.cwd(), match[1], match[2])]] : [];
  });
  const texts = [...new Map(found)]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, directory]) => {
      const file = readdirSync(directory).find((each) => /^licen[cs]e/i.test(each));
      if (!file) throw new Error(`${name} is bundled, and has no licence file`);
      return `${name}\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
    });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}
