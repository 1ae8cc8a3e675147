import { formatTime } from '../../base/clock.ts';
import { keepRecord, recordsOf } from '../../delivery/pipeline/record.ts';
import { lastGoodRevision, returnTo } from '../../delivery/pipeline/release.ts';
import { createRollout } from '../../delivery/pipeline/rollout.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { interruptible } from '../interrupt.ts';
import { createOutput } from '../output.ts';
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
    if (to === undefined)
      throw new CliError(`${name} has no earlier good revision`, { hint: 'See: timonel ship history' });
    const { timeoutMs, history, strategy } = file.deploy;
    const startedAt = formatTime(clock.now());
    const release = await interruptible((signal) => {
      const rollout = createRollout({ client, clock, namespace, strategy, checks, timeoutMs, say, signal });
      return returnTo({ ...target, signal }, to, { name, timeoutMs, history, rollout, description: '' });
    });
    const before = (await recordsOf(client, namespace, name)).get(to);
    const at = { namespace, release: name, revision: release.version };
    if (before) {
      const { by } = await whoAndWhat(directory);
      await keepRecord(client, at, { ...before, by, startedAt, endedAt: formatTime(clock.now()) });
    }
    createOutput().data(`${name} revision ${release.version} (rollback to ${to})`);
  });
}
