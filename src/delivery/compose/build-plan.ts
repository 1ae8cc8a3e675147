import { ComposeError } from './compose-error.ts';
import type { Build, Project, Service } from './model.ts';
import { locate, type Mapping } from './tree.ts';
import { ulimitsOf } from './translate/container-settings.ts';
import { imageOf } from './translate/container.ts';

/** How a service's image is built: what `timonel build` takes by its flags. */
export interface ServiceBuild {
  service: string;
  /** The image's names; the service's own first. */
  names: string[];
  context: string;
  dockerfile?: string;
  /** The Dockerfile's text, where the file has it itself. */
  dockerfileInline?: string;
  buildArgs: Record<string, string>;
  target?: string;
  secrets: string[];
  ssh: string[];
  platforms: string[];
  labels: string[];
  addHosts: string[];
  buildContexts: string[];
  network?: string;
  noCache: boolean;
  shmSize?: string | undefined;
  ulimits: string[];
  cacheFrom: string[];
  cacheTo: string[];
  pull?: 'always';
}

/** The builds of a project's services, or of some. Throws {@link ComposeError} for what no builder here does. */
export function planBuilds(project: Project, tree: Mapping, services?: readonly string[]): ServiceBuild[] {
  return Object.entries(project.services).flatMap(([name, service]) => {
    const { build } = service;
    if (!build || (services && services.length > 0 && !services.includes(name))) return [];
    return [planBuild(project, { tree, name, build, image: imageOf(project.name, name, service) })];
  });
}

interface Planned {
  tree: Mapping;
  name: string;
  build: Build;
  image: string;
}

function planBuild(project: Project, planned: Planned): ServiceBuild {
  const { name, build, image } = planned;
  const text = (key: string): string | undefined => (typeof build[key] === 'string' ? build[key] : undefined);
  const strings = (key: string): string[] => (Array.isArray(build[key]) ? (build[key] as string[]) : []);
  const pairs = (key: string): string[] =>
    Object.entries((build[key] ?? {}) as Record<string, string>).map(([left, right]) => `${left}=${right}`);
  const context = build.context ?? project.directory;
  refuseRemote(planned, ['context'], context);
  for (const [key, value] of Object.entries((build['additional_contexts'] ?? {}) as Record<string, string>)) {
    refuseRemote(planned, ['additional_contexts', key], value);
  }
  return {
    service: name,
    names: [image, ...(build.tags ?? [])],
    context,
    ...(build.dockerfile !== undefined && { dockerfile: build.dockerfile }),
    ...(build.dockerfile_inline !== undefined && { dockerfileInline: build.dockerfile_inline }),
    buildArgs: definedOnly(build.args ?? {}),
    target: build.target,
    secrets: secretsOf(project, build),
    ssh: strings('ssh'),
    platforms: strings('platforms'),
    labels: pairs('labels'),
    addHosts: strings('extra_hosts').map((host) => host.replace('=', ':')),
    buildContexts: pairs('additional_contexts'),
    network: text('network'),
    noCache: build['no_cache'] === true,
    shmSize: text('shm_size'),
    ulimits: Object.entries(ulimitsOf(build['ulimits'] as Service['ulimits']) ?? {}).map(
      ([limit, { soft, hard }]) => `${limit}=${soft}:${hard}`,
    ),
    cacheFrom: strings('cache_from'),
    cacheTo: strings('cache_to'),
    ...(build['pull'] === true && { pull: 'always' as const }),
  };
}

function refuseRemote({ tree, name }: Planned, key: string[], value: string): void {
  if (!/^(?:[a-z][a-z0-9+.-]*:\/\/|git@|github\.com\/|service:)/.test(value)) return;
  const path = ['services', name, 'build', ...key];
  throw new ComposeError(`${value} is no directory: the builder has directories only`, {
    position: locate(tree, path),
    path,
  });
}

function secretsOf(project: Project, build: Build): string[] {
  const given = (build['secrets'] ?? []) as { source: string; target?: string }[];
  return given.flatMap(({ source, target }) => {
    const { file, environment } = project.secrets[source] ?? {};
    const id = (target ?? source).split('/').at(-1);
    if (file !== undefined) return [`id=${id},src=${file}`];
    return environment === undefined ? [] : [`id=${id},env=${environment}`];
  });
}

function definedOnly(given: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== null));
}
