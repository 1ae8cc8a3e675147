import type { ShipImage, ShipTest } from './ship-file.ts';

/** One thing that is done on the way from source to cluster. */
export type Step =
  | { kind: 'test'; test: ShipTest }
  | { kind: 'build'; image: ShipImage }
  | { kind: 'push'; image: ShipImage }
  /** Objects, rollout, checks: one operation on the release. */
  | { kind: 'deploy' }
  /** Back to the last good release, or to nothing where there was none. */
  | { kind: 'restore' };

export type PipelineState =
  | { phase: 'running'; step: Step; rest: readonly Step[] }
  | { phase: 'restoring'; step: { kind: 'restore' }; cause: unknown }
  | { phase: 'done'; outcome: Outcome };

export type Outcome =
  | { kind: 'shipped' }
  /** Nothing in the cluster was touched. */
  | { kind: 'stopped'; at: Step; error: unknown }
  /** The release failed, and the last good one is back. */
  | { kind: 'restored'; error: unknown }
  /** The release failed, and the way back failed as well. */
  | { kind: 'broken'; error: unknown; restoreError: unknown };

export type StepResult = { kind: 'succeeded' } | { kind: 'failed'; error: unknown };

/**
 * The steps of a whole way: tests of the host (they need no image and fail the soonest), builds, tests of what was
 * built, pushes, deployment.
 */
export function planSteps(
  { images, tests }: { images: readonly ShipImage[]; tests: readonly ShipTest[] },
  { isPushed }: { isPushed: boolean },
): Step[] {
  const onHost = tests.filter(({ where }) => where.kind === 'host');
  const inside = tests.filter(({ where }) => where.kind !== 'host');
  return [
    ...onHost.map((test): Step => ({ kind: 'test', test })),
    ...images.map((image): Step => ({ kind: 'build', image })),
    ...inside.map((test): Step => ({ kind: 'test', test })),
    ...(isPushed ? images.map((image): Step => ({ kind: 'push', image })) : []),
    { kind: 'deploy' },
  ];
}

export function startPipeline([step, ...rest]: readonly Step[]): PipelineState {
  return step ? { phase: 'running', step, rest } : { phase: 'done', outcome: { kind: 'shipped' } };
}

/** What comes after a step. Pure: the driver does, this decides. */
export function advance(state: Exclude<PipelineState, { phase: 'done' }>, result: StepResult): PipelineState {
  if (state.phase === 'restoring') {
    const { cause: error } = state;
    const outcome: Outcome =
      result.kind === 'succeeded' ? { kind: 'restored', error } : { kind: 'broken', error, restoreError: result.error };
    return { phase: 'done', outcome };
  }
  if (result.kind === 'succeeded') return startPipeline(state.rest);
  const { error } = result;
  if (state.step.kind === 'deploy') return { phase: 'restoring', step: { kind: 'restore' }, cause: error };
  return { phase: 'done', outcome: { kind: 'stopped', at: state.step, error } };
}
