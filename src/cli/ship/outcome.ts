import { formatTime } from '../../base/clock.ts';
import { WaitError } from '../../delivery/apply/errors.ts';
import type { Outcome } from '../../delivery/pipeline/pipeline-state.ts';
import { copyRecord } from '../../delivery/pipeline/record.ts';
import { type Restored, restoreRelease } from '../../delivery/pipeline/release.ts';
import { createRestoration } from '../../delivery/pipeline/rollout.ts';
import type { ShipFile } from '../../delivery/pipeline/ship-file.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { describeFailure } from '../failure.ts';
import type { ShipTarget } from './target.ts';

/** Back to the last good release, with its record. */
export async function restore(
  target: ShipTarget,
  { name, deploy }: ShipFile,
  { by, signal }: { by: string; signal: AbortSignal | undefined },
): Promise<Restored> {
  const { client, namespace, say } = target;
  const { timeoutMs, history } = deploy;
  const startedAt = formatTime(clock.now());
  say(`${signal?.aborted ? 'Interrupted' : `${name} failed`}; going back …`);
  const rollout = createRestoration({ client, clock, namespace, timeoutMs });
  const restored = await restoreRelease(target, { name, timeoutMs, history, rollout });
  if (restored.kind === 'rolled-back') {
    const at = { namespace, release: name, from: restored.to, to: restored.release.version };
    await copyRecord(client, at, { by, startedAt, endedAt: formatTime(clock.now()) });
  }
  return restored;
}

/** What a person is told of a way that did not end in the cluster. */
export function failureOf(outcome: Exclude<Outcome, { kind: 'shipped' }>, restored: Restored): unknown {
  const { error } = outcome;
  // Nothing had to be taken back: it is told as it is.
  if (outcome.kind === 'stopped') return error;
  const reason = describeFailure(error).lines.map((line) => line.replace(/^error: /, ''));
  // What failed is named in both when it is one alone.
  const explained = error instanceof WaitError ? [...new Set([error.message, ...error.explanation])] : reason;
  if (outcome.kind === 'broken') {
    const back = describeFailure(outcome.restoreError).lines.join('\n');
    return new CliError(`${explained.join('\n')}\nand going back failed as well: ${back.replace(/^error: /, '')}`, {
      hint: 'What there is: timonel ship history',
    });
  }
  const exitCode = error instanceof CliError ? error.exitCode : 1;
  return new CliError(explained.join('\n'), { hint: describeRestored(restored), exitCode, cause: error });
}

function describeRestored(restored: Restored): string {
  switch (restored.kind) {
    case 'unchanged':
      return `Nothing was changed: revision ${restored.revision} goes on.`;
    case 'rolled-back':
      return `Rolled back to revision ${restored.to}, as revision ${restored.release.version}.`;
    case 'removed':
      return 'There was no good release before: what was deployed is removed.';
    case 'nothing':
      return 'Nothing was changed.';
  }
}
