import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Logger } from '../../src/base/log.ts';
import { nodes } from '../../src/client/resources.ts';
import { fairWeather, type Weather } from './faulty-client.ts';
import { momentaryProblems, restingProblems } from './invariants.ts';
import { Workload } from './workload.ts';
import { SimulatedWorld } from './world.ts';

export interface Outcome {
  /** What was wrong, in words; empty: nothing. */
  problems: string[];
  /** Of everything that was ever written. */
  digest: string;
  events: number;
  acknowledged: number;
  /** Simulated, from the last fault to rest. */
  healedAfterMs: number;
}

const stormMs = 60_000;
/** Longer than any backoff that a minute of storm can have grown. */
const healingLimitMs = 600_000;

/** A minute of work in a storm, then calm until everything has come to rest. */
export async function simulate(seed: number, log?: Logger): Promise<Outcome> {
  const random = seededRandom(seed * 7919 + 1);
  const world = new SimulatedWorld(seed, log);
  const workload = new Workload(() => world.actor, random);
  void world.start(5 + random.int(6));
  await world.clock.advance(3_000);
  const acts = new Set<Promise<void>>();
  while (world.clock.monotonic() < stormMs) {
    await world.clock.advance(1 + random.int(400));
    const act = workload.act();
    acts.add(act);
    void act.finally(() => acts.delete(act));
    if (random.float() < 0.2) disturb(world, random);
    for (const problem of await momentaryProblems(world)) world.fail(problem);
  }
  await calm(world, acts);
  const start = world.clock.monotonic();
  let resting = await settle(world);
  const healedAfterMs = world.clock.monotonic() - start;
  // What is right must stay so.
  if (resting.length === 0) {
    await world.clock.advance(20_000);
    resting = await restingProblems(world);
  }
  const { history } = world.disk;
  const problems = [...world.problems, ...resting, ...world.historyProblems()];
  const { count: acknowledged } = world.acknowledgements;
  const outcome = { problems, digest: world.disk.digest(), events: history.length, acknowledged, healedAfterMs };
  await world.stop();
  return outcome;
}

async function settle(world: SimulatedWorld): Promise<string[]> {
  const limit = world.clock.monotonic() + healingLimitMs;
  for (;;) {
    await world.clock.advance(1_000);
    const problems = [...(await restingProblems(world)), ...(await momentaryProblems(world))];
    if (problems.length === 0 || world.clock.monotonic() >= limit) return problems;
  }
}

async function calm(world: SimulatedWorld, acts: ReadonlySet<Promise<void>>): Promise<void> {
  let isHealed = false;
  void world.heal().then(() => (isHealed = true));
  const limit = world.clock.monotonic() + healingLimitMs;
  while ((!isHealed || acts.size > 0) && world.clock.monotonic() < limit) await world.clock.advance(100);
  if (!isHealed) world.fail('the API server does not start again');
  if (acts.size > 0) world.fail(`${acts.size} requests were never answered`);
  if (!world.isUp) return;
  for (const { metadata, spec } of (await world.client.list(nodes)).items) {
    const name = metadata.name ?? '';
    const document = { spec: { unschedulable: null } };
    if (spec?.unschedulable) await world.client.patch(nodes, { name }, { kind: 'merge', document });
  }
}

const storms: readonly Weather[] = [
  fairWeather,
  { ...fairWeather, watchTrouble: 0.5, watchLate: 0.3 },
  { ...fairWeather, refused: 0.05, answerLost: 0.05, overloaded: 0.05, late: 0.3 },
  { refused: 0.1, answerLost: 0.1, overloaded: 0.1, late: 0.3, timedOut: 0.02, watchTrouble: 0.5, watchLate: 0.5 },
  { ...fairWeather, answerLost: 0.3 },
];

/** One fault, or the end of one. */
function disturb(world: SimulatedWorld, random: Random): void {
  const { clock, disk } = world;
  const later = (ms: number, then: () => void): void => void clock.setTimer(1 + random.int(ms), then);
  const machines = [...world.machines.values()];
  const machine = machines[random.int(machines.length)];
  const kind = random.int(11);
  if (kind <= 2) world.weather = storms[random.int(storms.length)] as Weather;
  else if (kind === 3) disk.slowRate = random.float() < 0.5 ? 0 : random.float();
  else if (kind === 4) disk.failureRate = random.float() < 0.5 ? 0 : 0.2 * random.float();
  else if (kind === 5) {
    disk.isFull = true;
    later(5_000, () => (disk.isFull = false));
  } else if (kind === 6) {
    void world.crashApiServer();
    later(3_000, () => void world.startApiServer());
  } else if (kind === 7) {
    const part = random.float() < 0.5 ? 'controllers' : 'scheduler';
    void world.crashPart(part);
    later(8_000, () => world.startPart(part));
  } else if (kind === 8) {
    void machine?.crashAgent();
    later(6_000, () => machine?.startAgent());
  } else if (kind === 9) {
    void machine?.powerOff();
    later(20_000, () => machine?.boot());
  } else if (random.float() < 0.7) void world.compact();
  else world.addMachine();
}
