import type { Pod } from '../../api/types/core-v1.ts';
import { exitCodeOf } from '../../delivery/compose/run/condition.ts';
import { takeDown } from '../../delivery/compose/run/down.ts';
import { ProjectWatch } from '../../delivery/compose/run/project-watch.ts';
import { CliError } from '../errors.ts';
import type { ComposeFlags } from './commands.ts';
import { requireServices, withProject } from './connection.ts';

/** `timonel compose wait`: tells how each container of the services ended, and exits as the last one did. */
export async function waitForEnd(
  services: readonly string[],
  flags: ComposeFlags & { downProject?: boolean },
): Promise<void> {
  await withProject(flags, async (session) => {
    requireServices(session, services);
    const { context } = session;
    const watch = new ProjectWatch(context);
    await watch.synced();
    const pods = services.flatMap((name) => watch.containers(name));
    if (pods.length === 0) throw new CliError(`no containers for project "${context.project}"`);
    await Promise.all(
      pods.map(async (pod) => {
        process.exitCode = await untilEnded(watch, pod);
        process.stdout.write(`container "${pod.metadata.name}" exited with status code ${process.exitCode}\n`);
      }),
    );
    if (flags.downProject) await takeDown(context, { volumes: false });
  });
}

/** One that is taken away before its end is told was killed. */
function untilEnded(watch: ProjectWatch, { metadata }: Pod): Promise<number> {
  const look = (): number | undefined => {
    const now = watch.pods().find(({ metadata: { uid } }) => uid === metadata.uid);
    return now ? exitCodeOf(now) : killedExitCode;
  };
  return watch.until(look, { describe: () => `${metadata.name} is still running` });
}

const killedExitCode = 137;
