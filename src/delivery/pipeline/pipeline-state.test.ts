import { describe, expect, it } from 'vitest';
import { planSteps, type Step } from './pipeline-state.ts';
import { runPipeline } from './run-pipeline.ts';
import type { ShipImage, ShipTest } from './ship-file.ts';

const image = { key: 'web' } as ShipImage;
const test = (name: string, kind: 'host' | 'image'): ShipTest =>
  ({ name, where: kind === 'host' ? { kind } : { kind, image: 'web' } }) as ShipTest;
const tests = [test('unit', 'image'), test('lint', 'host')];
const nameOf = (step: Step): string =>
  step.kind === 'test' ? `test ${step.test.name}` : 'image' in step ? `${step.kind} ${step.image.key}` : step.kind;

/** Which steps are done when these fail, and how it ends. */
async function way(failing: string[], isPushed = true): Promise<{ done: string[]; outcome: string }> {
  const done: string[] = [];
  const outcome = await runPipeline(planSteps({ images: [image], tests }, { isPushed }), {
    perform: async (step) => {
      done.push(nameOf(step));
      if (failing.includes(nameOf(step))) throw new Error(`${nameOf(step)} failed`);
    },
  });
  return { done, outcome: outcome.kind };
}

describe('the way from source to cluster', () => {
  const whole = ['test lint', 'build web', 'test unit', 'push web', 'deploy'];

  it('goes by the host’s tests, builds, tests of images, pushes and the deployment', async () => {
    expect(await way([])).toEqual({ done: whole, outcome: 'shipped' });
    expect(await way([], false)).toEqual({ done: whole.filter((step) => step !== 'push web'), outcome: 'shipped' });
  });

  it('stops at whatever fails before the deployment, and touches nothing after it', async () => {
    for (const [i, step] of whole.slice(0, -1).entries()) {
      expect(await way([step])).toEqual({ done: whole.slice(0, i + 1), outcome: 'stopped' });
    }
  });

  it('goes back when the deployment fails', async () => {
    expect(await way(['deploy'])).toEqual({ done: [...whole, 'restore'], outcome: 'restored' });
    expect(await way(['deploy', 'restore'])).toEqual({ done: [...whole, 'restore'], outcome: 'broken' });
  });

  it('does not restore less for being interrupted', async () => {
    const abort = new AbortController();
    const signals: (boolean | undefined)[] = [];
    const outcome = await runPipeline([{ kind: 'deploy' }], {
      signal: abort.signal,
      perform: async (step, signal) => {
        if (step.kind === 'deploy') abort.abort(new Error('interrupted'));
        signals.push(signal?.aborted);
        signal?.throwIfAborted();
      },
    });
    expect(outcome).toMatchObject({ kind: 'restored', error: { message: 'interrupted' } });
    expect(signals).toEqual([true, undefined]);
  });
});
