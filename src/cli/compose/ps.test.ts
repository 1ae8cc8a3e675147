import { expect, it } from 'vitest';
import { stateCounts } from './ps.ts';

it.each([
  [[], ''],
  [['running', 'running'], 'running(2)'],
  [['running', 'exited', 'running'], 'exited(1), running(2)'],
])('a project of containers that are %j is listed as %j', (states, text) => {
  expect(stateCounts(states)).toBe(text);
});
