import { extension, Place, sorted } from './canonical/convert.ts';
import { sections, service as convertService, serviceKeys } from './canonical/service.ts';
import type { Dependency, Project, Service } from './model.ts';
import { isMapping, type Mapping } from './tree.ts';

type Sections = Pick<Project, 'networks' | 'volumes' | 'secrets' | 'configs' | 'models'>;

export interface Canonical extends Sections {
  services: Record<string, Service>;
  extensions: Record<string, unknown>;
}

/** The canonical form of a merged file: long syntax, types, units. */
export function canonicalise(tree: Mapping): Canonical {
  const root = new Place(tree);
  const services: Record<string, Service> = {};
  const given = isMapping(tree.services) ? tree.services : {};
  for (const name of Object.keys(given).sort()) {
    services[name] = convertService(given[name] ?? null, root.in('services').in(name)) as Service;
  }
  const result = { services, extensions: extensionsOf(tree) } as Canonical;
  for (const [name, convert] of Object.entries(sections)) {
    const section = convert(tree[name] ?? null, root.in(name)) ?? {};
    (result as unknown as Record<string, unknown>)[name] = section;
  }
  return result;
}

function extensionsOf(tree: Mapping): Record<string, unknown> {
  const keys = Object.keys(tree).filter((key) => key.startsWith('x-'));
  return Object.fromEntries(keys.sort().map((key) => [key, extension(tree[key] ?? null)]));
}

/** An image that is built without a context has the project's directory for it. */
export function fillContexts({ services }: Canonical, directory: string): void {
  for (const service of Object.values(services)) {
    if (service.build && service.build.context === undefined) service.build = { context: directory, ...service.build };
  }
}

/** An empty `dockerfile` is there, and so has no default, but says nothing: the builder looks for a Dockerfile itself. */
export function dropEmptyDockerfiles({ services }: Canonical): void {
  for (const { build } of Object.values(services)) if (build?.dockerfile === '') delete build.dockerfile;
}

/** Fills in what a file leaves implicit: the default network, names of resources, dependencies by links and shared namespaces. */
export function normalise(model: Canonical, projectName: string): void {
  const services = Object.values(model.services);
  for (const service of services) normaliseService(service);
  if (!('default' in model.networks) && services.some(({ networks }) => networks && 'default' in networks)) {
    model.networks = sorted({ ...model.networks, default: { name: '' } });
  }
  for (const kind of ['networks', 'volumes', 'secrets', 'configs'] as const) {
    const section = model[kind];
    for (const key of Object.keys(section)) {
      const { name, ...rest } = section[key] ?? { name: '' };
      const external = (rest as { external?: boolean }).external;
      // `name` comes first, as it is printed.
      (section as Record<string, unknown>)[key] = { name: name || (external ? key : `${projectName}_${key}`), ...rest };
    }
  }
}

function normaliseService(service: Service): void {
  if (service.networks === undefined && service.network_mode === undefined && service.provider === undefined) {
    insert(service, 'networks', { default: null });
  }
  if (service.pull_policy === 'if_not_present') service.pull_policy = 'missing';
  if (service.build) {
    const { build } = service;
    if (build.dockerfile === undefined && !build.dockerfile_inline) {
      const { context, ...rest } = build;
      service.build = { ...(context !== undefined && { context }), dockerfile: 'Dockerfile', ...rest };
    }
  }
  const implied = impliedDependencies(service);
  if (Object.keys(implied).length > 0) {
    const all = { ...implied, ...service.depends_on };
    insert(service, 'depends_on', sorted(all));
  }
}

function impliedDependencies(service: Service): Record<string, Dependency> {
  const implied: Record<string, Dependency> = {};
  const add = (name: string, restart: boolean): void => {
    implied[name] ??= { condition: 'service_started', ...(restart && { restart }), required: true };
  };
  for (const link of service.links ?? []) add(link.split(':')[0] as string, true);
  for (const mode of [service.network_mode, service.ipc, service.pid, service.uts, service.cgroup]) {
    if (mode?.startsWith('service:')) add(mode.slice('service:'.length), true);
  }
  for (const source of service.volumes_from ?? []) {
    if (!source.startsWith('container:')) add(source.split(':')[0] as string, false);
  }
  return implied;
}

/** Adds a key at the place where the canonical order has it. */
function insert(service: Service, key: 'networks' | 'depends_on', value: unknown): void {
  const known = { ...service, [key]: value } as Record<string, unknown>;
  for (const name of Object.keys(service)) delete (service as Record<string, unknown>)[name];
  for (const name of serviceOrder(known)) (service as Record<string, unknown>)[name] = known[name];
}

function serviceOrder(known: Record<string, unknown>): string[] {
  const rank = (name: string): number => {
    const index = serviceKeys.indexOf(name);
    return index < 0 ? serviceKeys.length : index;
  };
  return Object.keys(known).sort((a, b) => rank(a) - rank(b));
}
