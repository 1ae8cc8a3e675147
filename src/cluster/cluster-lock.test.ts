import { expect, it } from 'vitest';
import { whilePlanning } from './cluster-lock.ts';

it('lets one planner work at a time, also after one that failed', async () => {
  const log: string[] = [];
  const plan = (name: string, fails = false): Promise<void> =>
    whilePlanning(async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  const results = await Promise.allSettled([plan('a'), plan('b', true), plan('c'), plan('d')]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  for (let i = 0; i < log.length; i += 2) expect(log[i + 1]).toBe(log[i]?.replace('begins', 'ends'));
  expect(log).toHaveLength(8);
});
