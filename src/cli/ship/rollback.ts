import { formatTime } from '../../base/clock.ts';
import { copyRecord } from '../../delivery/pipeline/record.ts';
import { lastGoodRevision, type Restored, returnTo } from '../../delivery/pipeline/release.ts';
import { createRollout } from '../../delivery/pipeline/rollout.ts';
import { runPipeline } from '../../delivery/pipeline/run-pipeline.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { interruptible } from '../interrupt.ts';
import { createOutput } from '../output.ts';
import { failureOf, restore } from './outcome.ts';
import { loadShipProject, whoAndWhat } from './project.ts';
import { type WhereFlags, withTarget } from './target.ts';

/** Brings the app back to an earlier revision: rolled out and checked as a new one is. */
export async function rollback(text: string | undefined, flags: WhereFlags): Promise<void> {
  const { file, directory } = await loadShipProject(flags.file);
  const { name, checks } = file;
  const asked = text === undefined ? undefined : Number(text);
  if (asked !== undefined && !(Number.isInteger(asked) && asked > 0)) {
    throw new CliError(`"${text}" is no revision`, { hint: 'See: timonel ship history', exitCode: 2 });
  }
  await withTarget(flags, file, async (target) => {
    const { client, namespace, say } = target;
    const to = asked ?? (await lastGoodRevision(target, name));
    if (asked !== undefined && !(await target.storage.index(name)).some(({ version }) => version === asked))
      throw new CliError(`${name} has no revision ${asked}`, { hint: 'See: timonel ship history' });
    if (to === undefined)
      throw new CliError(`${name} has no earlier good revision`, { hint: 'See: timonel ship history' });
    const { timeoutMs, history } = file.deploy;
    // What was good before needs no trying out by steps.
    const strategy = file.deploy.strategy.type === 'canary' ? ({ type: 'rolling' } as const) : file.deploy.strategy;
    const startedAt = formatTime(clock.now());
    const { by } = await whoAndWhat(directory);
    let revision = 0;
    let restored: Restored = { kind: 'nothing' };
    const outcome = await interruptible((interrupted) =>
      runPipeline([{ kind: 'deploy' }], {
        signal: interrupted,
        perform: async ({ kind }, signal) => {
          if (kind === 'restore') {
            restored = await restore(target, file, { by, signal: interrupted });
            return;
          }
          const rollout = createRollout({ client, clock, namespace, strategy, checks, timeoutMs, say, signal });
          const options = { name, timeoutMs, history, rollout, description: '' };
          ({ version: revision } = await returnTo({ ...target, ...(signal && { signal }) }, to, options));
        },
      }),
    );
    if (outcome.kind !== 'shipped') throw failureOf(outcome, restored);
    const times = { startedAt, endedAt: formatTime(clock.now()) };
    await copyRecord(client, { namespace, release: name, from: to, to: revision }, { by, ...times });
    createOutput().data(`${name} revision ${revision} (rollback to ${to})`);
  });
}
