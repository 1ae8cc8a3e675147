import { isIPv4 } from 'node:net';
import { isIpInBlock } from '../../../base/ip-address.ts';
import type { Network } from '../model.ts';
import { type Scope, serviceScope, type ServiceScope } from './scope.ts';
import { replicasOf } from './replicas.ts';

/** Tells of addresses that cannot be had: as an engine does, and where they would be somebody else's. */
export function checkAddresses(scope: Scope): void {
  const owners = new Map<string, string>();
  for (const name of Object.keys(scope.project.services)) {
    const service = serviceScope(scope, name);
    for (const [key, network] of Object.entries(service.service.networks ?? {})) {
      const address = network?.ipv4_address;
      if (address === undefined) continue;
      const why = whyNot(service, address, scope.project.networks[key]) ?? takenBy(owners, address);
      if (why) scope.problems.refuse(service.at('networks', key, 'ipv4_address'), why);
      owners.set(address, name);
    }
  }
}

function takenBy(owners: ReadonlyMap<string, string>, address: string): string | undefined {
  const owner = owners.get(address);
  return owner && `Address already in use: by service ${owner}`;
}

function whyNot(scope: ServiceScope, address: string, network: Network | undefined): string | undefined {
  const { service, options } = scope;
  if (options.isLocal === false) return "another cluster's network chooses addresses: use names";
  if (!isIPv4(address)) return `${address} is no address of IPv4`;
  if (replicasOf(service) > 1 || service.deploy?.mode?.startsWith('global')) {
    return 'is the address of one container, and the service has several';
  }
  const taken = options.takenRanges?.find((cidr) => isIpInBlock(address, cidr));
  if (taken) return `Pool overlaps with other one on this address space: ${address} is in ${taken}, which is in use`;
  if (network?.external) return undefined;
  const pools = (network?.ipam?.config ?? []) as { subnet?: string; gateway?: string }[];
  const subnets = pools.flatMap(({ subnet }) => subnet ?? []);
  if (subnets.length === 0) {
    return 'user specified IP address is supported only when connecting to networks with user configured subnets';
  }
  if (!subnets.some((cidr) => isIpInBlock(address, cidr))) {
    return `no configured subnet contains IP address ${address}: ${subnets.join(', ')}`;
  }
  return pools.some(({ gateway }) => gateway === address) ? 'Address already in use: by the gateway' : undefined;
}
