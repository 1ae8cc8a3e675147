import { podClaims } from '../api/volume-binding.ts';
import type { AgentContext } from './agent-context.ts';
import { interfacesOf, type CgroupUsage, type InterfaceUsage } from './cgroup-usage.ts';
import type { GroupLabels, GroupStats } from './container-metrics.ts';
import { podCgroupPath } from './pod-cgroup.ts';
import type { PodWorker } from './pod-worker.ts';
import type { VolumeStats } from './server-backend.ts';

const nobody: GroupLabels = { container: '', id: '/', image: '', name: '', namespace: '', pod: '' };

/** The control groups of the node, its pods, their sandboxes and containers. None where there are no such groups. */
export async function groupStats(context: AgentContext, workers: Iterable<PodWorker>): Promise<GroupStats[]> {
  const { system, settings } = context;
  const [root, ...pods] = await Promise.all([
    system.cgroups.usage(settings.cgroupRoot),
    ...[...workers].map((worker) => podGroups(context, worker)),
  ]);
  return [...(root ? [{ labels: nobody, usage: root }] : []), ...pods.flat()];
}

async function podGroups(context: AgentContext, { pod, observed }: PodWorker): Promise<GroupStats[]> {
  const { cgroups } = context.system;
  const { cgroupRoot } = context.settings;
  const path = podCgroupPath(cgroupRoot, pod);
  const { name = '', namespace = '' } = pod.metadata;
  const base: GroupLabels = { ...nobody, id: path.slice(cgroupRoot.length), namespace, pod: name };
  const sandbox = observed.sandboxes.find(({ state }) => state === 'ready');
  const running = observed.containers.filter(({ state }) => state === 'running');
  const usageOf = (id: string): Promise<CgroupUsage | undefined> => cgroups.usage(`${path}/${id}`);
  const [whole, own, ...used] = await Promise.all([
    cgroups.usage(path),
    sandbox && usageOf(sandbox.id),
    ...running.map(({ id }) => usageOf(id)),
  ]);
  const groups: GroupStats[] = whole ? [{ labels: base, usage: whole }] : [];
  if (sandbox && own) {
    const interfaces = pod.spec?.hostNetwork ? [] : await networkOf(context, own.members);
    const labels = { ...base, id: `${base.id}/${sandbox.id}`, name: sandbox.id };
    groups.push({ labels, usage: own, startedAtMs: sandbox.createdAtMs, interfaces });
  }
  running.forEach((container, index) => {
    const usage = used[index];
    if (!usage) return;
    const labels = { ...base, id: `${base.id}/${container.id}`, name: container.id };
    groups.push({
      labels: { ...labels, container: container.name, image: container.image },
      usage,
      startedAtMs: container.startedAtMs,
    });
  });
  return groups;
}

/** What the network of a process has; none when it has just ended. */
async function networkOf({ system }: AgentContext, members: readonly number[]): Promise<InterfaceUsage[]> {
  const [pid] = members;
  const text =
    pid === undefined ? undefined : await system.files.readFile(`/proc/${pid}/net/dev`).catch(() => undefined);
  return interfacesOf(text ?? '');
}

/** How full the file systems are that the claims of pods lie on. */
export async function claimStats({ system }: AgentContext, workers: Iterable<PodWorker>): Promise<VolumeStats[]> {
  const found = new Map<string, Promise<VolumeStats | undefined>>();
  for (const { pod, starter } of workers) {
    const { namespace = '' } = pod.metadata;
    for (const { name, volume } of podClaims(pod)) {
      const ready = starter.volumes.get(volume.name);
      if (!ready) continue;
      const stats = system.files.fileSystem(ready.hostPath).then(
        (use) => ({ pvcRef: { name, namespace }, ...use }),
        () => undefined,
      );
      found.set(`${namespace}/${name}`, stats);
    }
  }
  return (await Promise.all(found.values())).filter((stats) => stats !== undefined);
}
