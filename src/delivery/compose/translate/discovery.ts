import type { Service as KubeService, ServicePort } from '../../../api/types/core-v1.ts';
import { dns1035Label } from '../../../api/names.ts';
import { addressesAnnotation } from '../../../api/service-addresses.ts';
import type { Path } from '../tree.ts';
import { knownPorts } from './container.ts';
import {
  aliasLabelDomain,
  aliasObjectName,
  dnsNamesAnnotation,
  projectLabels,
  serviceLabels,
  serviceObjectName,
  endpointSelector,
} from './names.ts';
import { isSharedMode } from './shared-namespaces.ts';
import { type Scope, serviceScope, type ServiceScope } from './scope.ts';

interface Alias {
  name: string;
  service: string;
  path: Path;
}

/**
 * The names by which containers find each other: a headless Service for each of a project's services, so that every
 * port of its containers is reached whether the file names it or not, and one for each alias.
 */
export function nameServicesOf(scope: Scope): KubeService[] {
  const { project } = scope;
  const own = Object.keys(project.services).flatMap((name) => {
    const service = serviceScope(scope, name);
    const { network_mode: mode } = service.service;
    if (mode === 'none' || isSharedMode(mode)) return [];
    const { metadata, ...kube } = named(name, serviceObjectName(name), serviceLabels(project.name, name));
    const annotations = { ...metadata.annotations, ...addressAnnotation(service) };
    const isPlain = Object.keys(annotations).length === 0;
    return [{ ...kube, metadata: { ...metadata, ...(!isPlain && { annotations }) }, spec: specOf(service) }];
  });
  const shared = [...aliasesOf(scope)].map(([name, services]) => {
    const [only = ''] = services;
    const selector = services.size === 1 ? endpointSelector(project.name, only) : { [aliasLabel(name)]: 'true' };
    const object = isLabel(name) ? name : aliasObjectName(name);
    return { ...named(name, object, projectLabels(project.name)), spec: headless(selector) };
  });
  return [...own, ...shared];
}

/** The annotation of a service's Service by which its `ipv4_address` leads to its container. */
function addressAnnotation({ service }: ServiceScope): Record<string, string> | undefined {
  const addresses = Object.values(service.networks ?? {}).flatMap((network) => network?.ipv4_address ?? []);
  return addresses.length > 0 ? { [addressesAnnotation]: addresses.join(' ') } : undefined;
}

/** A Service that the cluster's DNS knows by `name`, whatever its object has to be called. */
function named(name: string, object: string, labels: Record<string, string>): KubeService {
  const annotations = name.toLowerCase() === object ? undefined : { [dnsNamesAnnotation]: name.toLowerCase() };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: object, labels, ...(annotations && { annotations }) } };
}

function isLabel(name: string): boolean {
  return dns1035Label(name).length === 0;
}

function aliasLabel(name: string): string {
  return `${aliasLabelDomain}/${isLabel(name) ? name : aliasObjectName(name)}`;
}

function specOf(scope: ServiceScope): KubeService['spec'] {
  const { service, name, project, problems, at } = scope;
  const selector = endpointSelector(project.name, name);
  const ports: ServicePort[] = knownPorts(service).map(({ port, protocol }) => ({
    name: `${protocol}-${port}`,
    port,
    targetPort: port,
    protocol: protocol.toUpperCase(),
  }));
  const known = ports.length > 0 ? { ports } : {};
  if (service.deploy?.endpoint_mode !== 'vip') {
    // Docker resolves names of containers that are not healthy yet; an update that keeps the old ones must not.
    return { ...headless(selector), ...known, publishNotReadyAddresses: service.deploy?.update_config === undefined };
  }
  if (ports.length === 0) {
    problems.refuse(at('deploy', 'endpoint_mode'), 'a virtual address has ports: name them with `expose`');
  }
  return { selector, ...known };
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
  return Object.fromEntries(shared.map(([name]) => [aliasLabel(name), 'true']));
}

/** The further names of a project's services, with whom they mean. Names that cannot be are refused. */
export function aliasesOf(scope: Scope): Map<string, Set<string>> {
  const { project, problems } = scope;
  const found = new Map<string, Set<string>>();
  const names = new Map(Object.keys(project.services).map((name) => [name.toLowerCase(), name]));
  const objects = new Map(Object.keys(project.services).map((name) => [serviceObjectName(name), name]));
  for (const name of Object.keys(project.services)) checkServiceName(scope, name, objects);
  for (const { name, service, path } of givenAliases(scope)) {
    const owner = names.get(name) ?? objects.get(name);
    if (owner === service) continue;
    if (owner !== undefined) problems.refuse(path, `${name} is the name of a service already`);
    else if (!hostName.test(name)) problems.refuse(path, `${name} cannot be a name in DNS`);
    else {
      checkForeignDns(scope, path, name);
      found.set(name, (found.get(name) ?? new Set()).add(service));
    }
  }
  return found;
}

/** What resolvers ask for: labels of letters, digits, dashes and underscores. */
const hostName = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

function checkServiceName(scope: Scope, name: string, objects: ReadonlyMap<string, string>): void {
  const path = ['services', name];
  const object = serviceObjectName(name);
  if (objects.get(object) !== name) {
    scope.problems.refuse(path, `has the same name in a cluster as ${objects.get(object)}: ${object}`);
  }
  if (object === 's' || !hostName.test(name.toLowerCase())) scope.problems.refuse(path, 'cannot be a name in DNS');
  else checkForeignDns(scope, path, name.toLowerCase());
}

/** Other clusters' DNS knows no annotation: names there are those of the objects. */
function checkForeignDns({ options, problems }: Scope, path: Path, name: string): void {
  if (options.isLocal !== false || isLabel(name)) return;
  problems.refuse(
    path,
    `cannot be a name in the DNS of another cluster: call it ${serviceObjectName(name)} (--lenient: others reach it so)`,
  );
}

function givenAliases({ project }: Scope): Alias[] {
  return Object.entries(project.services).flatMap(
    ([service, { networks, container_name: container, links, network_mode: mode }]) => {
      const at = (...path: (string | number)[]): Path => ['services', service, ...path];
      const ofNetworks = Object.entries(networks ?? {}).flatMap(([key, network]) =>
        (network?.aliases ?? []).map((name, index) => ({ name, service, path: at('networks', key, 'aliases', index) })),
      );
      const ofLinks = (links ?? []).flatMap((link, index) => {
        const [target = '', name] = link.split(':');
        return name === undefined || name === target ? [] : [{ name, service: target, path: at('links', index) }];
      });
      // Who has another's network is in none of his own that would know his name.
      const ofContainer =
        container && !isSharedMode(mode) ? [{ name: container, service, path: at('container_name') }] : [];
      return [...ofNetworks, ...ofLinks, ...ofContainer].map((alias) => ({ ...alias, name: alias.name.toLowerCase() }));
    },
  );
}
