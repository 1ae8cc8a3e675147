import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('has a few begin at once, and the rest in later turns, in order', async () => {
  const turns = new Turns();
  const begun: number[] = [];
  for (let i = 0; i < 20; i++) turns.take(() => begun.push(i));
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await nextTurn();
  expect(begun).toHaveLength(16);
  turns.take(() => begun.push(20));
  expect(begun).toHaveLength(16);
  await nextTurn();
  expect(begun).toEqual(Array.from({ length: 21 }, (_, i) => i));
  await nextTurn();
  turns.take(() => begun.push(21));
  expect(begun.at(-1)).toBe(21);
});
