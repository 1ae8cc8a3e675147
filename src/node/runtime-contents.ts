import {
  RuntimeError,
  type ContainerRuntime,
  type ContainerStatusInfo,
  type ContainerSummary,
  type SandboxStatus,
} from './runtime.ts';

/** Everything the runtime has, in full. */
export interface RuntimeContents {
  sandboxes: SandboxStatus[];
  containers: ContainerStatusInfo[];
}

export async function readRuntime(runtime: ContainerRuntime): Promise<RuntimeContents> {
  const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes(), runtime.listContainers()]);
  const [sandboxStatuses, containerStatuses] = await Promise.all([
    Promise.all(sandboxes.map(({ id }) => unlessGone(runtime.podSandboxStatus(id)))),
    Promise.all(containers.map((found) => unlessGone(statusOf(runtime, found)))),
  ]);
  return {
    sandboxes: sandboxStatuses.filter((status) => status !== undefined),
    containers: containerStatuses.filter((status) => status !== undefined),
  };
}

/** CRI's container status does not tell the sandbox; the list does. */
async function statusOf(runtime: ContainerRuntime, found: ContainerSummary): Promise<ContainerStatusInfo> {
  return { ...(await runtime.containerStatus(found.id)), sandboxId: found.sandboxId };
}

/** What was listed may be gone a moment later. */
async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RuntimeError && error.kind === 'notFound') return undefined;
    throw error;
  }
}
