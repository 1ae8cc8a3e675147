import { advance, type Outcome, type Step, startPipeline, type StepResult } from './pipeline-state.ts';

/**
 * Goes through steps until the end. `perform` does one and rejects when it fails; an interruption makes the step that is
 * under way fail, and what must be restored is restored all the same: `perform` gets no signal then.
 */
export async function runPipeline(
  steps: readonly Step[],
  {
    perform,
    signal,
  }: { perform: (step: Step, signal: AbortSignal | undefined) => Promise<void>; signal?: AbortSignal },
): Promise<Outcome> {
  let state = startPipeline(steps);
  while (state.phase !== 'done') {
    const { step, phase } = state;
    const isRestoring = phase === 'restoring';
    state = advance(
      state,
      await resultOf(() => perform(step, isRestoring ? undefined : signal), isRestoring ? undefined : signal),
    );
  }
  return state.outcome;
}

async function resultOf(work: () => Promise<void>, signal: AbortSignal | undefined): Promise<StepResult> {
  try {
    signal?.throwIfAborted();
    await work();
    return { kind: 'succeeded' };
  } catch (error) {
    // What an interruption makes fail says so in words of its own, which are not the cause.
    return { kind: 'failed', error: signal?.aborted ? signal.reason : error };
  }
}
