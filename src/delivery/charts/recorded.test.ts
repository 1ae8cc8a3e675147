import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { seededRandom } from '../../base/random.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { chartFunctions } from './functions/functions.ts';
import { builtins } from './template/builtins.ts';
import { parseTemplates, type TemplateSource } from './template/engine.ts';
import { mergeFunctions } from './template/function.ts';
import { settle } from './template/pause.ts';

/** One template with what Go makes of it: see recorded/README.md. */
interface Recorded {
  readonly template: string;
  readonly values?: unknown;
  readonly missingKey?: 'default' | 'zero' | 'error';
  readonly output?: string;
  readonly error?: string;
}

function read(name: string): Recorded[] {
  return JSON.parse(readFileSync(new URL(`recorded/${name}.json`, import.meta.url), 'utf8')) as Recorded[];
}

const tables = { language: read('language'), functions: read('functions'), yaml: read('yaml') };
const functions = chartFunctions({ clock: createSimulatedClock(), random: seededRandom(1) });

async function result({ template, values = {}, missingKey = 'zero' }: Recorded, times = 1): Promise<Partial<Recorded>> {
  try {
    const set = parseTemplates(Array<TemplateSource>(times).fill({ name: 't', text: template }), functions);
    return { output: await settle(() => set.execute('t', values, { missingKey })) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

// Local time is recorded as UTC.
process.env['TZ'] = 'UTC';

it.each(Object.keys(tables) as (keyof typeof tables)[])('gives what Go gives: %s', async (name) => {
  const actual: Recorded[] = [];
  for (const { output: _, error: __, ...rest } of tables[name]) actual.push({ ...rest, ...(await result(rest)) });
  expect(actual).toEqual(tables[name]);
});

it('gives the same for actions that were parsed before', async () => {
  for (const recorded of tables.language) expect(await result(recorded, 2)).toEqual(await result(recorded));
});

it('has a recorded template, or a test of its own, for every function', () => {
  /** What gives something else each time, and what only Helm has. */
  const elsewhere = new Set(
    `ago bcrypt break continue encryptAES genCA genCAWithKey genPrivateKey genSelfSignedCert genSelfSignedCertWithKey
    genSignedCert genSignedCertWithKey getHostByName htpasswd lookup mustToYaml now randAlpha randAlphaNum randAscii
    randBytes randInt randNumeric sha512sum shuffle tpl uuidv4`.split(/\s+/),
  );
  const text = Object.values(tables).flatMap((table) => table.map(({ template }) => template));
  const used = new Set(text.join(' ').match(/\w+/g));
  const names = Object.keys(mergeFunctions(builtins, functions));
  expect(names.filter((name) => !used.has(name) && !elsewhere.has(name))).toEqual([]);
});
