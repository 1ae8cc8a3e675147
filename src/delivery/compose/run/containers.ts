import type { Pod } from '../../../api/types/core-v1.ts';
import type { Service as KubeService } from '../../../api/types/core-v1.ts';
import { oneOffLabel, serviceLabel } from '../translate/names.ts';
import { publishedName } from '../translate/ports.ts';
import { hasEnded, hasHealthcheck, isHeld, isReady, isUnhealthy } from './condition.ts';
import { isPaused } from './pause.ts';
import { type LiveWorkload, templateOf } from './workloads.ts';
import { hostPortsAnnotation } from '../../../api/load-balancing.ts';

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing';

/** One container of a project, as `compose ps` shows it. */
export interface ProjectContainer {
  name: string;
  service: string;
  image: string;
  command: string;
  state: ContainerState;
  health: '' | 'healthy' | 'unhealthy' | 'starting';
  exitCode: number;
  createdAt: string;
  /** Since when it is in its state; '' where that is not known. */
  since: string;
  publishers: Publisher[];
  isOneOff: boolean;
  /** Undefined of a service that was stopped: it has none. */
  pod: Pod | undefined;
}

export interface Publisher {
  hostIp: string;
  hostPort: number;
  target: number;
  protocol: string;
}

/** What a project's containers are told from. */
export interface ProjectObjects {
  pods: readonly Pod[];
  workloads: readonly LiveWorkload[];
  services: readonly KubeService[];
  /** The cluster is one of this machine's. */
  isLocal: boolean;
}

/** The containers of a project, and one for each service that was stopped. Pure. */
export function containersOf({ pods, workloads, services, isLocal }: ProjectObjects): ProjectContainer[] {
  const running = pods.map((pod) => containerOf(pod, (service) => publishersOf(service, services, isLocal)));
  const stopped = workloads.filter(
    ({ service }) => !running.some((each) => each.service === service && !each.isOneOff),
  );
  return [...running, ...stopped.map((workload) => stoppedContainer(workload))].toSorted((a, b) =>
    a.service === b.service ? (a.createdAt + a.name < b.createdAt + b.name ? -1 : 1) : a.service < b.service ? -1 : 1,
  );
}

function containerOf(pod: Pod, publishers: (service: string) => Publisher[]): ProjectContainer {
  const { metadata, spec, status } = pod;
  const service = metadata.labels?.[serviceLabel] ?? '';
  const [container] = spec?.containers ?? [];
  const [now] = status?.containerStatuses ?? [];
  const ended = now?.state?.terminated ?? now?.lastState?.terminated;
  const state = stateOf(pod);
  return {
    name: metadata.name ?? '',
    service,
    image: container?.image ?? '',
    command: [...(container?.command ?? []), ...(container?.args ?? [])].join(' '),
    state,
    health: hasHealthcheck(pod) && state === 'running' ? healthOf(pod) : '',
    exitCode: state === 'exited' || state === 'restarting' ? (ended?.exitCode ?? 0) : 0,
    createdAt: metadata.creationTimestamp ?? '',
    since: now?.state?.running?.startedAt ?? ended?.finishedAt ?? '',
    publishers: state === 'running' || state === 'paused' ? publishers(service) : [],
    isOneOff: metadata.labels?.[oneOffLabel] === 'True',
    pod,
  };
}

function healthOf(pod: Pod): 'healthy' | 'unhealthy' | 'starting' {
  if (isUnhealthy(pod)) return 'unhealthy';
  return isReady(pod) ? 'healthy' : 'starting';
}

function stateOf(pod: Pod): ContainerState {
  const { metadata, status } = pod;
  const [now] = status?.containerStatuses ?? [];
  if (hasEnded(pod)) return isHeld(pod) && !now?.containerID ? 'created' : 'exited';
  if (metadata.deletionTimestamp !== undefined) return 'removing';
  if (now?.state?.running) return isPaused(pod) ? 'paused' : 'running';
  if ((now?.restartCount ?? 0) > 0 || now?.lastState?.terminated || now?.state?.terminated) return 'restarting';
  return 'created';
}

function stoppedContainer({ service, name, object }: LiveWorkload): ProjectContainer {
  const [container] = templateOf({ object })?.spec?.containers ?? [];
  return {
    name,
    service,
    image: container?.image ?? '',
    command: [...(container?.command ?? []), ...(container?.args ?? [])].join(' '),
    state: 'exited',
    health: '',
    exitCode: 0,
    createdAt: object.metadata.creationTimestamp ?? '',
    since: '',
    publishers: [],
    isOneOff: false,
    pod: undefined,
  };
}

/**
 * Where a service's ports are published: by the annotation, or as the load balancer's own, or as node ports. A local
 * cluster opens them at every address of the machine, others at that of their load balancer.
 */
export function publishersOf(service: string, services: readonly KubeService[], isLocal: boolean): Publisher[] {
  const found = services.find(({ metadata }) => metadata.name === publishedName(service));
  const [balancer] = found?.status?.loadBalancer?.ingress ?? [];
  const everywhere = isLocal ? '0.0.0.0' : (balancer?.ip ?? balancer?.hostname ?? '0.0.0.0');
  const annotation = found?.metadata.annotations?.[hostPortsAnnotation];
  const ports = found?.spec?.ports ?? [];
  const target = ({ targetPort, port }: { targetPort?: string | number; port: number }): number =>
    typeof targetPort === 'number' ? targetPort : port;
  const named = (annotation ?? '').split(',').flatMap((text) => {
    const [, hostIp = '', host = '', port = '', protocol = 'tcp'] =
      /^(?:(.+):)?(\d+):(\d+)(?:\/(\w+))?$/.exec(text) ?? [];
    const of = ports.find((each) => String(each.port) === port && (each.protocol ?? 'TCP').toLowerCase() === protocol);
    return of
      ? [{ hostIp: hostIp || everywhere, hostPort: Number(host), target: target(of), protocol, port: of.port }]
      : [];
  });
  const rest = ports.filter(
    (each) =>
      !named.some(({ port, protocol }) => port === each.port && protocol === (each.protocol ?? 'TCP').toLowerCase()),
  );
  const isBalanced = found?.spec?.type === 'LoadBalancer' && annotation === undefined;
  return [
    ...named.map(({ port: _port, ...publisher }) => publisher),
    ...rest.map((each) => ({
      hostIp: everywhere,
      hostPort: isBalanced ? each.port : (each.nodePort ?? each.port),
      target: target(each),
      protocol: (each.protocol ?? 'TCP').toLowerCase(),
    })),
  ];
}
