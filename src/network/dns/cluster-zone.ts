import type { Service, ServicePort } from '../../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.ts';

/** What the zone is made from, looked up as questions come. */
export interface ClusterView {
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, name: string): readonly EndpointSlice[];
  hasNamespace(namespace: string): boolean;
  servicesByIp(ip: string): readonly Service[];
  slicesByIp(ip: string): readonly EndpointSlice[];
}

export interface Question {
  /** Without the final dot; case does not matter. */
  name: string;
  type: string;
}

export type DnsRecord =
  | { name: string; type: 'A' | 'AAAA' | 'CNAME' | 'PTR'; ttl: number; data: string }
  | { name: string; type: 'TXT'; ttl: number; data: string }
  | {
      name: string;
      type: 'SRV';
      ttl: number;
      data: { target: string; port: number; priority: number; weight: number };
    };

export type Answer =
  /** `answers` may be empty: the name is there, but has nothing of this type. */
  | { kind: 'found'; answers: DnsRecord[]; additionals: DnsRecord[] }
  | { kind: 'noSuchName' }
  /** Ask `target` elsewhere and append what it says. */
  | { kind: 'alias'; answers: DnsRecord[]; target: string }
  /** Not a name of this cluster: forward. */
  | { kind: 'notOurs' };

/** Seconds; short, since endpoints come and go. */
export const ttlSeconds = 5;

const noSuchName: Answer = { kind: 'noSuchName' };

/**
 * Answers for the cluster's zone after the Kubernetes DNS specification, version 1.1.0: A and AAAA, SRV and PTR for
 * services, headless services and pods, CNAME for external names. Pure.
 */
export function answerFromCluster(question: Question, domain: string, view: ClusterView): Answer {
  const name = question.name.toLowerCase();
  if (name.endsWith('.in-addr.arpa') || name.endsWith('.ip6.arpa')) return answerReverse(name, question, domain, view);
  if (name !== domain && !name.endsWith(`.${domain}`)) return { kind: 'notOurs' };
  const labels = name === domain ? [] : name.slice(0, -domain.length - 1).split('.');
  if (labels.length === 0) return empty();
  if (labels.length === 1 && labels[0] === 'dns-version') {
    return only(question.type === 'TXT' ? [{ name, type: 'TXT', ttl: ttlSeconds, data: '1.1.0' }] : []);
  }
  const kind = labels.at(-1);
  const namespace = labels.at(-2);
  if (kind !== 'svc' && kind !== 'pod') return noSuchName;
  if (namespace === undefined) return empty();
  if (labels.length === 2) return view.hasNamespace(namespace) ? empty() : noSuchName;
  const rest = labels.slice(0, -2);
  return kind === 'pod'
    ? answerPod(name, question.type, rest, { namespace, view })
    : answerService(name, question.type, rest, { namespace, view, domain });
}

/** `1-2-3-4.namespace.pod.domain`: the address is in the name. */
function answerPod(
  name: string,
  type: string,
  rest: readonly string[],
  { namespace, view }: { namespace: string; view: ClusterView },
): Answer {
  if (rest.length !== 1 || !view.hasNamespace(namespace)) return noSuchName;
  const dashed = rest[0] as string;
  const isIpv4 = /^\d{1,3}(-\d{1,3}){3}$/.test(dashed);
  const ip = isIpv4 ? dashed.replaceAll('-', '.') : dashed.replaceAll('-', ':');
  if (!isIpv4 && !/^[0-9a-f:]*:[0-9a-f:]*$/.test(ip)) return noSuchName;
  return only(addresses(name, type, [ip]));
}

interface ServiceContext {
  namespace: string;
  view: ClusterView;
  domain: string;
}

/** `service`, `endpoint.service`, or `_port._protocol.service`. */
function answerService(name: string, type: string, rest: readonly string[], context: ServiceContext): Answer {
  const { namespace, view } = context;
  const serviceName = rest.at(-1) as string;
  const service = view.service(namespace, serviceName);
  if (!service) return noSuchName;
  if (service.spec?.type === 'ExternalName') {
    const target = service.spec.externalName ?? '';
    if (rest.length > 1 || target === '') return noSuchName;
    return { kind: 'alias', answers: [{ name, type: 'CNAME', ttl: ttlSeconds, data: target }], target };
  }
  if (rest.length === 1) return answerServiceName(name, type, service, context);
  if (rest.length === 2) {
    const ips = endpointsOf(service, context)
      .filter(({ label }) => label === rest[0])
      .map(({ ip }) => ip);
    return ips.length > 0 ? only(addresses(name, type, ips)) : noSuchName;
  }
  if (rest.length === 3 && rest[0]?.startsWith('_') && rest[1]?.startsWith('_')) {
    const [port, protocol] = [rest[0].slice(1), rest[1].slice(1)];
    const records = srvRecords(name, service, context, (p) => p.name === port && protocolOf(p) === protocol);
    if (records.answers.length === 0) return noSuchName;
    return type === 'SRV' || type === 'ANY' ? { kind: 'found', ...records } : empty();
  }
  return noSuchName;
}

function answerServiceName(name: string, type: string, service: Service, context: ServiceContext): Answer {
  if (type === 'SRV') return { kind: 'found', ...srvRecords(name, service, context, () => true) };
  if (!isHeadless(service)) return only(addresses(name, type, clusterIpsOf(service)));
  const ips = [...new Set(endpointsOf(service, context).map(({ ip }) => ip))];
  return ips.length > 0 ? only(addresses(name, type, ips)) : noSuchName;
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
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
  for (const { target, port, ip } of targets) {
    const data = { target, port, priority: 0, weight };
    answers.set(`${target}:${port}`, { name, type: 'SRV', ttl: ttlSeconds, data });
    additionals.set(`${target}/${ip}`, addressRecord(target, ip));
  }
  return { answers: [...answers.values()], additionals: [...additionals.values()] };
}

/** Names of addresses: a service's cluster IPs, and the endpoints of headless services. */
function answerReverse(name: string, question: Question, domain: string, view: ClusterView): Answer {
  const ip = ipOfReverseName(name);
  if (!ip) return { kind: 'notOurs' };
  const names = [
    ...view.servicesByIp(ip).map((service) => `${service.metadata.name}.${service.metadata.namespace}.svc.${domain}`),
    ...view.slicesByIp(ip).flatMap((slice) => endpointNames(slice, ip, domain, view)),
  ];
  if (names.length === 0) return { kind: 'notOurs' };
  const records = [...new Set(names)].map((data): DnsRecord => ({ name, type: 'PTR', ttl: ttlSeconds, data }));
  return only(question.type === 'PTR' ? records : []);
}

function endpointNames(slice: EndpointSlice, ip: string, domain: string, view: ClusterView): string[] {
  const { namespace = '', labels } = slice.metadata;
  const service = view.service(namespace, labels?.['kubernetes.io/service-name'] ?? '');
  if (!service || !isHeadless(service)) return [];
  return (slice.endpoints ?? [])
    .filter((endpoint) => endpoint.addresses.includes(ip) && endpoint.hostname)
    .map((endpoint) => `${endpoint.hostname}.${service.metadata.name}.${namespace}.svc.${domain}`);
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
        .filter(isReady)
        .flatMap((endpoint) =>
          endpoint.addresses.map((ip) => ({ ip, label: endpoint.hostname ?? ip.replaceAll(/[.:]/g, '-'), slice })),
        ),
    );
}

function isReady(endpoint: Endpoint): boolean {
  return endpoint.conditions?.ready ?? true;
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

function addresses(name: string, type: string, ips: readonly string[]): DnsRecord[] {
  return ips.map((ip) => addressRecord(name, ip)).filter((record) => type === record.type || type === 'ANY');
}

function addressRecord(name: string, ip: string): DnsRecord {
  return { name, type: ip.includes(':') ? 'AAAA' : 'A', ttl: ttlSeconds, data: ip };
}

function only(answers: DnsRecord[]): Answer {
  return { kind: 'found', answers, additionals: [] };
}

function empty(): Answer {
  return only([]);
}

/** `4.3.2.1.in-addr.arpa` -> `1.2.3.4`; 32 nibbles under `ip6.arpa` -> the short form of the address. */
function ipOfReverseName(name: string): string | undefined {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name);
  if (v4) return `${v4[4]}.${v4[3]}.${v4[2]}.${v4[1]}`;
  const nibbles = name.slice(0, -'.ip6.arpa'.length).split('.').reverse().join('');
  if (nibbles.length !== 32) return undefined;
  const groups = nibbles.match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
