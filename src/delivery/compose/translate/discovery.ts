import type { Service as KubeService, ServicePort } from '../../../api/types/core-v1.ts';
import { dns1035Label } from '../../../api/names.ts';
import type { Path } from '../tree.ts';
import { knownPorts } from './container.ts';
import { aliasLabelDomain, objectName, projectLabels, serviceLabels, serviceSelector } from './names.ts';
import { type Scope, serviceScope, type ServiceScope } from './scope.ts';

interface Alias {
  name: string;
  service: string;
  path: Path;
}

/**
 * The names by which containers find each other: a headless Service for each of a project's services, so that every
 * port
 * of its containers is reached whether the file names it or not, and one for each alias.
 */
export function nameServicesOf(scope: Scope): KubeService[] {
  const { project } = scope;
  const own = Object.keys(project.services).flatMap((name) => {
    const service = serviceScope(scope, name);
    if (service.service.network_mode === 'none') return [];
    const kube = { ...objectMeta(objectName(name), serviceLabels(project.name, name)), spec: specOf(service) };
    return [kube];
  });
  const shared = [...aliasesOf(scope)].map(([name, services]) => {
    const [only = ''] = services;
    const selector =
      services.size === 1 ? serviceSelector(project.name, only) : { [`${aliasLabelDomain}/${name}`]: 'true' };
    return { ...objectMeta(name, projectLabels(project.name)), spec: headless(selector) };
  });
  return [...own, ...shared];
}

function objectMeta(name: string, labels: Record<string, string>): KubeService {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, labels } };
}

function specOf(scope: ServiceScope): KubeService['spec'] {
  const { service, name, project, problems, at } = scope;
  const selector = serviceSelector(project.name, name);
  const ports: ServicePort[] = knownPorts(service).map(({ port, protocol }) => ({
    name: `${protocol}-${port}`,
    port,
    targetPort: port,
    protocol: protocol.toUpperCase(),
  }));
  const named = ports.length > 0 ? { ports } : {};
  if (service.deploy?.endpoint_mode !== 'vip') {
    // Docker resolves names of containers that are not healthy yet; an update that keeps the old ones must not.
    return { ...headless(selector), ...named, publishNotReadyAddresses: service.deploy?.update_config === undefined };
  }
  if (ports.length === 0) {
    problems.refuse(at('deploy', 'endpoint_mode'), 'a virtual address has ports: name them with `expose`');
  }
  return { selector, ...named };
}

function headless(selector: Record<string, string>): NonNullable<KubeService['spec']> {
  return { clusterIP: 'None', selector, publishNotReadyAddresses: true };
}

/** Labels that an alias of several services selects its pods by. */
export function aliasLabels(
  scope: ServiceScope,
  aliases: ReadonlyMap<string, ReadonlySet<string>>,
): Record<string, string> {
  const shared = [...aliases].filter(([, services]) => services.size > 1 && services.has(scope.name));
  return Object.fromEntries(shared.map(([name]) => [`${aliasLabelDomain}/${name}`, 'true']));
}

/** The further names of a project's services, with whom they mean. Names that cannot be are refused. */
export function aliasesOf(scope: Scope): Map<string, Set<string>> {
  const { project, problems } = scope;
  const found = new Map<string, Set<string>>();
  const names = new Map(Object.keys(project.services).map((name) => [objectName(name), name]));
  for (const [name] of Object.entries(project.services)) checkServiceName(scope, name, names);
  for (const { name, service, path } of givenAliases(scope)) {
    const owner = names.get(name);
    if (owner === service) continue;
    if (owner !== undefined) problems.refuse(path, `${name} is the name of a service already`);
    else if (dns1035Label(name).length > 0) {
      problems.refuse(path, `${name} cannot be a name in a cluster's DNS: letters, digits and dashes, a letter first`);
    } else found.set(name, (found.get(name) ?? new Set()).add(service));
  }
  return found;
}

function checkServiceName({ problems }: Scope, name: string, names: ReadonlyMap<string, string>): void {
  const other = objectName(name);
  if (names.get(other) !== name)
    problems.refuse(['services', name], `has the same name in a cluster as ${names.get(other)}: ${other}`);
  if (name.toLowerCase() === other && dns1035Label(other).length === 0) return;
  if (dns1035Label(other).length > 0)
    problems.refuse(['services', name], `cannot be a name in a cluster's DNS: begin it with a letter`);
  else
    problems.refuse(
      ['services', name],
      `cannot be a name in a cluster's DNS: call it ${other} (--lenient: others reach it as ${other})`,
    );
}

function givenAliases({ project }: Scope): Alias[] {
  return Object.entries(project.services).flatMap(([service, { networks, container_name: container, links }]) => {
    const at = (...path: (string | number)[]): Path => ['services', service, ...path];
    const ofNetworks = Object.entries(networks ?? {}).flatMap(([key, network]) =>
      (network?.aliases ?? []).map((name, index) => ({ name, service, path: at('networks', key, 'aliases', index) })),
    );
    const ofLinks = (links ?? []).flatMap((link, index) => {
      const [target = '', name] = link.split(':');
      return name === undefined || name === target ? [] : [{ name, service: target, path: at('links', index) }];
    });
    const ofContainer = container ? [{ name: container, service, path: at('container_name') }] : [];
    return [...ofNetworks, ...ofLinks, ...ofContainer].map((alias) => ({ ...alias, name: alias.name.toLowerCase() }));
  });
}
