import type { NetworkPolicy, NetworkPolicyPeer } from '../../../api/types/networking-v1.ts';
import type { Network } from '../model.ts';
import { portsOf } from './container.ts';
import { networkLabelDomain, objectName, projectLabels, serviceSelector } from './names.ts';
import { isSharedMode } from './shared-namespaces.ts';
import { type Scope, serviceScope, type ServiceScope } from './scope.ts';

/** Which networks a service is in; none when its `network_mode` says something else. */
function networksOf({ service, project }: ServiceScope): [string, Network][] {
  if (isOutside(service.network_mode)) return [];
  const keys = service.network_mode === undefined ? Object.keys(service.networks ?? {}) : ['default'];
  return keys.map((key) => [key, project.networks[key] ?? { name: `${project.name}_${key}` }]);
}

/** In no network of the project's, or in none but another service's. */
export function isOutside(mode: string | undefined): boolean {
  return mode === 'host' || mode === 'none' || isSharedMode(mode);
}

/** Labels by which policies know the pods of a network. */
export function networkLabels(scope: ServiceScope): Record<string, string> {
  return Object.fromEntries(networksOf(scope).map(([, network]) => [networkLabel(network), 'true']));
}

function networkLabel({ name }: Network): string {
  return `${networkLabelDomain}/${objectName(name)}`;
}

/**
 * Who is not in a network of a pod does not reach it: for each network a policy that lets its own pods in, for each
 * service with published ports one that lets everybody in to these, and for services that are in internal networks only
 * one that keeps them there.
 */
export function policiesOf(scope: Scope): NetworkPolicy[] {
  const services = Object.keys(scope.project.services).map((name) => serviceScope(scope, name));
  const used = new Map(services.flatMap((service) => networksOf(service)));
  return [
    ...[...used].map(([key, network]) => networkPolicy(scope, key, network)),
    ...services.flatMap((service) => servicePolicies(service)),
  ];
}

function networkPolicy({ project, problems }: Scope, key: string, network: Network): NetworkPolicy {
  const { driver } = network;
  if (driver && !['bridge', 'overlay'].includes(driver)) {
    problems.refuse(['networks', key, 'driver'], `pods have the cluster's network, not one of the driver ${driver}`);
  }
  return policy(project.name, `network-${objectName(key)}`, {
    podSelector: { matchLabels: { [networkLabel(network)]: 'true' } },
    policyTypes: ['Ingress'],
    ingress: [{ from: [peersOf(project.name, key, network)] }],
  });
}

/** A network that has a name of its own, or is another project's, joins the pods of several namespaces. */
function peersOf(project: string, key: string, network: Network): NetworkPolicyPeer {
  const isOwn = !network.external && network.name === `${project}_${key}`;
  const podSelector = { matchLabels: { [networkLabel(network)]: 'true' } };
  return isOwn ? { podSelector } : { namespaceSelector: {}, podSelector };
}

function servicePolicies(scope: ServiceScope): NetworkPolicy[] {
  const { name, service, project } = scope;
  const podSelector = { matchLabels: serviceSelector(project.name, name) };
  if (service.network_mode === 'none') {
    const policyTypes = ['Ingress', 'Egress'];
    return [policy(project.name, `none-${objectName(name)}`, { podSelector, policyTypes, ingress: [], egress: [] })];
  }
  const networks = networksOf(scope);
  const policies: NetworkPolicy[] = [];
  if (service.ports && networks.length > 0) {
    const ports = portsOf(service).map(({ target, protocol }) => ({
      port: target,
      protocol: (protocol || 'tcp').toUpperCase(),
    }));
    const unique = [...new Map(ports.map((each) => [`${each.port}/${each.protocol}`, each])).values()];
    const ingress = [{ ports: unique }];
    policies.push(
      policy(project.name, `published-${objectName(name)}`, { podSelector, policyTypes: ['Ingress'], ingress }),
    );
  }
  if (networks.length > 0 && networks.every(([, network]) => network.internal)) {
    const to = networks.map(([key, network]) => peersOf(project.name, key, network));
    const egress = [{ to }, { ports: ['UDP', 'TCP'].map((protocol) => ({ port: 53, protocol })) }];
    policies.push(
      policy(project.name, `internal-${objectName(name)}`, { podSelector, policyTypes: ['Egress'], egress }),
    );
  }
  return policies;
}

function policy(project: string, name: string, spec: NonNullable<NetworkPolicy['spec']>): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: objectName(name), labels: projectLabels(project) },
    spec,
  };
}
