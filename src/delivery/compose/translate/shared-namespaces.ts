import type { SharedNamespace } from '../../../api/container-settings.ts';
import type { PodAffinityTerm } from '../../../api/types/core-v1.ts';
import type { Project, Service } from '../model.ts';
import { oneOffLabel, serviceSelector } from './names.ts';
import type { ServiceScope } from './scope.ts';
import { hostnameLabel } from '../../../api/well-known.ts';

/** Keys by which a service's containers are in namespaces of another's. */
const sharingKeys = {
  network_mode: 'network',
  pid: 'pid',
  ipc: 'ipc',
} as const satisfies Partial<Record<keyof Service, SharedNamespace>>;

type SharingKey = keyof typeof sharingKeys;

/** `service:NAME` or `container:NAME`: somebody else's namespace. */
export function isSharedMode(mode: string | undefined): mode is `service:${string}` | `container:${string}` {
  return mode !== undefined && /^(?:service|container):/.test(mode);
}

/**
 * What of Docker's is of a network, and so of whoever has it: an engine makes no container that shares a network and
 * says something of it as well (`conflicting options`).
 */
const ofNetwork = {
  ports: 'port publishing',
  expose: 'port exposing',
  hostname: 'hostname',
  links: 'links',
  dns: 'dns',
  extra_hosts: 'custom host-to-IP mapping',
} as const satisfies Partial<Record<keyof Service, string>>;

/**
 * The pods whose namespaces a service's containers are in, by their labels. A local cluster's agents go by it; other
 * clusters' pods share nothing with other pods.
 */
export function joinsOf(scope: ServiceScope): Partial<Record<SharedNamespace, Record<string, string>>> | undefined {
  const shared = sharedServices(scope.project, scope.name);
  if (shared.length === 0) return undefined;
  const { problems, options, project, at } = scope;
  if (options.isLocal === false) {
    for (const [key, service] of shared)
      problems.refuse(at(key), `a pod of another cluster shares nothing with the pods of ${service}`);
    return undefined;
  }
  return Object.fromEntries(shared.map(([key, service]) => [sharingKeys[key], podLabelsOf(project, service)]));
}

/** They are on the node of those whose namespaces they are in. */
export function besideOthers(scope: ServiceScope): PodAffinityTerm[] {
  const services = new Set(sharedServices(scope.project, scope.name).map(([, service]) => service));
  return [...services].map((service) => ({
    labelSelector: { matchLabels: podLabelsOf(scope.project, service) },
    topologyKey: hostnameLabel,
  }));
}

function podLabelsOf(project: Project, service: string): Record<string, string> {
  return { ...serviceSelector(project.name, service), [oneOffLabel]: 'False' };
}

/** Tells of namespaces of nobody, and of what cannot be said beside another's network. */
export function checkSharing({ service, name, project, problems, at }: ServiceScope): void {
  for (const key of Object.keys(sharingKeys) as SharingKey[]) {
    const mode = service[key];
    if (!isSharedMode(mode)) continue;
    const other = serviceOfMode(project, mode);
    if (other === name) problems.refuse(at(key), 'cannot be what is shared with the service itself');
    else if (other === undefined)
      problems.refuse(at(key), `there is no container ${mode.slice('container:'.length)} in the project to share with`);
  }
  if (!isSharedMode(service.network_mode)) return;
  const owner = serviceOfMode(project, service.network_mode) ?? '';
  for (const [key, what] of Object.entries(ofNetwork) as [keyof typeof ofNetwork, string][]) {
    const given = service[key];
    if (given === undefined || given.length === 0) continue;
    problems.refuse(
      at(key),
      `conflicting options: ${what} and the network mode: say it of ${owner}, whose network it is`,
    );
  }
}

/** The services whose namespaces a service's containers are in, by the keys that say so. */
export function sharedServices(project: Project, name: string): [SharingKey, string][] {
  const service = project.services[name] ?? {};
  return (Object.keys(sharingKeys) as SharingKey[]).flatMap((key): [SharingKey, string][] => {
    const mode = service[key];
    const other = isSharedMode(mode) ? serviceOfMode(project, mode) : undefined;
    return other === undefined || other === name ? [] : [[key, other]];
  });
}

/** A container is known by the name the file gives it, or by that of docker compose: `project-service-1`. */
function serviceOfMode(project: Project, mode: string): string | undefined {
  const [kind, ...rest] = mode.split(':');
  const wanted = rest.join(':');
  const all = { ...project.disabled, ...project.services };
  if (kind === 'service') return wanted in all ? wanted : undefined;
  return Object.keys(all).find((name) => {
    const own = all[name]?.container_name;
    return own === undefined
      ? [`${project.name}-${name}-1`, `${project.name}_${name}_1`].includes(wanted)
      : own === wanted;
  });
}
