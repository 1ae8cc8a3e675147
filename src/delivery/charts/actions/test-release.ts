import { type Hook, type Release, ReleaseError } from '../release/release.ts';
import { type ReleaseContext } from './context.ts';
import { releaseAt } from './history.ts';
import { logsOfHook, runHooks } from './hooks.ts';

export interface TestOptions {
  timeoutMs: number;
  /** `name=x` and `!name=x`, as `--filter` has them. */
  filters: readonly string[];
  /** Print what the tests' pods wrote. */
  logs: boolean;
}

/** Runs a release's tests. Gives the release with how each went; `failure` is the first one's. */
export async function testRelease(
  context: ReleaseContext,
  name: string,
  { timeoutMs, filters, logs }: TestOptions,
): Promise<{ release: Release; failure: Error | undefined }> {
  const release = await releaseAt(context, name);
  const only = filterOf(filters);
  let failure: Error | undefined;
  try {
    await runHooks(context, release, {
      event: 'test',
      timeoutMs,
      only,
      record: (changed) => context.storage.update(changed),
    });
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    failure = error;
  }
  if (logs) {
    for (const hook of release.hooks.filter((each) => each.events.includes('test') && only(each))) {
      for (const line of await logsOfHook(context, hook)) context.log(line);
    }
  }
  return { release, failure };
}

function filterOf(filters: readonly string[]): (hook: Hook) => boolean {
  const wanted = new Set<string>();
  const unwanted = new Set<string>();
  for (const part of filters.flatMap((filter) => filter.split(','))) {
    const match = /^(!?)name=(.+)$/.exec(part.trim());
    if (!match)
      throw new ReleaseError(`cannot read the filter ${JSON.stringify(part)}`, {
        hint: 'Filters are name=TEST and !name=TEST.',
      });
    (match[1] === '!' ? unwanted : wanted).add(match[2] as string);
  }
  return ({ name }) => !unwanted.has(name) && (wanted.size === 0 || wanted.has(name));
}
