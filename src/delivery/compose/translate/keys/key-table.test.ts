import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  buildExamples,
  developExamples,
  sectionExamples,
} from '../../../../../test/support/compose-keys/other-examples.ts';
import type { KeyExample } from '../../../../../test/support/compose-keys/example.ts';
import { keyExceptions } from '../../../../../test/support/compose-keys/exceptions.ts';
import { escape, named, outcome } from '../../../../../test/support/compose-keys/outcome.ts';
import { deployExamples, serviceExamples } from '../../../../../test/support/compose-keys/service-examples.ts';
import { keyTable } from './key-table.ts';

interface Schema {
  $ref?: string;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

const root = JSON.parse(readFileSync(new URL('../../schema/compose-spec.json', import.meta.url), 'utf8')) as Schema & {
  definitions: Record<string, Schema>;
};

/** Every key that the published schema knows. */
function keysOf(given: Schema, path: string): string[] {
  const schema = given.$ref ? (root.definitions[given.$ref.split('/').at(-1) ?? ''] ?? {}) : given;
  const { properties = {}, patternProperties = {}, additionalProperties, items } = schema;
  const named = Object.entries(properties).flatMap(([key, inner]) => {
    const at = path === '' ? key : `${path}.${key}`;
    return [at, ...keysOf(inner, at)];
  });
  const anyName = Object.entries(patternProperties).filter(([pattern]) => pattern !== '^x-');
  return [
    ...named,
    ...anyName.flatMap(([, inner]) => keysOf(inner, `${path}.*`)),
    ...(typeof additionalProperties === 'object' ? keysOf(additionalProperties, `${path}.*`) : []),
    ...(items ? keysOf(items, `${path}[]`) : []),
    ...[...(schema.oneOf ?? []), ...(schema.anyOf ?? []), ...(schema.allOf ?? [])].flatMap((inner) =>
      keysOf(inner, path),
    ),
  ];
}

const documented = [...new Set(keysOf(root, ''))].sort();
const examples: Record<string, KeyExample> = {
  ...serviceExamples,
  ...deployExamples,
  ...developExamples,
  ...buildExamples,
  ...sectionExamples,
};

describe('the key table', () => {
  it('has every key of the published schema, and no other', () => {
    expect(Object.keys(keyTable).sort()).toEqual(expect.arrayContaining(documented));
    // Subkeys of what the schema leaves open are of the loader's.
    expect(documented).toEqual(expect.arrayContaining(Object.keys(keyTable)));
  });

  it('has an example of every key', () => {
    expect(Object.keys(examples).sort()).toEqual(Object.keys(keyTable).sort());
  });

  it('has an example of every exception', () => {
    const excepted = Object.keys(keyTable).filter((key) => 'but' in (keyTable[key] ?? {}));
    expect(Object.keys(keyExceptions).sort()).toEqual(excepted.sort());
  });

  it.each(Object.entries(keyExceptions))('says what is excepted: %s', (_, { file, shows, says, isElsewhere }) => {
    const { text, said } = outcome(file, !isElsewhere);
    for (const part of [shows ?? []].flat()) expect(text).toContain(part);
    if (says !== undefined) expect(said).toMatch(new RegExp(String.raw`^compose\.yaml:\d+: .*${escape(says)}`, 'm'));
    // The rule that it is an exception of.
    if (isElsewhere) expect(outcome(file).said).not.toContain(says);
  });

  it('is what docs/compose.md says', () => {
    const script = fileURLToPath(new URL('../../../../../scripts/compose-keys.mjs', import.meta.url));
    expect(() => execFileSync(process.execPath, [script, '--check'])).not.toThrow();
  });

  describe.each(Object.entries(examples))('%s', (key, { file, shows, says }) => {
    const effect = keyTable[key];
    const isSaid = effect?.kind === 'refused' || effect?.kind === 'warned' || says !== undefined;
    it(isSaid ? 'is told of, with file, line and key' : 'has its effect', () => {
      const { text, said } = outcome(file);
      for (const part of [shows ?? []].flat()) expect(text).toContain(part);
      if (!isSaid) expect(said.trim()).not.toMatch(/^compose\.yaml:\d+: (?!.*(?:device plugin|Kubernetes waits)).*/m);
      const why = says ?? (effect && 'why' in effect ? effect.why : '');
      if (isSaid)
        expect(said).toMatch(new RegExp(String.raw`^(?:.*:)?compose\.yaml:\d+: .*${escape(why)}|${escape(why)}`, 'm'));
      if (isSaid && says === undefined) expect(said).toContain(`${named(key)}: `);
    });
  });
});
