import { describe, expect, it } from 'vitest';
import { compileJsonPath } from './json-path.ts';

const document = {
  metadata: { name: 'a', labels: { 'app.io/x': 'y' } },
  status: {
    conditions: [
      { type: 'Ready', status: 'True', weight: 2 },
      { type: 'Synced', status: 'False', weight: 5 },
    ],
  },
  list: [1, 2, 3],
};
const find = (path: string): unknown[] => compileJsonPath(path)(document);

describe('a JSON path', () => {
  it.each([
    ['.metadata.name', ['a']],
    ['.metadata.nothing.more', []],
    [".metadata.labels['app.io/x']", ['y']],
    [String.raw`.metadata.labels.app\.io/x`, ['y']],
    ['.list[0]', [1]],
    ['.list[-1]', [3]],
    ['.list[1:]', [2, 3]],
    ['.list[0:2]', [1, 2]],
    ['.list[*]', [1, 2, 3]],
    ['.list[0,2]', [1, 3]],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type != 'Ready')].status", ['False']],
    ['.status.conditions[?(@.weight > 2)].type', ['Synced']],
    ['.status.conditions[?(@.nothing)].type', []],
    ['..type', ['Ready', 'Synced']],
    ['.status.conditions[*].weight', [2, 5]],
  ])('%s finds %j', (path, found) => expect(find(path)).toEqual(found));

  it.each(['.a[', '.a[x]', '.a[?(@.b == c)]', '.a[?x]', '.a..'])('%s is refused', (path) => {
    expect(() => compileJsonPath(path)).toThrow();
  });
});
