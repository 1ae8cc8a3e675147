import type { Random } from '../base/random.ts';
import { invalidValue } from '../api/field-errors.ts';
import type { AnyObject } from '../api/object.ts';
import { ApiError, invalid } from '../api/status.ts';
import type { Service, ServicePort, ServiceSpec } from '../api/types/core-v1.ts';
import type { Store } from '../store/store.ts';
import type { Reservation, WriteHook } from './core.ts';
import { familyOf, type IpFamily } from '../base/ip-address.ts';
import { NumberPool } from './ip-range.ts';
import type { AllocationProblem } from './ip-range.ts';
import { ServiceCidrHook } from './service-cidr-hook.ts';
import { resolveFamilies } from './service-families.ts';
import { ServiceRanges } from './service-ranges.ts';
import { decodedOf } from './stored-object.ts';

export interface ServiceNetwork {
  /** `10.96.0.0/12`; two families are divided by a comma, the cluster's default first. */
  serviceCidr: string;
  /** Default: 30000 to 32767, both included. */
  nodePortRange?: { first: number; last: number };
}

const defaultNodePorts = { first: 30_000, last: 32_767 };
const none = 'None';

/** What gives out addresses and ports, as hooks of the kinds that ask for them and that bring them. */
export interface ServiceAllocation {
  services: WriteHook;
  serviceCidrs: WriteHook;
}

/**
 * Gives services their cluster addresses and node ports, each to one service only, and starts with those of the store.
 * Addresses are of the server's own ranges first, then of those that ServiceCIDR objects add.
 */
export async function createServiceAllocator(options: {
  store: Store;
  random: Random;
  network: ServiceNetwork;
}): Promise<ServiceAllocation> {
  const { store, random, network } = options;
  const { first, last } = network.nodePortRange ?? defaultNodePorts;
  const lowerBand = Math.min(Math.max(16, Math.floor((last - first + 1) / 32)), 128);
  const cidrs = network.serviceCidr.split(',').map((cidr) => cidr.trim());
  const ranges = new ServiceRanges(cidrs, random);
  const serviceCidrs = new ServiceCidrHook(ranges);
  const allocator = new ServiceAllocator(ranges, new NumberPool({ first, last, lowerBand, random }), { first, last });
  const stored = async (prefix: string): Promise<AnyObject[]> => {
    const listed = await store.list({ prefix });
    return listed.kind === 'entries' ? listed.entries.map((entry) => decodedOf(entry)) : [];
  };
  for (const object of await stored('/networking.k8s.io/servicecidrs/')) serviceCidrs.adopt(object);
  for (const object of await stored('/core/services/')) allocator.adopt(object);
  ranges.keepFirst();
  return { services: allocator, serviceCidrs };
}

/** What one service holds. */
interface Holdings {
  addresses: Set<string>;
  ports: Set<number>;
}

class ServiceAllocator implements WriteHook {
  readonly group = '';
  readonly plural = 'services';
  readonly #ranges: ServiceRanges;
  readonly #ports: NumberPool;
  readonly #portRange: { first: number; last: number };

  constructor(ranges: ServiceRanges, ports: NumberPool, portRange: { first: number; last: number }) {
    this.#ranges = ranges;
    this.#ports = ports;
    this.#portRange = portRange;
  }

  /** Takes what a stored service has; a double, left by a broken past, stays with both. */
  adopt(service: Service): void {
    const { addresses, ports } = holdingsOf(service);
    for (const address of addresses) this.#ranges.take(address);
    for (const port of ports) this.#ports.take(port);
  }

  prepare(object: AnyObject, old: AnyObject | undefined): Reservation {
    const service = object as Service;
    const before = old ? holdingsOf(old) : { addresses: new Set<string>(), ports: new Set<number>() };
    const reserved: Holdings = { addresses: new Set(), ports: new Set() };
    try {
      this.#allocate(service, old, { before, reserved });
    } catch (error) {
      this.#free(reserved);
      throw error;
    }
    let isSettled = false;
    return {
      commit: () => {
        isSettled = true;
        const now = holdingsOf(service);
        this.#free({
          addresses: new Set([...before.addresses].filter((address) => !now.addresses.has(address))),
          ports: new Set([...before.ports].filter((port) => !now.ports.has(port))),
        });
      },
      release: () => {
        if (!isSettled) this.#free(reserved);
        isSettled = true;
      },
    };
  }

  deleted(object: AnyObject): void {
    this.#free(holdingsOf(object));
  }

  #allocate(service: Service, old: Service | undefined, held: { before: Holdings; reserved: Holdings }): void {
    const { spec } = service;
    if (!spec || spec.type === 'ExternalName') return;
    resolveFamilies(service, old, this.#ranges.families);
    if (spec.clusterIP !== none && spec.clusterIPs?.[0] !== none) this.#allocateAddresses(service, held);
    if (takesNodePorts(spec)) this.#allocateNodePorts(service, held);
    if (takesHealthCheckPort(spec)) {
      const wanted = spec.healthCheckNodePort || undefined;
      spec.healthCheckNodePort = this.#port(service, { wanted, held, path: 'spec.healthCheckNodePort' });
    }
  }

  #allocateAddresses(service: Service, { before, reserved }: { before: Holdings; reserved: Holdings }): void {
    const spec = service.spec as ServiceSpec;
    const wanted = spec.clusterIPs?.length ? spec.clusterIPs : spec.clusterIP ? [spec.clusterIP] : [];
    const addresses = (spec.ipFamilies ?? []).map((family, i) => {
      const address = wanted[i];
      if (address !== undefined && before.addresses.has(address)) return address;
      if (address === undefined || address === '') {
        const given = this.#ranges.takeAny(family as IpFamily);
        if (given === undefined) throw ApiError.of('InternalError', 'failed to allocate a serviceIP: range is full');
        reserved.addresses.add(given);
        return given;
      }
      const problem = this.#takeAddress(service, address, family);
      const valid = this.#ranges.named(family as IpFamily);
      if (problem) throw refusal(service, 'spec.clusterIPs', wanted, addressProblem(problem, address, valid));
      reserved.addresses.add(address);
      return address;
    });
    spec.clusterIPs = addresses;
    spec.clusterIP = addresses[0] as string;
  }

  #takeAddress({ metadata }: Service, address: string, family: string): AllocationProblem | undefined {
    const isOwn = metadata.namespace === 'default' && metadata.name === 'kubernetes' && this.#ranges.isFirst(address);
    if (isOwn) return undefined;
    return familyOf(address) === family ? this.#ranges.take(address) : { kind: 'outOfRange' };
  }

  #allocateNodePorts(service: Service, held: { before: Holdings; reserved: Holdings }): void {
    const ports = service.spec?.ports ?? [];
    ports.forEach((port, i) => {
      // TCP and UDP of one port share a node port, as far as nobody asks for another.
      const twin = ports.slice(0, i).find((other) => other.port === port.port && other.protocol !== port.protocol);
      const wanted = port.nodePort || sharedPort(ports, twin);
      port.nodePort = this.#port(service, { wanted, held, path: `spec.ports[${i}].nodePort` });
    });
  }

  #port(
    service: Service,
    {
      wanted,
      held: { before, reserved },
      path,
    }: { wanted: number | undefined; held: { before: Holdings; reserved: Holdings }; path: string },
  ): number {
    if (wanted === undefined) {
      const given = this.#ports.takeAny();
      if (given === undefined) throw ApiError.of('InternalError', 'failed to allocate a nodePort: range is full');
      reserved.ports.add(given);
      return given;
    }
    if (before.ports.has(wanted) || reserved.ports.has(wanted)) return wanted;
    const problem = this.#ports.take(wanted);
    if (problem) {
      const { first, last } = this.#portRange;
      const outside = `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
      throw refusal(service, path, wanted, problem.kind === 'taken' ? 'provided port is already allocated' : outside);
    }
    reserved.ports.add(wanted);
    return wanted;
  }

  #free({ addresses, ports }: Holdings): void {
    for (const address of addresses) this.#ranges.release(address);
    for (const port of ports) this.#ports.release(port);
  }
}

function sharedPort(ports: readonly ServicePort[], twin: ServicePort | undefined): number | undefined {
  const port = twin?.nodePort;
  if (!port) return undefined;
  // Two ports of one protocol cannot share it.
  return ports.filter(({ nodePort }) => nodePort === port).length > 1 ? undefined : port;
}

function takesNodePorts({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

function takesHealthCheckPort({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

function holdingsOf({ spec }: Service): Holdings {
  const addresses = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
  const ports = (spec?.ports ?? []).map(({ nodePort }) => nodePort).filter((port) => port !== undefined && port !== 0);
  if (spec?.healthCheckNodePort) ports.push(spec.healthCheckNodePort);
  return {
    addresses: new Set(addresses.filter((address) => address !== none && address !== '')),
    ports: new Set(ports as number[]),
  };
}

function addressProblem(problem: AllocationProblem, address: string, valid: string): string {
  const head = `failed to allocate IP ${address}: `;
  if (problem.kind === 'taken') return `${head}provided IP is already allocated`;
  return `${head}the provided IP (${address}) is not in the valid range. The range of valid IPs is ${valid}`;
}

function refusal({ metadata }: Service, path: string, value: unknown, detail: string): ApiError {
  return invalid('', 'Service', metadata.name ?? '', [invalidValue(path, value, detail)]);
}
