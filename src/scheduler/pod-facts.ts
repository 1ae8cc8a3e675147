import { matchesNodeSelector } from '../api/node-selector.ts';
import { podRequests } from '../api/pod-resources.ts';
import type { Container, Node, Pod } from '../api/types/core-v1.ts';

/** What a container without a request counts for when pods are spread by load. */
const defaultRequests = { cpu: '100m', memory: `${200 * 1024 * 1024}` };

export function uidOf(pod: Pod): string {
  return pod.metadata.uid ?? `${pod.metadata.namespace}/${pod.metadata.name}`;
}

export function priorityOf(pod: Pod): number {
  return pod.spec?.priority ?? 0;
}

/** `protocol/port/hostIP` for each host port that containers and sidecars hold while the pod runs. */
export function hostPortsOf(pod: Pod): string[] {
  const ports: string[] = [];
  const collect = (container: Container): void => {
    for (const port of container.ports ?? []) {
      if (port.hostPort) ports.push(`${port.protocol ?? 'TCP'}/${port.hostPort}/${port.hostIP || '0.0.0.0'}`);
    }
  };
  for (const container of pod.spec?.containers ?? []) collect(container);
  for (const container of pod.spec?.initContainers ?? []) if (container.restartPolicy === 'Always') collect(container);
  return ports;
}

export interface Load {
  /** Millicores. */
  cpu: number;
  /** Bytes. */
  memory: number;
}

const loads = new WeakMap<Pod, Load>();

/** The pod's requests; a container that names none counts for 100m and 200 MiB, so that pods without any spread too. */
export function nonZeroLoad(pod: Pod): Load {
  const known = loads.get(pod);
  if (known) return known;
  const spec = pod.spec;
  const isComplete = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].every(
    ({ resources }) => resources?.requests?.cpu !== undefined && resources.requests.memory !== undefined,
  );
  const requests = podRequests(isComplete || !spec ? pod : { ...pod, spec: { ...spec, ...withDefaults(spec) } });
  const load = { cpu: requests.get('cpu') ?? 0, memory: requests.get('memory') ?? 0 };
  if (Object.isFrozen(pod)) loads.set(pod, load);
  return load;
}

function withDefaults(spec: NonNullable<Pod['spec']>): Pick<NonNullable<Pod['spec']>, 'containers' | 'initContainers'> {
  const fill = (container: Container): Container => ({
    ...container,
    resources: { requests: { ...defaultRequests, ...container.resources?.requests } },
  });
  return { containers: spec.containers.map(fill), initContainers: spec.initContainers?.map(fill) };
}

/** The pod's nodeSelector and required node affinity as a question about nodes; undefined: any node will do. */
export function nodeRequirement(pod: Pod): ((node: Node) => boolean) | undefined {
  const wanted = Object.entries(pod.spec?.nodeSelector ?? {});
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (wanted.length === 0 && !required) return undefined;
  return (node) => {
    const labels = node.metadata.labels ?? {};
    for (const [key, value] of wanted) if (labels[key] !== value) return false;
    return !required || matchesNodeSelector(required, node);
  };
}

/** Where every alternative of the required affinity names its nodes (as the pods of daemon sets do): those names. */
export function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return undefined;
  const names = new Set<string>();
  for (const { matchFields = [] } of required.nodeSelectorTerms) {
    const fields = matchFields.filter((field) => field.key === 'metadata.name' && field.operator === 'In');
    if (fields.length === 0) return undefined;
    const [first, ...others] = fields.map((field) => field.values ?? []);
    for (const name of first ?? []) if (others.every((values) => values.includes(name))) names.add(name);
  }
  return names;
}
