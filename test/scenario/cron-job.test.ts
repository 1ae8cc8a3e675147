import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CronJob, CronJobSpec } from '../../src/api/types/batch-v1.ts';
import { cronJobs, events, jobs, pods } from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  // Nodes show that they live twice a second, which makes days long.
  world = await startControllerWorld({ nodes: 0 });
});
afterEach(async () => {
  await world.stop();
  expect(world.warnings).toEqual([]);
});

const name = { name: 'tick', namespace: 'default' };
const minute = 60_000;

function tick(spec: Partial<CronJobSpec> = {}): CronJob {
  const template = { spec: { containers: [{ name: 'main', image: 'tick' }], restartPolicy: 'Never' } };
  return { metadata: { ...name }, spec: { schedule: '*/10 * * * *', jobTemplate: { spec: { template } }, ...spec } };
}

const current = async () => (await world.client.get(cronJobs, name)).status;
const jobNames = async () => (await world.list(jobs)).map(({ metadata }) => metadata.name);
const told = async () => (await world.list(events)).map(({ reason, message }) => `${reason}: ${message}`);
const patch = (spec: Record<string, unknown>) =>
  world.client.patch(cronJobs, name, { kind: 'merge', document: { spec } });

/** Ends all pods that there are, well. */
async function finishPods(): Promise<void> {
  for (const pod of await world.list(pods)) {
    const status = { ...pod.status, phase: 'Succeeded' };
    await world.client.update(pods, { ...pod, status }, { subresource: 'status' });
  }
  await world.clock.advance(100);
}

const nameAt = (text: string) => `tick-${Date.parse(text) / minute}`;

it('starts a job at each time, and keeps as many as its history allows', async () => {
  await world.client.create(cronJobs, tick());
  await world.clock.advance(9 * minute);
  expect(await jobNames()).toEqual([]);
  await world.clock.advance(minute + 500);
  const [job] = await world.list(jobs);
  expect(job?.metadata).toMatchObject({
    name: nameAt('2026-01-01T00:10Z'),
    annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T00:10:00Z' },
    ownerReferences: [{ kind: 'CronJob', name: 'tick', controller: true }],
  });
  expect(await current()).toMatchObject({
    active: [{ kind: 'Job', name: job?.metadata.name }],
    lastScheduleTime: '2026-01-01T00:10:00Z',
  });
  for (let i = 0; i < 5; i++) {
    await finishPods();
    await world.clock.advance(10 * minute);
  }
  await finishPods();
  const kept = ['00:40', '00:50', '01:00'].map((time) => nameAt(`2026-01-01T${time}Z`));
  expect(await jobNames()).toEqual(kept);
  const { active = [], lastSuccessfulTime } = (await current()) ?? {};
  expect([active, lastSuccessfulTime]).toEqual([[], expect.stringMatching(/^2026-01-01T01:00:/)]);
  expect(await told()).toContain(`SawCompletedJob: Saw completed job: ${kept[1]}, condition: Complete`);
});

it('goes by the clock of a time zone', async () => {
  await world.client.create(cronJobs, tick({ schedule: '15 19 * * *', timeZone: 'America/New_York' }));
  await world.clock.advance(16 * minute);
  expect(await jobNames()).toEqual([nameAt('2026-01-01T00:15Z')]);
});

it('leaves out what comes while another runs, or replaces it, or runs both', async () => {
  for (const [concurrencyPolicy, expected] of [
    ['Forbid', [0]],
    ['Replace', [1]],
    ['Allow', [0, 1]],
  ] as const) {
    const start = Math.ceil((world.clock.now() + minute) / (10 * minute));
    await world.client.create(cronJobs, tick({ concurrencyPolicy }));
    await world.clock.advance((start + 1) * 10 * minute - world.clock.now() + 1_000);
    expect(await jobNames()).toEqual(expected.map((i) => `tick-${(start + i) * 10}`));
    await world.client.delete(cronJobs, name);
    await world.until('nothing left', async () => (await jobNames()).length === 0);
  }
  const reason = 'JobAlreadyActive: Not starting job because prior execution is running';
  expect((await told()).some((text) => text.startsWith(reason))).toBe(true);
});

it('does nothing while suspended, and makes up for the last time only', async () => {
  await world.client.create(cronJobs, tick({ suspend: true }));
  await world.clock.advance(45 * minute);
  expect(await jobNames()).toEqual([]);
  await patch({ suspend: false });
  await world.clock.advance(1_000);
  expect(await jobNames()).toEqual([nameAt('2026-01-01T00:40Z')]);
});

it('does not start what is too late, and says when it has missed too much', async () => {
  await world.client.create(cronJobs, tick({ suspend: true, schedule: '* * * * *', startingDeadlineSeconds: 20 }));
  await world.clock.advance(3 * minute + 30_000);
  await patch({ suspend: false, schedule: '*/30 * * * *' });
  await world.clock.advance(1_000);
  expect(await jobNames()).toEqual([]);
  await patch({ suspend: true, schedule: '* * * * *', startingDeadlineSeconds: null });
  await world.clock.advance(120 * minute);
  await patch({ suspend: false });
  await world.clock.advance(1_000);
  expect(await jobNames()).toHaveLength(1);
  expect((await told()).some((text) => text.startsWith('TooManyMissedTimes'))).toBe(true);
});

it('starts each time once, though its controller was started anew', async () => {
  await world.client.create(cronJobs, tick({ successfulJobsHistoryLimit: 10 }));
  for (let i = 0; i < 4; i++) {
    await world.clock.advance(5 * minute + 200);
    await world.restartControllers();
  }
  expect(await jobNames()).toHaveLength(2);
});

it('says of a schedule with a day that no month has that it never comes', async () => {
  await world.client.create(cronJobs, tick({ schedule: '59 23 31 2 *' }));
  await world.until('the controller has told', async () => (await told()).length > 0);
  expect(await told()).toEqual([
    'InvalidSchedule: invalid schedule: 59 23 31 2 * : time difference between two schedules is less than 1 second',
  ]);
});
