import { quantityToNumber } from '../api/quantity.ts';
import type { Pod, ResourceRequirements } from '../api/types/core-v1.ts';
import { memoryCapacityOf, type AgentContext } from './agent-context.ts';
import { containerResources, podCgroupPath, podCgroupResources } from './pod-cgroup.ts';
import { currentOf, type ObservedPod } from './pod-observation.ts';
import {
  allocationText,
  knownAllocation,
  pendingResizes,
  resourcesMadeWith,
  sameAllocation,
  wantedAllocation,
  withAllocation,
  type Allocation,
  type ContainerResize,
  type ResizeRefusal,
  type ResizeVerdict,
} from './pod-resize.ts';
import type { ContainerStatusInfo, LinuxResources } from './runtime.ts';

interface ResizePlan {
  due: readonly ContainerResize[];
  /** Limits of the pod's group on the way. */
  group: LinuxResources;
}

/**
 * In-place resize of one pod (KEP-1287): what it wants becomes what it is given as soon as the node has it, and what it
 * is given becomes what its containers have. All else in the agent sees the pod with what it was given.
 */
export class PodResizer {
  private readonly context: AgentContext;
  private readonly refusalOf: (pod: Pod) => ResizeRefusal | undefined;
  private allocation: Allocation;
  private pending: ResizeRefusal | undefined;
  /** Something was given that not all containers have yet; with what went wrong on the way. */
  private progress: { error?: string } | undefined;
  /** What running containers have got since they were made, by id. */
  private readonly applied = new Map<string, ResourceRequirements>();
  /** The limits of the pod's group, as JSON. */
  private group: string;

  constructor(context: AgentContext, pod: Pod, refusalOf: (pod: Pod) => ResizeRefusal | undefined) {
    this.context = context;
    this.refusalOf = refusalOf;
    this.allocation = knownAllocation(pod);
    this.group = JSON.stringify(podCgroupResources(this.given(pod)));
  }

  get isPending(): boolean {
    return this.pending !== undefined;
  }

  /** The pod with the resources that it was given. */
  given(pod: Pod): Pod {
    return withAllocation(pod, this.allocation);
  }

  /** Gives the pod what it wants where the node has it; true when it has more or less than before. */
  allocate(pod: Pod): boolean {
    const wanted = wantedAllocation(pod);
    const refusal = sameAllocation(wanted, this.allocation) ? undefined : this.refusalOf(pod);
    const { generation = 0 } = pod.metadata;
    const { recorder } = this.context;
    if (refusal && this.pending?.message !== refusal.message) {
      const text = allocationText(pod, generation, refusal.message);
      recorder.record(pod, 'Warning', `Resize${refusal.reason}`, `Pod resize ${refusal.reason}: ${text}`);
    }
    this.pending = refusal;
    if (refusal || sameAllocation(wanted, this.allocation)) return false;
    this.progress = {};
    this.allocation = wanted;
    recorder.record(pod, 'Normal', 'ResizeStarted', `Pod resize started: ${allocationText(pod, generation)}`);
    return true;
  }

  /** What a container has, as far as is known. */
  resourcesOf(current: ContainerStatusInfo): ResourceRequirements | undefined {
    return this.applied.get(current.id) ?? resourcesMadeWith(current);
  }

  /** What is to be done for containers and the pod's group; undefined when all have what they were given. */
  plan(pod: Pod, observed: ObservedPod, isRestarting: boolean): ResizePlan | undefined {
    const due = pendingResizes(pod, observed, (current) => this.resourcesOf(current));
    const after = podCgroupResources(pod);
    const isSettled = due.length === 0 && !isRestarting;
    const group = isSettled ? after : roomFor(podCgroupResources(this.present(pod, observed)), after);
    const text = JSON.stringify(group);
    if (due.length > 0 || (text !== this.group && observed.sandboxes.length > 0)) return { due, group };
    if (isSettled && this.progress) {
      this.progress = undefined;
      const told = allocationText(pod, pod.metadata.generation ?? 0);
      this.context.recorder.record(pod, 'Normal', 'ResizeCompleted', `Pod resize completed: ${told}`);
    }
    return undefined;
  }

  /** Room in the pod's group first, then each container. Rejects where the kernel refuses. */
  async apply(pod: Pod, { due, group }: ResizePlan): Promise<void> {
    const { context } = this;
    this.progress ??= {};
    try {
      await this.checkMemory(due);
      await context.system.cgroups.ensure(podCgroupPath(context.settings.cgroupRoot, pod), group);
      this.group = JSON.stringify(group);
      for (const { container, current } of due) {
        const { oomScoreAdj: _, ...resources } = containerResources(pod, container, memoryCapacityOf(context));
        await context.runtime.updateContainerResources(current.id, resources);
        this.applied.set(current.id, container.spec.resources ?? {});
      }
      this.progress = {};
    } catch (error) {
      this.progress = { error: (error as Error).message };
      throw error;
    }
  }

  verdicts(): ResizeVerdict[] {
    const { pending, progress } = this;
    return [
      ...(pending ? [{ type: 'PodResizePending', status: 'True', ...pending } as const] : []),
      ...(progress ? [inProgress(progress)] : []),
    ];
  }

  /** The pod with what its running containers have. */
  private present(pod: Pod, observed: ObservedPod): Pod {
    const has = new Map(wantedAllocation(pod));
    for (const name of has.keys()) {
      const current = currentOf(observed, name);
      const actual = current?.state === 'running' ? this.resourcesOf(current) : undefined;
      if (actual) has.set(name, actual);
    }
    return withAllocation(pod, has);
  }

  /** A limit below what is in use would have the kernel end processes. */
  private async checkMemory(due: readonly ContainerResize[]): Promise<void> {
    const lowered = due.filter(({ container, current }) => {
      const before = memoryLimit(this.resourcesOf(current));
      const after = memoryLimit(container.spec.resources);
      return after !== undefined && (before === undefined || after < before);
    });
    if (lowered.length === 0) return;
    const stats = await this.context.runtime.containerStats();
    for (const { container, current } of lowered) {
      const limit = memoryLimit(container.spec.resources) ?? 0;
      const usage = stats.find(({ containerId }) => containerId === current.id)?.memoryWorkingSetBytes ?? 0;
      if (usage < limit) continue;
      const what = `container ${JSON.stringify(container.spec.name)} memory limit (${limit})`;
      throw new Error(`attempting to set ${what} below current usage (${usage})`);
    }
  }
}

function memoryLimit(resources: ResourceRequirements | undefined): number | undefined {
  const limit = resources?.limits?.memory;
  return limit === undefined ? undefined : quantityToNumber(limit);
}

/** The wider of two limits, which holds for the group while its containers go from one to the other. */
function roomFor(before: LinuxResources, after: LinuxResources): LinuxResources {
  const { cpuQuota, memoryLimitBytes, ...rest } = after;
  return {
    ...rest,
    ...(cpuQuota && before.cpuQuota && { cpuQuota: Math.max(cpuQuota, before.cpuQuota) }),
    ...(memoryLimitBytes &&
      before.memoryLimitBytes && { memoryLimitBytes: Math.max(memoryLimitBytes, before.memoryLimitBytes) }),
  };
}

function inProgress({ error }: { error?: string }): ResizeVerdict {
  const failure = error === undefined ? {} : { reason: 'Error', message: error };
  return { type: 'PodResizeInProgress', status: 'True', ...failure };
}
