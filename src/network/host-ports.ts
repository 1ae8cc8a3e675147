import { hostPortsAnnotation, isOwnLoadBalancer } from '../api/load-balancing.ts';
import type { Service } from '../api/types/core-v1.ts';
import type { IpFamily } from '../base/ip-address.ts';
import { keyOf } from '../client/informer.ts';
import { balancerIps, clusterIps, protocolOf } from './service-endpoints.ts';

/** A port of the host at which a service's port is published. */
export interface HostPort {
  /** An address of the host; undefined: all of them. */
  ip?: string;
  hostPort: number;
  /** Of the service. */
  port: number;
  protocol: string;
  /** The service has IPv6: what comes to [::1] is for it too. */
  hasIpv6?: true;
}

/** What is published of a service: what its annotation says; without one, every port of a load balancer at its own number. */
export function wantedHostPorts(service: Service): HostPort[] {
  return saidHostPorts(service).map((port) => {
    const isEverywhere = port.ip === undefined && port.protocol === 'tcp';
    return isEverywhere && clusterIps(service, 'ip6').length > 0 ? { ...port, hasIpv6: true } : port;
  });
}

function saidHostPorts(service: Service): HostPort[] {
  const said = service.metadata.annotations?.[hostPortsAnnotation];
  const ports = service.spec?.ports ?? [];
  if (service.spec?.type === 'ExternalName' || said?.trim() === 'none') return [];
  if (said !== undefined) return said.split(',').flatMap((entry) => parseEntry(entry.trim()) ?? []);
  if (!isOwnLoadBalancer(service)) return [];
  return ports.map((port) => ({ hostPort: port.port, port: port.port, protocol: protocolOf(port) }));
}

function parseEntry(entry: string): HostPort | undefined {
  const match = /^(?:(\d+\.\d+\.\d+\.\d+):)?(\d+):(\d+)(?:\/(tcp|udp))?$/.exec(entry);
  if (!match) return undefined;
  const [, ip, hostPort, port, protocol = 'tcp'] = match;
  const isAny = ip === undefined || ip === '0.0.0.0';
  return { ...(!isAny && { ip }), hostPort: Number(hostPort), port: Number(port), protocol };
}

/**
 * Where connections go that come to a listening socket at an address of this family: nothing turns packets for [::1]
 * to elsewhere, nor those of IPv4 into IPv6. Undefined: nowhere.
 */
export type RelayTarget = (family: IpFamily) => { host: string; port: number } | undefined;

/** Takes ports of the host for services; in the real one, by listening there. */
export interface PortHolder {
  /** Resolves with why it cannot be had (`EADDRINUSE`), or undefined when it is held. */
  take(port: HostPort, relayTo: RelayTarget): Promise<string | undefined>;
  release(port: HostPort): void;
}

/** Told of every service that changes, it answers which ports of the host are its own. */
export interface HostPorts {
  /** Undefined: the service is gone. Ports that it does not want any more are free at once. */
  set(key: string, service: Service | undefined): void;
  granted(key: string): readonly HostPort[];
}

interface Claim {
  wanted: HostPort;
  key: string;
  state: 'taking' | 'held' | 'refused';
}

/**
 * Gives ports of the host to services: each to one, the first that asks. Who asks for a port that is taken is told so
 * by `onRefused`, and asked again when the holder lets go.
 */
export function createHostPorts(options: {
  holder: PortHolder;
  onGranted: (key: string) => void;
  onRefused: (service: Service, port: HostPort, reason: string) => void;
}): HostPorts {
  return new GivenHostPorts(options);
}

class GivenHostPorts implements HostPorts {
  readonly #options: Parameters<typeof createHostPorts>[0];
  readonly #services = new Map<string, Service>();
  /** By protocol, address and port. */
  readonly #claims = new Map<string, Claim>();
  /** What a service was told, so that it is told once. */
  readonly #told = new Set<string>();

  constructor(options: Parameters<typeof createHostPorts>[0]) {
    this.#options = options;
  }

  set(key: string, service: Service | undefined): void {
    if (service) this.#services.set(key, service);
    else this.#services.delete(key);
    const wanted = service ? wantedHostPorts(service) : [];
    const names = new Set(wanted.map(nameOf));
    const released: string[] = [];
    for (const [name, claim] of this.#claims) {
      if (claim.key !== key || names.has(name)) continue;
      if (claim.state === 'held') this.#options.holder.release(claim.wanted);
      this.#claims.delete(name);
      released.push(name);
    }
    for (const told of this.#told) {
      if (told.startsWith(`${key} `) && !names.has(told.slice(key.length + 1))) this.#told.delete(told);
    }
    if (service) for (const port of wanted) this.#claim(service, port);
    if (released.length > 0) this.#offer(key);
  }

  granted(key: string): readonly HostPort[] {
    const wanted = wantedHostPorts(this.#services.get(key) ?? { metadata: {} });
    return wanted.filter((port) => {
      const claim = this.#claims.get(nameOf(port));
      return claim?.key === key && claim.state === 'held';
    });
  }

  /** Somebody let go of something: those that were refused ask again, oldest first. */
  #offer(except: string): void {
    const waiting = [...this.#services].filter(([key]) => key !== except);
    waiting.sort(([, a], [, b]) => ageOf(a).localeCompare(ageOf(b)));
    for (const [, service] of waiting) for (const port of wantedHostPorts(service)) this.#claim(service, port);
  }

  #claim(service: Service, wanted: HostPort): void {
    const key = keyOf(service);
    const name = nameOf(wanted);
    const rival = [...this.#claims.values()].find(
      (claim) => claim.state !== 'refused' && clashes(claim.wanted, wanted),
    );
    if (rival) {
      if (rival.key !== key || nameOf(rival.wanted) !== name)
        this.#refuse(service, wanted, `it is service ${rival.key}'s`);
      return;
    }
    const claim: Claim = { wanted, key, state: 'taking' };
    this.#claims.set(name, claim);
    void this.#options.holder
      .take(wanted, (family) => this.#relayTarget(claim, family))
      .then((problem) => {
        if (this.#claims.get(name) !== claim) {
          if (problem === undefined) this.#options.holder.release(wanted);
          return;
        }
        if (problem === undefined) {
          claim.state = 'held';
          this.#told.delete(`${key} ${name}`);
          this.#options.onGranted(key);
        } else {
          claim.state = 'refused';
          this.#refuse(service, wanted, problem === 'EADDRINUSE' ? 'another program listens there' : problem);
        }
      });
  }

  /** By IPv6 in any case; what comes by IPv4 has rules of the kernel, where the service has an address of it. */
  #relayTarget({ key, wanted, state }: Claim, family: IpFamily): ReturnType<RelayTarget> {
    const service = this.#services.get(key);
    if (!service || state !== 'held' || (family === 'IPv4' && clusterIps(service, 'ip').length > 0)) return undefined;
    const [host] = [...balancerIps(service, 'ip6'), ...clusterIps(service, 'ip6')];
    return host === undefined ? undefined : { host, port: wanted.port };
  }

  #refuse(service: Service, port: HostPort, reason: string): void {
    const told = `${keyOf(service)} ${nameOf(port)}`;
    if (this.#told.has(told)) return;
    this.#told.add(told);
    this.#options.onRefused(service, port, reason);
  }
}

/** Whether two ports of the host cannot be held at once. */
export function clashes(a: HostPort, b: HostPort): boolean {
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort) return false;
  return a.ip === undefined || b.ip === undefined || a.ip === b.ip;
}

function nameOf({ ip = '*', hostPort, protocol, hasIpv6 }: HostPort): string {
  return `${protocol}/${ip}:${hostPort}${hasIpv6 ? '/ipv6' : ''}`;
}

function ageOf({ metadata }: Service): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.namespace}/${metadata.name}`;
}
