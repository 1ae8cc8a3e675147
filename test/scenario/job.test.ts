import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job, JobSpec } from '../../src/api/types/batch-v1.ts';
import type { Pod } from '../../src/api/types/core-v1.ts';
import { events, jobs, pods } from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld();
  world.runner.endOf = () => ({ afterMs: 1_000, exitCode: 0 });
});
afterEach(async () => {
  await world.stop();
  expect(world.warnings).toEqual([]);
});

const name = { name: 'sum', namespace: 'default' };
const minutes = 60_000;

async function start(spec: Partial<JobSpec> = {}): Promise<void> {
  const template = { spec: { containers: [{ name: 'main', image: 'sum:1' }], restartPolicy: 'Never' } };
  await world.client.create(jobs, { metadata: name, spec: { template, ...spec } });
}

const current = (): Promise<Job> => world.client.get(jobs, name);
const holds = async (type: string) => (await current()).status?.conditions?.find((c) => c.type === type);
const ended = async (): Promise<boolean> => Boolean((await holds('Complete')) ?? (await holds('Failed')));
const reasons = async () =>
  (await world.list(events, { namespace: 'default' }))
    .filter((e) => e.involvedObject.kind === 'Job')
    .map(({ reason, message }) => `${reason}: ${message}`);
const indexOf = (pod: Pod) => pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
const patch = (spec: Record<string, unknown>) => world.client.patch(jobs, name, { kind: 'merge', document: { spec } });
const fails = (exitCode: number) => () => ({ afterMs: 1_000, exitCode });

describe('a job', () => {
  it('runs one pod to its end and says so', async () => {
    await start();
    await world.until('an active pod', async () => (await current()).status?.ready === 1);
    const [pod] = await world.list(pods);
    const { uid = '' } = (await current()).metadata;
    expect(pod?.metadata).toMatchObject({
      generateName: 'sum-',
      finalizers: ['batch.kubernetes.io/job-tracking'],
      labels: { 'job-name': 'sum', 'controller-uid': uid, 'batch.kubernetes.io/controller-uid': uid },
    });
    expect((await current()).status).toMatchObject({ active: 1, ready: 1, terminating: 0 });
    await world.until('the end', ended);
    const { status } = await current();
    expect(status).toMatchObject({ succeeded: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
    expect(status).not.toHaveProperty('active');
    expect(status?.completionTime).toBeDefined();
    const why = { reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
    expect(status?.conditions).toMatchObject([
      { type: 'SuccessCriteriaMet', status: 'True', ...why },
      { type: 'Complete', status: 'True', ...why },
    ]);
    expect((await world.list(pods))[0]?.metadata.finalizers ?? []).toEqual([]);
    expect(await reasons()).toEqual([
      `SuccessfulCreate: Created pod: ${pod?.metadata.name}`,
      'Completed: Job completed',
    ]);
  });

  it('runs as many at a time as its parallelism says, until enough have succeeded', async () => {
    await start({ completions: 7, parallelism: 3 });
    let most = 0;
    await world.until('the end', async () => {
      most = Math.max(most, (await current()).status?.active ?? 0);
      return ended();
    });
    expect([most, (await current()).status?.succeeded, (await world.list(pods)).length]).toEqual([3, 7, 7]);
  });

  it('tries again after 10, 20, 40 s, and gives up beyond the back-off limit', async () => {
    world.runner.endOf = fails(1);
    await start({ backoffLimit: 3 });
    const made: number[] = [];
    const startedAt = world.clock.now();
    await world.until(
      'the end',
      async () => {
        const count = (await world.list(pods)).length;
        if (count > made.length) made.push(Math.round((world.clock.now() - startedAt) / 1000));
        return ended();
      },
      5 * minutes,
    );
    expect(made).toEqual([0, 11, 32, 73]);
    const why = { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
    expect((await current()).status).toMatchObject({
      failed: 4,
      conditions: [
        { type: 'FailureTarget', ...why },
        { type: 'Failed', ...why },
      ],
    });
    expect(await reasons()).toContain('BackoffLimitExceeded: Job has reached the specified backoff limit');
  });

  it('ends what still runs when it has been active for too long, and counts it as failed', async () => {
    world.runner.endOf = () => undefined;
    await start({ activeDeadlineSeconds: 20, parallelism: 2, completions: 2 });
    const took = await world.until('the end', ended, minutes);
    expect(took).toBeGreaterThan(19_000);
    expect(await holds('Failed')).toMatchObject({ reason: 'DeadlineExceeded' });
    expect((await current()).status).toMatchObject({ failed: 2, terminating: 0 });
    await world.clock.advance(1_000);
    expect(await world.list(pods)).toEqual([]);
  });

  it('goes with its pods some time after its end', async () => {
    await start({ ttlSecondsAfterFinished: 30 });
    await world.until('the end', ended);
    await world.clock.advance(28_000);
    expect(await world.list(jobs)).toHaveLength(1);
    await world.clock.advance(5_000);
    expect([await world.list(jobs), await world.list(pods)]).toEqual([[], []]);
  });

  it('stands still while suspended, and starts anew', async () => {
    world.runner.endOf = () => undefined;
    await start({ suspend: true, parallelism: 2, completions: 2 });
    await world.clock.advance(1_000);
    expect([await world.list(pods), (await current()).status?.startTime]).toEqual([[], undefined]);
    expect(await holds('Suspended')).toMatchObject({ status: 'True', reason: 'JobSuspended' });
    await patch({ suspend: false });
    await world.until('two pods', async () => (await current()).status?.ready === 2);
    await patch({ suspend: true });
    await world.until('no pods', async () => (await world.list(pods)).length === 0);
    expect((await current()).status?.failed ?? 0).toBe(0);
    world.runner.endOf = fails(0);
    await patch({ suspend: false });
    await world.until('the end', ended);
    expect((await current()).status?.succeeded).toBe(2);
    const told = (await reasons()).map((text) => text.split(':')[0]);
    for (const reason of ['Suspended', 'Resumed', 'SuccessfulDelete']) expect(told).toContain(reason);
  });

  it('counts every end once, whatever becomes of the controllers and their caches', async () => {
    await world.stop();
    world = await startControllerWorld({ watchDelayMs: 300 });
    world.runner.endOf = (pod) => ({
      afterMs: 400,
      exitCode: Number(pod.metadata.name?.at(-1)?.match(/[b-h]/) !== null),
    });
    await start({ completions: 12, parallelism: 4, backoffLimit: 1000 });
    for (let i = 0; i < 4; i++) {
      await world.clock.advance(2_000);
      await world.restartControllers();
    }
    await world.until('the end', ended, 2 * 60 * minutes);
    const all = await world.list(pods);
    const { succeeded, failed } = (await current()).status ?? {};
    expect(succeeded).toBe(all.filter(({ status }) => status?.phase === 'Succeeded').length);
    expect(failed ?? 0).toBe(all.filter(({ status }) => status?.phase === 'Failed').length);
    expect(succeeded).toBe(12);
  });

  it('lets its pods go when it is deleted, and leaves them when it is taken from them', async () => {
    world.runner.endOf = () => undefined;
    await start({ parallelism: 2, completions: 2 });
    await world.until('two pods', async () => (await current()).status?.ready === 2);
    await world.client.delete(jobs, name, { propagationPolicy: 'Orphan' });
    await world.until('no finalizers', async () =>
      (await world.list(pods)).every((p) => !p.metadata.finalizers?.length),
    );
    expect(await world.list(pods)).toHaveLength(2);
    await start({ parallelism: 2, completions: 2 });
    await world.until('two more', async () => (await world.list(pods)).length === 4);
    await world.client.delete(jobs, name, { propagationPolicy: 'Background' });
    await world.until('two left', async () => (await world.list(pods)).length === 2);
  });

  it('counts a deleted pod as failed at once, or once it has ended', async () => {
    world.runner.endOf = () => undefined;
    for (const podReplacementPolicy of ['TerminatingOrFailed', 'Failed']) {
      await start({ podReplacementPolicy });
      await world.until('a pod', async () => (await current()).status?.ready === 1);
      const [pod] = await world.list(pods);
      await world.client.delete(pods, { namespace: 'default', name: pod?.metadata.name ?? '' });
      await world.clock.advance(10);
      const { failed = 0, terminating } = (await current()).status ?? {};
      expect([failed, terminating]).toEqual([podReplacementPolicy === 'Failed' ? 0 : 1, 1]);
      const replaced = async () => (await world.list(pods)).some(({ metadata }) => metadata.uid !== pod?.metadata.uid);
      await world.until('another', replaced, minutes);
      expect((await current()).status?.failed).toBe(1);
      await world.client.delete(jobs, name, { propagationPolicy: 'Background' });
      await world.until('nothing left', async () => (await world.list(pods)).length === 0);
    }
  });
});

describe('an indexed job', () => {
  const indexed = { completionMode: 'Indexed', completions: 5, parallelism: 2 };

  it('gives each pod its index', async () => {
    await start(indexed);
    await world.until('a pod', async () => (await world.list(pods)).length === 2);
    const [pod] = await world.list(pods);
    const index = indexOf(pod as Pod);
    expect(pod?.metadata.name).toMatch(/^sum-[01]-[a-z0-9]{5}$/);
    expect(pod?.metadata.labels?.['batch.kubernetes.io/job-completion-index']).toBe(index);
    expect(pod?.spec?.hostname).toBe(`sum-${index}`);
    const fieldPath = `metadata.labels['batch.kubernetes.io/job-completion-index']`;
    expect(pod?.spec?.containers[0]?.env).toMatchObject([
      { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath } } },
    ]);
    await world.until('the end', ended);
    expect((await current()).status).toMatchObject({ succeeded: 5, completedIndexes: '0-4' });
    expect(new Set((await world.list(pods)).map(indexOf)).size).toBe(5);
  });

  it('fails indexes one by one, with a back-off of their own', async () => {
    world.runner.endOf = (pod) => ({ afterMs: 1_000, exitCode: ['1', '3'].includes(indexOf(pod) ?? '') ? 1 : 0 });
    await start({ ...indexed, backoffLimitPerIndex: 1 });
    await world.until('the end', ended, 5 * minutes);
    expect((await current()).status).toMatchObject({ completedIndexes: '0,2,4', failedIndexes: '1,3', failed: 4 });
    expect(await holds('Failed')).toMatchObject({ reason: 'FailedIndexes', message: 'Job has failed indexes' });
    const counts = (await world.list(pods))
      .filter((pod) => indexOf(pod) === '1')
      .map((pod) => pod.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count']);
    expect(new Set(counts)).toEqual(new Set(['0', '1']));
  });

  it('gives up when more indexes fail than it bears', async () => {
    world.runner.endOf = fails(1);
    await start({ ...indexed, backoffLimitPerIndex: 0, maxFailedIndexes: 1 });
    await world.until('the end', ended, minutes);
    expect(await holds('Failed')).toMatchObject({ reason: 'MaxFailedIndexesExceeded' });
  });

  it('is content with what its success policy asks for', async () => {
    world.runner.endOf = (pod) => (indexOf(pod) === '0' ? { afterMs: 1_000, exitCode: 0 } : undefined);
    await start({ ...indexed, parallelism: 5, successPolicy: { rules: [{ succeededIndexes: '0' }] } });
    await world.until('the end', ended, minutes);
    expect(await holds('Complete')).toMatchObject({ reason: 'SuccessPolicy', message: 'Matched rules at index 0' });
    expect((await current()).status).toMatchObject({ succeeded: 1, completedIndexes: '0' });
    expect((await current()).status?.failed ?? 0).toBe(0);
  });
});

describe('a job with a failure policy', () => {
  const rules = [
    { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
    { action: 'Ignore', onExitCodes: { containerName: 'main', operator: 'NotIn', values: [1, 42] } },
  ];

  it('fails at once by an exit code, in words that say which', async () => {
    world.runner.endOf = fails(42);
    await start({ podFailurePolicy: { rules } });
    await world.until('the end', ended);
    const [pod] = await world.list(pods);
    expect(await holds('Failed')).toMatchObject({
      reason: 'PodFailurePolicy',
      message: `Container main for pod default/${pod?.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
    });
  });

  it('does not count what it ignores', async () => {
    let left = 3;
    world.runner.endOf = () => ({ afterMs: 100, exitCode: left-- > 0 ? 7 : 0 });
    await start({ podFailurePolicy: { rules }, backoffLimit: 0 });
    await world.until('the end', ended, 5 * minutes);
    expect(await holds('Complete')).toBeDefined();
    expect((await current()).status?.failed ?? 0).toBe(0);
  });
});

it('leaves jobs that somebody else manages alone', async () => {
  await start({ managedBy: 'example.com/queue' });
  await world.clock.advance(2_000);
  expect([await world.list(pods), (await current()).status ?? {}]).toEqual([[], {}]);
});
