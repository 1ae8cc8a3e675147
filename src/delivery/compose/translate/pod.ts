import { isIP } from 'node:net';
import type { HostAlias, PodDNSConfig, PodSpec } from '../../../api/types/core-v1.ts';
import { containerOf } from './container.ts';
import { fileMountsOf } from './files.ts';
import { objectName } from './names.ts';
import { placementOf } from './placement.ts';
import { preStartOf } from './pre-start.ts';
import { seconds } from './probes.ts';
import type { ServiceScope } from './scope.ts';
import { podSecurityContextOf } from './security.ts';
import { checkSharing, isSharedMode } from './shared-namespaces.ts';
import { mountsOf } from './volumes.ts';

/** Docker's grace period when it stops a container. */
const graceSeconds = 10;

/** The pod of a service's containers, each of which is alone in its own. */
export function podSpecOf(scope: ServiceScope): PodSpec {
  const { service } = scope;
  const mounted = mountsOf(scope);
  const files = fileMountsOf(scope);
  const container = { ...containerOf(scope), volumeMounts: some([...mounted.mounts, ...files.mounts]) };
  const isOnHost = service.network_mode === 'host';
  const mode = isOnHost || service.network_mode === 'none';
  checkNetworkMode(scope);
  return {
    initContainers: preStartOf(scope, container.volumeMounts),
    containers: [container],
    volumes: some([...mounted.volumes, ...files.volumes]),
    hostname: service.hostname === undefined ? undefined : hostnameOf(scope, service.hostname),
    hostAliases: hostAliasesOf(scope),
    ...dnsOf(scope, isOnHost),
    hostNetwork: isOnHost || undefined,
    hostPID: service.pid === 'host' || undefined,
    hostIPC: service.ipc === 'host' || undefined,
    hostUsers: service.userns_mode === 'host' && mode ? true : undefined,
    // The sandbox's process is the first one then, and takes care of orphans as an init does.
    shareProcessNamespace: service.init || undefined,
    securityContext: podSecurityContextOf(scope),
    terminationGracePeriodSeconds:
      service.stop_grace_period === undefined ? graceSeconds : seconds(service.stop_grace_period),
    // Containers of Compose know nothing of a cluster: no token, no variables of other services.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    runtimeClassName: runtimeClassOf(scope),
    ...placementOf(scope),
  };
}

function checkNetworkMode(scope: ServiceScope): void {
  const { service, problems, at } = scope;
  checkSharing(scope);
  const { network_mode: mode, pid, ipc } = service;
  if (mode === 'host') {
    problems.warn(
      at('network_mode'),
      "the network is the node's: its ports are at the node's address, not at localhost",
    );
  } else if (mode !== undefined && !isSharedMode(mode) && !['none', 'bridge', 'default'].includes(mode)) {
    problems.refuse(at('network_mode'), `there is no network mode ${mode}`);
  }
  for (const [key, value] of [
    ['pid', pid],
    ['ipc', ipc],
  ] as const) {
    if (value === undefined || isSharedMode(value) || ['host', 'private', 'shareable', 'none'].includes(value))
      continue;
    problems.refuse(at(key), `there is no such mode: ${value}`);
  }
}

function hostnameOf({ problems, at }: ServiceScope, hostname: string): string {
  const [first = ''] = hostname.split('.');
  const name = objectName(first);
  if (name !== hostname) problems.warn(at('hostname'), `is ${name} in a pod: lower case, without a domain`);
  return name;
}

/** `host=ip`; several hosts of one address share a line. `host-gateway` is the machine. */
function hostAliasesOf({ service, problems, options, at }: ServiceScope): HostAlias[] | undefined {
  const byAddress = new Map<string, string[]>();
  for (const [index, text] of (service.extra_hosts ?? []).entries()) {
    const [host = '', given = ''] = text.split('=');
    const address = given === 'host-gateway' ? options.hostGateway : given;
    if (address === undefined)
      problems.refuse(
        at('extra_hosts', index),
        'what machine host-gateway is, is known of clusters of this machine only',
      );
    else if (isIP(address) === 0) problems.refuse(at('extra_hosts', index), `${address} is no address`);
    else byAddress.set(address, [...(byAddress.get(address) ?? []), host]);
  }
  return byAddress.size > 0 ? [...byAddress].map(([address, hostnames]) => ({ ip: address, hostnames })) : undefined;
}

function dnsOf({ service, problems, at }: ServiceScope, isOnHost: boolean): Pick<PodSpec, 'dnsPolicy' | 'dnsConfig'> {
  const { dns, dns_search: searches, dns_opt: given } = service;
  if (dns) problems.warn(at('dns'), "is asked where the cluster's own DNS does not answer; that knows the services");
  const options = given?.map((option) => {
    const [name = '', value] = option.split(':');
    return value === undefined ? { name } : { name, value };
  });
  const config: PodDNSConfig = {
    ...(dns && { nameservers: dns }),
    ...(searches && { searches: searches.filter((domain) => domain !== '.') }),
    ...(options && { options }),
  };
  return {
    dnsPolicy: isOnHost ? 'ClusterFirstWithHostNet' : undefined,
    dnsConfig: Object.keys(config).length > 0 ? config : undefined,
  };
}

function runtimeClassOf({ service, problems, at }: ServiceScope): string | undefined {
  const { runtime } = service;
  if (runtime === undefined || runtime === 'runc') return undefined;
  problems.warn(at('runtime'), `needs a RuntimeClass ${objectName(runtime)} in the cluster`);
  return objectName(runtime);
}

function some<T>(items: T[]): T[] | undefined {
  return items.length > 0 ? items : undefined;
}
