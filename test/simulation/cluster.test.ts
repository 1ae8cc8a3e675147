import { expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import { simulate } from './run.ts';

const given = process.env['TIMONEL_SEED'];
const seeds = given ? [Number(given)] : [1, 2, 3, systemRandom.int(2 ** 31), systemRandom.int(2 ** 31)];
const words = process.env['TIMONEL_SIMULATION_LOG'];
const log = words
  ? createLogger({ level: words === 'debug' ? 'debug' : 'warn', now: () => 0, write: (line) => console.log(line) })
  : undefined;

it.each(seeds)(
  'keeps its promises in a storm, and comes to rest after it (TIMONEL_SEED=%i replays)',
  async (seed) => {
    const { problems, events, acknowledged, healedAfterMs } = await simulate(seed, log);
    console.log(
      `seed ${seed}: ${events} events, ${acknowledged} acknowledged writes, at rest after ${healedAfterMs} ms`,
    );
    expect(problems).toEqual([]);
  },
  120_000,
);

it(`does the same again from the same seed`, async () => {
  const seed = seeds[0] as number;
  const first = await simulate(seed);
  const second = await simulate(seed);
  expect(second.digest).toBe(first.digest);
}, 240_000);
