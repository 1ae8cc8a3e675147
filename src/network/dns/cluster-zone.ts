import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import type { Service, ServicePort } from '../../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

/** What the zone is made from, looked up as questions come. */
export interface ClusterView {
  service(namespace: string, name: string): Service | undefined;
  /** The service that has this as a further name ({@link dnsNamesAnnotation}). */
  serviceByAlias(namespace: string, alias: string): Service | undefined;
  slices(namespace: string, name: string): readonly EndpointSlice[];
  hasNamespace(namespace: string): boolean;
  servicesByIp(ip: string): readonly Service[];
  slicesByIp(ip: string): readonly EndpointSlice[];
}

export interface Zone {
  /** `cluster.local` */
  domain: string;
  /** Where this zone is answered: the addresses of `ns.dns.DOMAIN`. */
  nameServers: readonly string[];
  /** CIDRs of pods and services: nobody else knows names for them. */
  ownRanges: readonly string[];
}

export interface Question {
  /** In lower case, without the final dot. */
  name: string;
  type: QuestionType;
}

type AddressType = 'A' | 'AAAA';
export type QuestionType = DnsRecord['type'] | 'ANY' | 'OTHER';

export type DnsRecord =
  | { name: string; type: AddressType | 'CNAME' | 'NS' | 'PTR' | 'TXT'; ttl: number; data: string }
  | { name: string; type: 'SRV'; ttl: number; data: ServiceTarget }
  | { name: string; type: 'SOA'; ttl: number; data: StartOfAuthority };

interface ServiceTarget {
  target: string;
  port: number;
  priority: number;
  weight: number;
}

interface StartOfAuthority {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

export type Answer =
  /** `answers` may be empty: the name is there, but has nothing of this type. */
  | { kind: 'found'; answers: DnsRecord[]; additionals: DnsRecord[] }
  /** `answers`: the aliases that lead there. */
  | { kind: 'noSuchName'; answers: DnsRecord[] }
  /** Ask `target` elsewhere and append what it says. */
  | { kind: 'alias'; answers: DnsRecord[]; target: string }
  /** Aliases that never end. */
  | { kind: 'endless'; answers: DnsRecord[] }
  /** Not a name of this cluster: forward. */
  | { kind: 'notOurs' };

/**
 * Further names of a service within its namespace, separated by blanks. They may be what names of services may not:
 * `my_db`, `cache.internal`. Containers of Compose projects know each other by such names.
 */
const dnsNamesAnnotation = 'timonel.dev/dns-names';

/** The further names of a service, in lower case. */
export function dnsNamesOf({ metadata }: Service): string[] {
  const names = metadata.annotations?.[dnsNamesAnnotation] ?? '';
  return names.split(/\s+/).flatMap((name) => (name === '' ? [] : [name.toLowerCase()]));
}

/** Seconds; short, since endpoints come and go. */
const ttlSeconds = 5;

const noSuchName: Answer = { kind: 'noSuchName', answers: [] };
const maxAliases = 8;

/**
 * Answers for the cluster's zone after the Kubernetes DNS specification, version 1.1.0: A and AAAA, SRV and PTR for
 * services, headless services and pods, CNAME for external names, followed as long as they stay in the cluster. What
 * the specification leaves open is as CoreDNS has it. Pure.
 */
export function answerFromCluster(question: Question, zone: Zone, view: ClusterView): Answer {
  const aliases: DnsRecord[] = [];
  let name = question.name;
  for (let i = 0; i <= maxAliases; i++) {
    const answer = answerName({ name, type: question.type }, zone, view);
    if (answer.kind === 'notOurs') return i === 0 ? answer : { kind: 'alias', answers: aliases, target: name };
    if (answer.kind !== 'alias') return { ...answer, answers: [...aliases, ...answer.answers] };
    aliases.push(...answer.answers);
    if (question.type === 'CNAME' || question.type === 'ANY') return only(aliases);
    name = answer.target;
  }
  return { kind: 'endless', answers: aliases };
}

function answerName({ name, type }: Question, zone: Zone, view: ClusterView): Answer {
  const { domain } = zone;
  if (name.endsWith('.in-addr.arpa') || name.endsWith('.ip6.arpa')) return answerReverse(name, type, zone, view);
  if (name !== domain && !name.endsWith(`.${domain}`)) return { kind: 'notOurs' };
  if (name === domain) return only([startOfAuthority(domain), nameServer(domain)].filter(isOf(type)));
  const labels = name.slice(0, -domain.length - 1).split('.');
  if (labels.length === 1 && labels[0] === 'dns-version') {
    const version: DnsRecord = { name, type: 'TXT', ttl: ttlSeconds, data: '1.1.0' };
    return only([version].filter(isOf(type)));
  }
  const kind = labels.at(-1);
  const namespace = labels.at(-2);
  // The name server that SOA and NS name.
  if (kind === 'dns' && labels.length <= 2 && (namespace ?? 'ns') === 'ns') {
    return namespace === undefined ? empty() : only(addresses(name, type, zone.nameServers));
  }
  if (kind !== 'svc' && kind !== 'pod') return noSuchName;
  if (namespace === undefined) return empty();
  if (labels.length === 2) return view.hasNamespace(namespace) ? empty() : noSuchName;
  const rest = labels.slice(0, -2);
  return kind === 'pod'
    ? answerPod(name, type, rest, { namespace, view })
    : answerService(name, type, rest, { namespace, view, domain });
}

/** `1-2-3-4.namespace.pod.domain`: the address is in the name. */
function answerPod(
  name: string,
  type: QuestionType,
  rest: readonly string[],
  { namespace, view }: { namespace: string; view: ClusterView },
): Answer {
  if (rest.length !== 1 || !view.hasNamespace(namespace)) return noSuchName;
  const dashed = rest[0] as string;
  const ip = [dashed.replaceAll('-', '.'), dashed.replaceAll('-', ':')].find((text) => isIP(text) !== 0);
  return ip === undefined ? noSuchName : only(addresses(name, type, [ip]));
}

interface ServiceContext {
  namespace: string;
  view: ClusterView;
  domain: string;
}

/** `service`, `endpoint.service`, or `_port._protocol.service`. */
function answerService(name: string, type: QuestionType, rest: readonly string[], context: ServiceContext): Answer {
  const { namespace, view } = context;
  const serviceName = rest.at(-1) as string;
  const service = view.service(namespace, serviceName);
  const isOwnName = rest.length === 1 && service !== undefined;
  const known = isOwnName ? undefined : view.serviceByAlias(namespace, rest.join('.'));
  if (known) return answerServiceName(name, type, known, context);
  if (!service) return noSuchName;
  if (service.spec?.type === 'ExternalName') {
    const target = (service.spec.externalName ?? '').toLowerCase().replace(/\.$/, '');
    // An address is no name (API documentation of externalName), and gets no alias in CoreDNS either.
    if (rest.length > 1 || target === '' || isIP(target) !== 0) return noSuchName;
    return { kind: 'alias', answers: [{ name, type: 'CNAME', ttl: ttlSeconds, data: target }], target };
  }
  if (rest.length === 1) return answerServiceName(name, type, service, context);
  const [first = '', second = ''] = rest;
  if (rest.length === 2) {
    if (first.startsWith('_')) {
      // `_tcp.service` has nothing itself, but something below it (RFC 8020).
      const isUsed = (service.spec?.ports ?? []).some((port) => port.name && `_${protocolOf(port)}` === first);
      return isUsed ? empty() : noSuchName;
    }
    const ips = endpointsOf(service, context)
      .filter(({ label }) => label === first)
      .map(({ ip }) => ip);
    return ips.length > 0 ? only(addresses(name, type, [...new Set(ips)])) : noSuchName;
  }
  if (rest.length === 3 && first.length > 1 && first.startsWith('_') && second.startsWith('_')) {
    const [port, protocol] = [first.slice(1), second.slice(1)];
    const records = srvRecords(name, service, context, (p) => p.name === port && protocolOf(p) === protocol);
    if (records.answers.length === 0) return noSuchName;
    return type === 'SRV' || type === 'ANY' ? { kind: 'found', ...records } : empty();
  }
  return noSuchName;
}

/** SRV of a service's own name: all of its ports, as CoreDNS answers. */
function answerServiceName(name: string, type: QuestionType, service: Service, context: ServiceContext): Answer {
  if (!isHeadless(service)) {
    if (type === 'SRV') return { kind: 'found', ...srvRecords(name, service, context, () => true) };
    return only(addresses(name, type, clusterIpsOf(service)));
  }
  const ips = [...new Set(endpointsOf(service, context).map(({ ip }) => ip))];
  if (ips.length === 0) return noSuchName;
  if (type === 'SRV') return { kind: 'found', ...srvRecords(name, service, context, () => true) };
  return only(addresses(name, type, ips));
}

function srvRecords(
  name: string,
  service: Service,
  context: ServiceContext,
  isWanted: (port: { name?: string; protocol?: string }) => boolean,
): { answers: DnsRecord[]; additionals: DnsRecord[] } {
  const host = `${service.metadata.name}.${context.namespace}.svc.${context.domain}`;
  const targets = isHeadless(service)
    ? endpointsOf(service, context).flatMap(({ ip, label, slice }) =>
        (slice.ports ?? []).filter(isWanted).map((port) => ({ target: `${label}.${host}`, port: port.port ?? 0, ip })),
      )
    : (service.spec?.ports ?? [])
        .filter(isWanted)
        .flatMap((port) => clusterIpsOf(service).map((ip) => ({ target: host, port: port.port, ip })));
  const answers = new Map<string, DnsRecord>();
  const additionals = new Map<string, DnsRecord>();
  const records = new Set(targets.map(({ target, port }) => `${target}:${port}`));
  const weight = Math.max(1, Math.floor(100 / Math.max(1, records.size)));
  for (const { target, port, ip } of targets) {
    const data = { target, port, priority: 0, weight };
    answers.set(`${target}:${port}`, { name, type: 'SRV', ttl: ttlSeconds, data });
    additionals.set(`${target}/${ip}`, addressRecord(target, ip));
  }
  return { answers: [...answers.values()], additionals: [...additionals.values()] };
}

/** Names of addresses: a service's cluster IPs, and the ready endpoints of headless services. */
function answerReverse(name: string, type: QuestionType, zone: Zone, view: ClusterView): Answer {
  const ip = ipOfReverseName(name);
  if (ip === undefined) return { kind: 'notOurs' };
  const names = [
    ...view.servicesByIp(ip).map(({ metadata }) => `${metadata.name}.${metadata.namespace}.svc.${zone.domain}`),
    ...view.slicesByIp(ip).flatMap((slice) => endpointNames(slice, ip, zone.domain, view)),
  ];
  if (names.length === 0) return isInRanges(ip, zone.ownRanges) ? noSuchName : { kind: 'notOurs' };
  const records = [...new Set(names)].map((data): DnsRecord => ({ name, type: 'PTR', ttl: ttlSeconds, data }));
  return only(records.filter(isOf(type)));
}

function endpointNames(slice: EndpointSlice, ip: string, domain: string, view: ClusterView): string[] {
  const { namespace = '', labels } = slice.metadata;
  const service = view.service(namespace, labels?.[serviceNameLabel] ?? '');
  if (!service || !isHeadless(service)) return [];
  return (slice.endpoints ?? [])
    .filter((endpoint) => endpoint.addresses.includes(ip) && isPublished(endpoint, service))
    .map((endpoint) => `${labelOf(endpoint, ip)}.${service.metadata.name}.${namespace}.svc.${domain}`);
}

function isInRanges(ip: string, cidrs: readonly string[]): boolean {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix = ''] = cidr.split('/');
    list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
  }
  return list.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4');
}

interface NamedEndpoint {
  ip: string;
  /** Its label below the service's name: its hostname, or its address with dashes. */
  label: string;
  slice: EndpointSlice;
}

function endpointsOf(service: Service, { namespace, view }: ServiceContext): NamedEndpoint[] {
  return view
    .slices(namespace, service.metadata.name ?? '')
    .flatMap((slice) =>
      (slice.endpoints ?? [])
        .filter((endpoint) => isPublished(endpoint, service))
        .flatMap((endpoint) => endpoint.addresses.map((ip) => ({ ip, label: labelOf(endpoint, ip), slice }))),
    );
}

function labelOf({ hostname }: Endpoint, ip: string): string {
  return hostname || ip.replaceAll(/[.:]/g, '-');
}

function isPublished({ conditions }: Endpoint, service: Service): boolean {
  return (conditions?.ready ?? true) || service.spec?.publishNotReadyAddresses === true;
}

function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None' || !service.spec?.clusterIP;
}

function clusterIpsOf(service: Service): string[] {
  const spec = service.spec;
  return spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
}

function protocolOf(port: Pick<ServicePort, 'protocol'>): string {
  return (port.protocol ?? 'TCP').toLowerCase();
}

function addresses(name: string, type: QuestionType, ips: readonly string[]): DnsRecord[] {
  return ips.map((ip) => addressRecord(name, ip)).filter(isOf(type));
}

function addressRecord(name: string, ip: string): DnsRecord {
  return { name, type: ip.includes(':') ? 'AAAA' : 'A', ttl: ttlSeconds, data: ip };
}

function isOf(type: QuestionType): (record: DnsRecord) => boolean {
  return (record) => type === record.type || type === 'ANY';
}

function only(answers: DnsRecord[]): Answer {
  return { kind: 'found', answers, additionals: [] };
}

function empty(): Answer {
  return only([]);
}

function nameServer(domain: string): DnsRecord {
  return { name: domain, type: 'NS', ttl: ttlSeconds, data: `ns.dns.${domain}` };
}

/** Tells resolvers how long they may remember that there is nothing (RFC 2308). Zones are not transferred: no serial counts. */
export function startOfAuthority(domain: string, zoneName = domain): DnsRecord {
  const [mname, rname] = [`ns.dns.${domain}`, `hostmaster.${domain}`];
  const data = { mname, rname, serial: 1, refresh: 7200, retry: 1800, expire: 86_400, minimum: ttlSeconds };
  return { name: zoneName, type: 'SOA', ttl: ttlSeconds, data };
}

/** `4.3.2.1.in-addr.arpa` -> `1.2.3.4`; 32 nibbles under `ip6.arpa` -> the short form of the address. */
function ipOfReverseName(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const ip = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
    return isIPv4(ip) ? ip : undefined;
  }
  const nibbles = name.slice(0, -'.ip6.arpa'.length).split('.').reverse();
  if (nibbles.length !== 32 || nibbles.some((nibble) => !/^[0-9a-f]$/.test(nibble))) return undefined;
  const groups = nibbles.join('').match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
