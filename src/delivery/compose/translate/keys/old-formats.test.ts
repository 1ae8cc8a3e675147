import { describe, expect, it } from 'vitest';
import type { KeyExample } from '../../../../../test/support/compose-keys/example.ts';
import { format1Examples, format1Keys } from '../../../../../test/support/compose-keys/format-1.ts';
import { formats, keysIn, type OldFormat, oldExamples } from '../../../../../test/support/compose-keys/old-formats.ts';
import { buildExamples, sectionExamples } from '../../../../../test/support/compose-keys/other-examples.ts';
import { escape, named, outcome } from '../../../../../test/support/compose-keys/outcome.ts';
import { deployExamples, serviceExamples } from '../../../../../test/support/compose-keys/service-examples.ts';
import { keyTable } from './key-table.ts';

const today: Record<string, KeyExample> = {
  ...serviceExamples,
  ...deployExamples,
  ...buildExamples,
  ...sectionExamples,
};

/** What comes of a file, also of one that is refused while it is read. */
function outcomeOf(file: string): ReturnType<typeof outcome> {
  try {
    return outcome(file);
  } catch (error) {
    return { text: '', said: (error as Error).message };
  }
}

/** That a key of an old file does what the key table says it does, or is told of with file, line and key. */
function expectEffect(key: string, { file, shows, says }: KeyExample): void {
  const effect = keyTable[key];
  const { text, said } = outcomeOf(file);
  for (const part of [shows ?? []].flat()) expect(text).toContain(part);
  const isSaid = effect?.kind === 'refused' || effect?.kind === 'warned' || says !== undefined;
  if (!isSaid) return expect(shows ?? '', 'an effect that shows').not.toBe('');
  const why = says ?? (effect && 'why' in effect ? effect.why : '');
  // What is said of the whole file, and of keys that are honoured by another name, has its place from the command.
  const place = /deprecated|obsolete/.test(why) ? '' : String.raw`^(?:.*:)?compose\.yaml:\d+: .*`;
  expect(said).toMatch(new RegExp(`${place}${escape(why)}`, 'm'));
  if (says === undefined) expect(said).toContain(`${named(key)}: `);
}

/** Says more than the file's version does. */
const withVersion = (version: string, example: KeyExample): KeyExample => ({
  ...example,
  file: `version: '${version}'\n${example.file.replace(/^version: .*\n/, '')}`,
});

describe('keys of format 1', () => {
  it('have an example each', () => {
    expect(Object.keys(format1Examples).sort()).toEqual([...format1Keys].sort());
  });

  it.each(format1Keys)('%s', (key) => {
    expectEffect(`services.*.${key}`, format1Examples[key] as KeyExample);
  });
});

describe.each<OldFormat>(formats)('keys new in format %s', (version) => {
  it.each(keysIn(version))('%s', (key) => {
    const example = oldExamples[key] ?? today[key];
    if (!example) throw new Error(`there is no example of ${key}`);
    expectEffect(oldExamples[key] ? '' : key, withVersion(version, example));
  });
});
