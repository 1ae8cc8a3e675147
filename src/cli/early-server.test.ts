import { expect, test } from 'vitest';
import { clusterNameIn } from './early-server.ts';

test.each([
  { words: [], environment: {}, name: 'dev' },
  { words: ['--nodes', '3'], environment: { TIMONEL_CLUSTER: 'mine' }, name: 'mine' },
  { words: ['--name', 'other', '-o', 'json'], environment: { TIMONEL_CLUSTER: 'mine' }, name: 'other' },
  { words: ['--name=other'], environment: {}, name: 'other' },
  { words: ['--name', 'first', '--name=last'], environment: {}, name: 'last' },
  { words: ['--name'], environment: {}, name: undefined },
  { words: ['--name', 'other', '--help'], environment: {}, name: undefined },
  { words: ['-h'], environment: {}, name: undefined },
])('the words of `up` $words name the cluster $name', ({ words, environment, name }) => {
  expect(clusterNameIn(words, environment)).toBe(name);
});
