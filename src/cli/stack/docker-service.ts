import type { KubeObject } from '../../api/object.ts';
import { quantityToMilli, quantityToNumber } from '../../api/quantity.ts';
import type {
  Container,
  NodeSelectorRequirement,
  PodSpec,
  PodTemplateSpec,
  Service as KubeService,
} from '../../api/types/core-v1.ts';
import { networkLabelDomain } from '../../delivery/compose/translate/names.ts';
import { failureActionAnnotation } from '../../delivery/compose/translate/workload.ts';
import { parseDuration } from '../../delivery/compose/units.ts';
import { healthcheckOf } from './service-parts.ts';
import { publishedPorts } from './service-ports.ts';
import { fullName, type StackService } from './stacks.ts';
import { hostnameLabel } from '../../api/well-known.ts';

interface Amounts {
  NanoCPUs?: number;
  MemoryBytes?: number;
}

interface MountedFile {
  Name: string;
  UID: string;
  GID: string;
  Mode: number;
}

interface ContainerSpec {
  Image: string;
  Labels?: Record<string, string>;
  Command?: string[];
  Args?: string[];
  Hostname?: string;
  Env?: string[];
  Dir?: string;
  User?: string;
  Groups?: string[];
  TTY?: boolean;
  ReadOnly?: boolean;
  Mounts?: { Type: string; Source?: string; Target: string; ReadOnly?: boolean }[];
  /** Nanoseconds, as all of Docker's durations. */
  StopGracePeriod?: number;
  Healthcheck?: { Test?: string[]; Interval?: number; Timeout?: number; Retries?: number; StartPeriod?: number };
  Hosts?: string[];
  Secrets?: { File: MountedFile; SecretName: string }[];
  Configs?: { File: MountedFile; ConfigName: string }[];
  CapabilityAdd?: string[];
  CapabilityDrop?: string[];
}

interface EndpointPort {
  Protocol: string;
  TargetPort: number;
  PublishedPort?: number;
  PublishMode: 'ingress';
}

/** A service as Docker's API has it (Docker Engine API, "Service"). */
export interface DockerService {
  ID: string;
  Version: { Index: number };
  CreatedAt: string;
  UpdatedAt: string;
  Spec: {
    Name: string;
    Labels: Record<string, string>;
    TaskTemplate: {
      ContainerSpec: ContainerSpec;
      Resources: { Limits?: Amounts; Reservations?: Amounts };
      Placement: { Constraints?: string[] };
      Networks: { Target: string }[];
      Runtime: 'container';
    };
    Mode: Record<string, { Replicas?: number; TotalCompletions?: number }>;
    UpdateConfig?: { Parallelism: number; Delay?: number; FailureAction: string; Order: string };
    EndpointSpec: { Mode: string; Ports?: EndpointPort[] };
  };
  Endpoint: { Spec: { Mode: string; Ports?: EndpointPort[] }; Ports: EndpointPort[] };
}

/** The workload of a service, and what publishes its ports, in Docker's words. Pure. */
export function dockerService(
  service: StackService,
  { metadata }: KubeObject,
  published: KubeService | undefined,
): DockerService {
  const { template } = service;
  const pod = template?.spec;
  const [container] = pod?.containers ?? [];
  const annotations = { ...metadata.annotations };
  const ports = published ? publishedPorts(published).map(portOf) : [];
  const endpoint = { Mode: 'vip', ...(ports.length > 0 && { Ports: ports }) };
  const changedAt = (metadata.managedFields ?? [])
    .map(({ time = '' }) => time)
    .toSorted()
    .at(-1);
  const update = updateConfigOf(service, annotations[failureActionAnnotation]);
  const { limits, requests } = container?.resources ?? {};
  const constraints = constraintsOf(pod);
  return {
    ID: service.id,
    Version: { Index: Number(metadata.resourceVersion ?? 0) },
    CreatedAt: metadata.creationTimestamp ?? '',
    UpdatedAt: changedAt ?? metadata.creationTimestamp ?? '',
    Spec: {
      Name: fullName(service),
      Labels: labelsOf(annotations),
      TaskTemplate: {
        ContainerSpec: containerSpecOf(service, template, container),
        Resources: { ...amountsOf('Limits', limits), ...amountsOf('Reservations', requests) },
        Placement: constraints.length > 0 ? { Constraints: constraints } : {},
        Networks: networksOf(template),
        Runtime: 'container',
      },
      Mode: modeOf(service),
      ...(update && { UpdateConfig: update }),
      EndpointSpec: endpoint,
    },
    Endpoint: { Spec: endpoint, Ports: ports },
  };
}

function portOf({
  protocol,
  target,
  published,
}: {
  protocol: string;
  target: number;
  published?: string;
}): EndpointPort {
  return {
    ...{ Protocol: protocol, TargetPort: target, PublishMode: 'ingress' as const },
    ...(published !== undefined && { PublishedPort: Number(published) }),
  };
}

/** Annotations of a file's own: those of the cluster and of what brought them have domains that are known. */
function labelsOf(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const isOwn = (key: string): boolean => /^(?:[^/]*\.)?(?:kubernetes\.io|timonel\.dev)\//.test(key);
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !isOwn(key)));
}

function modeOf({ mode, wanted }: StackService): DockerService['Spec']['Mode'] {
  if (mode === 'global') return { Global: {} };
  return mode === 'replicated' ? { Replicated: { Replicas: wanted } } : { ReplicatedJob: { TotalCompletions: wanted } };
}

function updateConfigOf(
  { deployment }: StackService,
  action: string | undefined,
): DockerService['Spec']['UpdateConfig'] | undefined {
  if (!deployment) return undefined;
  const { strategy, minReadySeconds } = deployment.spec ?? {};
  const { maxSurge = 0, maxUnavailable = 0 } = strategy?.rollingUpdate ?? {};
  const isStartFirst = strategy?.type !== 'Recreate' && maxUnavailable === 0;
  const count = isStartFirst ? maxSurge : maxUnavailable;
  return {
    // All at once is 0.
    Parallelism: typeof count === 'number' && strategy?.type !== 'Recreate' ? count : 0,
    ...(minReadySeconds && { Delay: minReadySeconds * 1e9 }),
    FailureAction: action ?? 'pause',
    Order: isStartFirst ? 'start-first' : 'stop-first',
  };
}

function amountsOf<K extends 'Limits' | 'Reservations'>(
  key: K,
  given: Readonly<Record<string, string>> | undefined,
): Partial<Record<K, Amounts>> {
  // Nothing and no limit are the same to Docker.
  const cpu = quantityToMilli(given?.['cpu'] ?? '0');
  const memory = quantityToNumber(given?.['memory'] ?? '0');
  if (cpu === 0 && memory === 0) return {};
  const amounts: Amounts = { ...(cpu > 0 && { NanoCPUs: cpu * 1e6 }), ...(memory > 0 && { MemoryBytes: memory }) };
  return { [key]: amounts } as Partial<Record<K, Amounts>>;
}

const attributes: Readonly<Record<string, string>> = {
  [hostnameLabel]: 'node.hostname',
  'kubernetes.io/os': 'node.platform.os',
  'kubernetes.io/arch': 'node.platform.arch',
};
const roleLabel = 'node-role.kubernetes.io/control-plane';

function constraintsOf(pod: PodSpec | undefined): string[] {
  const required = pod?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (required?.nodeSelectorTerms ?? []).flatMap(({ matchExpressions = [] }) => matchExpressions.map(constraintOf));
}

function constraintOf({ key, operator, values = [] }: NodeSelectorRequirement): string {
  if (key === roleLabel) return operator === 'Exists' ? 'node.role==manager' : 'node.role==worker';
  return `${attributes[key] ?? `node.labels.${key}`}${operator === 'NotIn' ? '!=' : '=='}${values[0] ?? ''}`;
}

function networksOf(template: PodTemplateSpec | undefined): { Target: string }[] {
  return Object.keys(template?.metadata?.labels ?? {})
    .filter((key) => key.startsWith(`${networkLabelDomain}/`))
    .map((key) => ({ Target: key.slice(networkLabelDomain.length + 1) }));
}

function containerSpecOf(
  service: StackService,
  template: PodTemplateSpec | undefined,
  container: Container | undefined,
): ContainerSpec {
  const pod = template?.spec;
  const { command, args, env = [], workingDir, tty, securityContext } = container ?? {};
  const { runAsUser, runAsGroup, capabilities, readOnlyRootFilesystem } = securityContext ?? {};
  const hosts = (pod?.hostAliases ?? []).flatMap(({ ip, hostnames = [] }) => hostnames.map((host) => `${ip} ${host}`));
  const groups = pod?.securityContext?.supplementalGroups ?? [];
  const health = healthcheckOf(container);
  const labels = labelsOf(ownAnnotations(template));
  const { terminationGracePeriodSeconds: grace } = pod ?? {};
  return {
    Image: service.image,
    ...(Object.keys(labels).length > 0 && { Labels: labels }),
    ...(command && { Command: command }),
    ...(args && { Args: args }),
    ...(pod?.hostname !== undefined && { Hostname: pod.hostname }),
    ...(env.length > 0 && { Env: env.map(({ name, value = '' }) => `${name}=${value.replaceAll('$$(', '$(')}`) }),
    ...(workingDir !== undefined && { Dir: workingDir }),
    ...(runAsUser !== undefined && { User: `${runAsUser}${runAsGroup === undefined ? '' : `:${runAsGroup}`}` }),
    ...(groups.length > 0 && { Groups: groups.map(String) }),
    ...(tty && { TTY: true }),
    ...(readOnlyRootFilesystem && { ReadOnly: true }),
    ...mountsOf(service, pod, container),
    ...(grace !== undefined && { StopGracePeriod: grace * 1e9 }),
    ...(health && { Healthcheck: inNanoseconds(health) }),
    ...(hosts.length > 0 && { Hosts: hosts }),
    ...(capabilities?.add?.length && { CapabilityAdd: capabilities.add.map((name) => `CAP_${name}`) }),
    ...(capabilities?.drop?.length && { CapabilityDrop: capabilities.drop.map((name) => `CAP_${name}`) }),
  };
}

function ownAnnotations(template: PodTemplateSpec | undefined): Record<string, string> {
  const all = Object.entries(template?.metadata?.annotations ?? {});
  return Object.fromEntries(all.filter(([key]) => !key.startsWith('com.docker.compose.')));
}

function inNanoseconds(
  health: NonNullable<ReturnType<typeof healthcheckOf>>,
): NonNullable<ContainerSpec['Healthcheck']> {
  const { test, interval, timeout, retries, start_period: start } = health;
  const time = (key: string, text: string | undefined): Record<string, number> =>
    text === undefined ? {} : { [key]: parseDuration(text) ?? 0 };
  return {
    ...(test && { Test: test }),
    ...{ ...time('Interval', interval), ...time('Timeout', timeout), ...time('StartPeriod', start) },
    ...(retries !== undefined && { Retries: retries }),
  };
}

/** Volumes, directories of nodes and memory are mounts; files of secrets and configs are those. */
function mountsOf(
  { stack }: StackService,
  pod: PodSpec | undefined,
  container: Container | undefined,
): Pick<ContainerSpec, 'Mounts' | 'Secrets' | 'Configs'> {
  const mounts: NonNullable<ContainerSpec['Mounts']> = [];
  const secrets: NonNullable<ContainerSpec['Secrets']> = [];
  const configs: NonNullable<ContainerSpec['Configs']> = [];
  for (const { name, mountPath, readOnly, subPath } of container?.volumeMounts ?? []) {
    const volume = pod?.volumes?.find((each) => each.name === name);
    const more = { Target: mountPath, ...(readOnly && { ReadOnly: true }) };
    if (volume?.hostPath) mounts.push({ Type: 'bind', Source: volume.hostPath.path, ...more });
    else if (volume?.persistentVolumeClaim)
      mounts.push({ Type: 'volume', Source: `${stack}_${volume.persistentVolumeClaim.claimName}`, ...more });
    else if (volume?.emptyDir) mounts.push({ Type: volume.emptyDir.medium === 'Memory' ? 'tmpfs' : 'volume', ...more });
    for (const { secret, configMap } of volume?.projected?.sources ?? []) {
      const [item] = (secret ?? configMap)?.items ?? [];
      const path = subPath === undefined ? `${mountPath}/${item?.path ?? ''}` : mountPath;
      const target = path.replace(/^\/run\/secrets\//, '');
      const file = { Name: target, UID: '0', GID: '0', Mode: item?.mode ?? 0o444 };
      if (secret) secrets.push({ File: file, SecretName: secret.name ?? '' });
      if (configMap) configs.push({ File: file, ConfigName: configMap.name ?? '' });
    }
  }
  return {
    ...(mounts.length > 0 && { Mounts: mounts }),
    ...(secrets.length > 0 && { Secrets: secrets }),
    ...(configs.length > 0 && { Configs: configs }),
  };
}
