// Writes the table of docs/compose.md from the key table: `node scripts/compose-keys.mjs [--check]`.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const page = join(root, 'docs/compose.md');
const marks = ['<!-- keys: made by scripts/compose-keys.mjs -->', '<!-- end of keys -->'];

const { outputFiles } = await build({
  entryPoints: [join(root, 'src/delivery/compose/translate/keys/key-table.ts')],
  bundle: true,
  format: 'esm',
  write: false,
});
const { keyTable } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
);

const said = {
  field: ({ to, but }) => ['', but ? `${to}. ${but}` : to],
  command: ({ to, but }) => ['', but ? `${to}. ${but}` : to],
  refused: ({ why, unless }) => ['error', unless ? `${why} (${unless.join(', ')}: nothing to do)` : why],
  warned: ({ why, unless }) => ['warning', unless ? `${why} (${unless.join(', ')}: nothing to do)` : why],
  nothing: ({ why }) => ['none', why],
};
const rows = Object.entries(keyTable)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([key, effect]) => {
    const [kind, text] = said[effect.kind](effect);
    return `| \`${key.replace('services.*.', '')}\` | ${kind} | ${text.replaceAll('|', '\\|')} |`;
  });
const table = ['| key | | what becomes of it |', '|---|---|---|', ...rows].join('\n');

const text = readFileSync(page, 'utf8');
const [before] = text.split(marks[0]);
const [, after] = text.split(marks[1]);
const next = `${before}${marks[0]}\n\n${table}\n\n${marks[1]}${after}`;
if (process.argv.includes('--check')) process.exit(next === text ? 0 : 1);
writeFileSync(page, next);
