import { describe, expect, it } from 'vitest';
import type { Step } from './pipeline-state.ts';
import { runPipeline } from './run-pipeline.ts';

const image = { key: 'web', context: '.', args: {}, secrets: [], platforms: [], repository: 'web' };

describe('an interruption', () => {
  it('is what a deployment fails by, whatever it says itself, and goes back without being called off', async () => {
    const abort = new AbortController();
    const interrupted = new Error('interrupted');
    const seen: [Step['kind'], boolean][] = [];
    const outcome = await runPipeline([{ kind: 'deploy' }], {
      signal: abort.signal,
      perform: (step, signal) => {
        seen.push([step.kind, signal?.aborted ?? false]);
        if (step.kind === 'restore') return Promise.resolve();
        abort.abort(interrupted);
        return Promise.reject(new Error('the connection was closed'));
      },
    });
    expect(outcome).toEqual({ kind: 'restored', error: interrupted });
    expect(seen).toEqual([
      ['deploy', false],
      ['restore', false],
    ]);
  });

  it('stops what has not begun', async () => {
    const abort = new AbortController();
    abort.abort(new Error('interrupted'));
    const perform = (): Promise<void> => Promise.reject(new Error('it was begun'));
    const outcome = await runPipeline([{ kind: 'build', image }], { signal: abort.signal, perform });
    expect(outcome).toMatchObject({ kind: 'stopped', error: { message: 'interrupted' } });
  });
});
