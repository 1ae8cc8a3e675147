import type { AgentContext } from './agent-context.ts';
import type { RuntimeContents } from './runtime-contents.ts';

/** Grace for containers whose pod is gone from the API: nobody says any more how long they may take. */
const orphanGraceSeconds = 2;

/** Ends and removes what an earlier agent left of pods that are no more: sandboxes, containers, directories. */
export async function removeOrphans(
  context: AgentContext,
  contents: RuntimeContents,
  podUids: ReadonlySet<string>,
): Promise<void> {
  const { log, system, rootDirectory } = context;
  const orphans = contents.sandboxes.filter((sandbox) => !podUids.has(sandbox.uid));
  const results = await Promise.allSettled(
    orphans.map((sandbox) => removeSandbox(context, sandbox.id, containersIn(contents, sandbox.id))),
  );
  for (const result of results) {
    if (result.status === 'rejected') log.warn('cannot remove an orphan', { error: result.reason });
  }
  const directories = await system.files.list(`${rootDirectory}/pods`);
  const gone = new Set([...directories.filter((name) => !podUids.has(name)), ...orphans.map((sandbox) => sandbox.uid)]);
  for (const uid of gone) {
    await removeCgroups(context, uid);
    await system.mounts.unmountAll(`${rootDirectory}/pods/${uid}`);
    await system.files.remove(`${rootDirectory}/pods/${uid}`);
  }
  const logs = await system.files.list(`${rootDirectory}/pods-logs`);
  for (const name of logs) {
    const uid = name.slice(name.lastIndexOf('_') + 1);
    if (!podUids.has(uid)) await system.files.remove(`${rootDirectory}/pods-logs/${name}`);
  }
}

/** Which tier a pod was in nobody knows any more. */
async function removeCgroups(context: AgentContext, uid: string): Promise<void> {
  const { settings, system, log } = context;
  for (const tier of ['', '/burstable', '/besteffort']) {
    await system.cgroups.remove(`${settings.cgroupRoot}/kubepods${tier}/pod${uid}`).catch((error: unknown) => {
      log.warn('cannot remove a control group', { uid, error });
    });
  }
}

function containersIn(contents: RuntimeContents, sandboxId: string): string[] {
  return contents.containers.filter((container) => container.sandboxId === sandboxId).map((container) => container.id);
}

async function removeSandbox(context: AgentContext, sandboxId: string, containerIds: readonly string[]): Promise<void> {
  const { runtime } = context;
  await Promise.all(
    containerIds.map(async (id) => {
      await runtime.stopContainer(id, orphanGraceSeconds);
      await runtime.removeContainer(id);
    }),
  );
  await runtime.removePodSandbox(sandboxId);
}
