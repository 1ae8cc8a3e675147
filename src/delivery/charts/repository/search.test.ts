import { describe, expect, it } from 'vitest';
import type { IndexEntry, RepositoryIndex } from './index-file.ts';
import { searchCharts, type SearchOptions } from './search.ts';

function entry(name: string, version: string, more: Partial<IndexEntry> = {}): IndexEntry {
  return { name, version, apiVersion: 'v2', urls: [`${name}-${version}.tgz`], ...more };
}

const repositories: { name: string; index: RepositoryIndex }[] = [
  {
    name: 'shop',
    index: {
      entries: {
        cart: [
          entry('cart', '2.0.0', { description: 'Holds what the Web wants', appVersion: '7' }),
          entry('cart', '1.0.0'),
        ],
        web: [entry('web', '1.1.0-rc.1'), entry('web', '1.0.0', { keywords: ['Front', 'site'] })],
      },
    },
  },
  { name: 'web', index: { entries: { mail: [entry('mail', '3.0.0')] } } },
];

async function names(options: Partial<SearchOptions>): Promise<string[]> {
  const found = await searchCharts(repositories, {
    ...{ text: '', isExpression: false, range: '', allVersions: false },
    ...options,
  });
  return found.map(({ name, version }) => `${name} ${version}`);
}

describe('a search in repositories', () => {
  it('finds everything without a word, by name', async () => {
    expect(await names({})).toEqual(['shop/cart 2.0.0', 'shop/web 1.0.0', 'web/mail 3.0.0']);
  });

  it('puts names before repositories, and those before descriptions and keywords', async () => {
    expect(await names({ text: 'WEB' })).toEqual(['shop/web 1.0.0', 'web/mail 3.0.0', 'shop/cart 2.0.0']);
    expect(await names({ text: 'front' })).toEqual(['shop/web 1.0.0']);
    expect(await names({ text: 'nothing' })).toEqual([]);
  });

  it('tells versions in a range, and all of them', async () => {
    expect(await names({ text: 'cart', allVersions: true })).toEqual(['shop/cart 2.0.0', 'shop/cart 1.0.0']);
    expect(await names({ text: 'cart', range: '<2' })).toEqual(['shop/cart 1.0.0']);
    expect(await names({ text: 'shop/web', range: '>0.0.0-0' })).toEqual(['shop/web 1.1.0-rc.1']);
  });

  it("takes Go's expressions, and stays quick with those that others never end with", async () => {
    expect(await names({ text: '^(?P<first>c|m)a', isExpression: true })).toEqual([
      'shop/cart 2.0.0',
      'web/mail 3.0.0',
    ]);
    expect(await names({ text: '(a+)+$|(.*)*x{50}$', isExpression: true })).toEqual([]);
    await expect(names({ text: '(', isExpression: true })).rejects.toThrow('missing closing )');
  });
});
