import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import {
  annotationPrefix,
  annotationsWithoutEffect,
  refusedAnnotations,
  servedAnnotations,
  type ServedInfo,
} from './table.ts';

const file = new URL('../../../../docs/ingress-annotations.md', import.meta.url).pathname;
const readers = [
  'access',
  'answers',
  'authorize',
  'canary',
  'client-certificates',
  'fastcgi',
  'mirror',
  'routing',
  'upstream',
].map((name) => readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8'));
const cell = (text: string): string => text.replaceAll('|', '\\|');
const names = (all: object): string[] => Object.keys(all).toSorted();

async function page(): Promise<string> {
  const served = Object.entries(servedAnnotations as Record<string, ServedInfo>).map(
    ([name, { values, effect, mustHold }]) =>
      `| \`${name}\` | ${cell(values)} | ${cell(effect)}${mustHold ? ' **(!)**' : ''} |`,
  );
  const others = (all: Readonly<Record<string, string>>): string[] =>
    names(all).map((name) => `| \`${name}\` | ${cell(all[name] ?? '')} |`);
  const text = [
    '# Annotations of ingresses',
    `What the annotations of ingress-nginx (\`${annotationPrefix}…\`) do here. \`timonel ingress annotations\` prints the same.`,
    'An annotation that protects something is marked with **(!)**: an ingress whose value for it is not understood is not served ' +
      '(503), and an event says why. A wrong value of another one has no effect, and an event says so.',
    ['| annotation | values | effect |', '|---|---|---|', ...served].join('\n'),
    '## Refused',
    'An ingress with one of these is not served (503), and an event says why: it may be meant to keep people out. So is one ' +
      'with an annotation of ingress-nginx that nobody has heard of, when its name sounds like protection.',
    ['| annotation | why |', '|---|---|', ...others(refusedAnnotations)].join('\n'),
    '## Without effect',
    'An event says so, and the ingress is served.',
    ['| annotation | here |', '|---|---|', ...others(annotationsWithoutEffect)].join('\n'),
  ].join('\n\n');
  return format(text, { ...(await resolveConfig(file)), parser: 'markdown' });
}

describe('the table of annotations', () => {
  it('is what the documentation shows (vitest -u writes it)', async () => {
    await expect(await page()).toMatchFileSnapshot(file);
  });

  it('names what is read, and nothing else', () => {
    const unread = names(servedAnnotations).filter((name) => {
      const isRead = readers.some(
        (text) => text.includes(`'${name}'`) || text.includes(`'${name.replace(/-code$/, '')}'`),
      );
      return !isRead;
    });
    expect(unread).toEqual([]);
  });

  it('says one thing about each', () => {
    const all = [servedAnnotations, annotationsWithoutEffect, refusedAnnotations].flatMap(names);
    expect(all.length).toBe(new Set(all).size);
  });
});
