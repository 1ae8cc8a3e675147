import { describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { answerFromCluster, type ClusterView, type DnsRecord, dnsNamesOf, type QuestionType } from './cluster-zone.ts';

const zone = { domain: 'cluster.local', nameServers: ['10.96.0.10'], ownRanges: ['10.96.0.0/16', '10.244.0.0/16'] };

function service(name: string, spec: Service['spec'], namespace = 'default'): Service {
  return { metadata: { name, namespace }, spec };
}

function withNames(object: Service, names: string): Service {
  return { ...object, metadata: { ...object.metadata, annotations: { 'timonel.dev/dns-names': names } } };
}

const ports = [
  { name: 'http', port: 80, protocol: 'TCP' },
  { name: 'dns', port: 53, protocol: 'UDP' },
];
const headless = { clusterIP: 'None', clusterIPs: ['None'] };
const services: Service[] = [
  service('web', { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20', 'fd00::20'], ports }),
  service('unnamed', { clusterIP: '10.96.0.21', clusterIPs: ['10.96.0.21'], ports: [{ port: 80 }] }),
  service('db', { ...headless, ports: [{ name: 'sql', port: 5432 }] }),
  withNames(service('my-db', { clusterIP: '10.96.0.22', clusterIPs: ['10.96.0.22'] }), 'My_DB  cache.db web'),
  service('starting', headless),
  service('twins', { ...headless, ports: [] }),
  service('six', headless),
  service('early', { ...headless, publishNotReadyAddresses: true }),
  service('away', { type: 'ExternalName', externalName: 'Example.org.' }),
  service('near', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
  service('missing', { type: 'ExternalName', externalName: 'nothing.default.svc.cluster.local' }),
  service('address', { type: 'ExternalName', externalName: '192.0.2.1' }),
  service('ping', { type: 'ExternalName', externalName: 'pong.default.svc.cluster.local' }),
  service('pong', { type: 'ExternalName', externalName: 'ping.default.svc.cluster.local' }),
];

function slice(owner: string, addressType: string, endpoints: EndpointSlice['endpoints']): EndpointSlice {
  return {
    metadata: { name: `${owner}-x`, namespace: 'default', labels: { 'kubernetes.io/service-name': owner } },
    addressType,
    ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    endpoints,
  };
}

const slices: EndpointSlice[] = [
  slice('db', 'IPv4', [
    { addresses: ['10.244.1.5'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.244.1.6'] },
    { addresses: ['10.244.1.7'], hostname: 'db-2', conditions: { ready: false } },
  ]),
  slice('db', 'IPv6', [{ addresses: ['fd01::5'], hostname: 'db-0', conditions: { ready: true } }]),
  {
    ...slice('twins', 'IPv4', [
      { addresses: ['10.244.1.20'], hostname: 'twin' },
      { addresses: ['10.244.1.21'], hostname: 'twin' },
      { addresses: ['10.244.1.22'] },
    ]),
    ports: [],
  },
  slice('six', 'IPv6', [{ addresses: ['5678:abcd::1'] }]),
  slice('starting', 'IPv4', [{ addresses: ['10.244.1.8'], conditions: { ready: false } }]),
  slice('early', 'IPv4', [{ addresses: ['10.244.1.9'], hostname: 'e', conditions: { ready: false } }]),
  slice('web', 'IPv4', [{ addresses: ['10.244.1.10'], conditions: { ready: true } }]),
];
const ownerOf = ({ metadata }: EndpointSlice): string => metadata.labels?.['kubernetes.io/service-name'] ?? '';
const view: ClusterView = {
  service: (namespace, name) => services.find((s) => s.metadata.namespace === namespace && s.metadata.name === name),
  slices: (_, name) => slices.filter((each) => ownerOf(each) === name),
  hasNamespace: (namespace) => namespace === 'default',
  serviceByAlias: (namespace, alias) =>
    services.find((s) => s.metadata.namespace === namespace && dnsNamesOf(s).includes(alias)),
  servicesByIp: (ip) => services.filter((s) => s.spec?.clusterIPs?.includes(ip)),
  slicesByIp: (ip) => slices.filter((each) => each.endpoints?.some(({ addresses }) => addresses.includes(ip))),
};

function show({ type, data }: DnsRecord): string {
  if (type === 'SRV') return `SRV ${data.priority} ${data.weight} ${data.port} ${data.target}`;
  return `${type} ${type === 'SOA' ? data.mname : data}`;
}

/** Names without a dot at their end are below `default.svc.cluster.local`. */
function ask(type: QuestionType, name: string): string {
  const full = name.endsWith('.') ? name.slice(0, -1) : `${name}.default.svc.cluster.local`;
  const answer = answerFromCluster({ name: full, type }, zone, view);
  if (answer.kind === 'notOurs') return 'notOurs';
  const additionals = answer.kind === 'found' ? answer.additionals.map((record) => `+ ${show(record)}`) : [];
  return [answer.kind, ...answer.answers.map(show), ...additionals].join(', ');
}

describe('the zone of the cluster (Kubernetes DNS specification 1.1.0)', () => {
  it.each<[rule: string, type: QuestionType, name: string, expected: string]>([
    ['2.2 the version of the schema', 'TXT', 'dns-version.cluster.local.', 'found, TXT 1.1.0'],
    ['2.2 which has nothing else', 'A', 'dns-version.cluster.local.', 'found'],
    ['2.3.1 A of a service', 'A', 'web', 'found, A 10.96.0.20'],
    ['2.3.1 AAAA of a service with both families', 'AAAA', 'web', 'found, AAAA fd00::20'],
    ['2.3.1 no data for the other family', 'AAAA', 'unnamed', 'found'],
    [
      '2.3.2 SRV of a named port',
      'SRV',
      '_http._tcp.web',
      'found, SRV 0 100 80 web.default.svc.cluster.local, + A 10.96.0.20, + AAAA fd00::20',
    ],
    [
      '2.3.2 SRV over UDP',
      'SRV',
      '_dns._udp.web',
      'found, SRV 0 100 53 web.default.svc.cluster.local, + A 10.96.0.20, + AAAA fd00::20',
    ],
    ['2.3.2 not by the other protocol', 'SRV', '_http._udp.web', 'noSuchName'],
    ['2.3.2 no SRV of an unnamed port', 'SRV', '_._tcp.unnamed', 'noSuchName'],
    ['2.3.2 nor by its number', 'SRV', '_80._tcp.unnamed', 'noSuchName'],
    ['a port’s name has no address', 'A', '_http._tcp.web', 'found'],
    ['RFC 8020: what has something below is there', 'SRV', '_tcp.web', 'found'],
    ['RFC 8020: and else is not', 'SRV', '_sctp.web', 'noSuchName'],
    ['2.3.3 PTR of a cluster IP', 'PTR', '20.0.96.10.in-addr.arpa.', 'found, PTR web.default.svc.cluster.local'],
    [
      '2.3.3 PTR of an IPv6 cluster IP',
      'PTR',
      `0.2.${'0.'.repeat(26)}0.0.d.f.ip6.arpa.`,
      'found, PTR web.default.svc.cluster.local',
    ],
    ['2.3.3 no other type there', 'A', '20.0.96.10.in-addr.arpa.', 'found'],
    ['a further name of a service', 'A', 'my_db', 'found, A 10.96.0.22'],
    ['in its own zone only', 'A', 'my_db.other.svc.cluster.local.', 'noSuchName'],
    ['one of several labels', 'A', 'cache.db', 'found, A 10.96.0.22'],
    ['but not that of another service', 'A', 'web', 'found, A 10.96.0.20'],
    ['2.4.1 A of a headless service', 'A', 'db', 'found, A 10.244.1.5, A 10.244.1.6'],
    ['2.4.1 AAAA of a headless service', 'AAAA', 'db', 'found, AAAA fd01::5'],
    ['2.4.1 no ready endpoint, no name', 'A', 'starting', 'noSuchName'],
    ['2.4.1 publishNotReadyAddresses counts all as ready', 'A', 'early', 'found, A 10.244.1.9'],
    ['2.4.1 an endpoint by its hostname', 'A', 'db-0.db', 'found, A 10.244.1.5'],
    ['2.4.1 in both families', 'AAAA', 'db-0.db', 'found, AAAA fd01::5'],
    ['2.4.1 one without hostname by its address', 'A', '10-244-1-6.db', 'found, A 10.244.1.6'],
    ['2.4.1 but not beside its hostname', 'A', '10-244-1-5.db', 'noSuchName'],
    ['2.4.1 not one that is not ready', 'A', 'db-2.db', 'noSuchName'],
    [
      '2.4.2 SRV for each endpoint',
      'SRV',
      '_sql._tcp.db',
      'found, SRV 0 50 5432 db-0.db.default.svc.cluster.local, ' +
        'SRV 0 50 5432 10-244-1-6.db.default.svc.cluster.local, + A 10.244.1.5, + A 10.244.1.6, + AAAA fd01::5',
    ],
    ['2.4.2 none without ready endpoints', 'SRV', '_sql._tcp.starting', 'noSuchName'],
    ['2.4.3 PTR by hostname', 'PTR', '5.1.244.10.in-addr.arpa.', 'found, PTR db-0.db.default.svc.cluster.local'],
    ['2.4.3 by address', 'PTR', '6.1.244.10.in-addr.arpa.', 'found, PTR 10-244-1-6.db.default.svc.cluster.local'],
    ['2.4.3 not when not ready', 'PTR', '7.1.244.10.in-addr.arpa.', 'noSuchName'],
    ['2.4.3 not of a service with a cluster IP', 'PTR', '10.1.244.10.in-addr.arpa.', 'noSuchName'],
    ['PTR of other addresses is asked elsewhere', 'PTR', '1.2.0.192.in-addr.arpa.', 'notOurs'],
    ['and of what is no address', 'PTR', 'x.0.96.10.in-addr.arpa.', 'notOurs'],
    ['2.5 an external name is an alias', 'A', 'away', 'alias, CNAME example.org'],
    ['2.5 and asked for itself', 'CNAME', 'away', 'found, CNAME example.org'],
    ['2.5 followed in the cluster', 'A', 'near', 'found, CNAME web.default.svc.cluster.local, A 10.96.0.20'],
    ['RFC 6604: to nowhere', 'A', 'missing', 'noSuchName, CNAME nothing.default.svc.cluster.local'],
    ['an address is no external name', 'A', 'address', 'noSuchName'],
    ['nothing below an external name', 'A', 'x.away', 'noSuchName'],
    ['2.6 a pod by its address', 'A', '10-244-1-6.default.pod.cluster.local.', 'found, A 10.244.1.6'],
    ['2.6 an IPv6 one', 'AAAA', 'fd01--5.default.pod.cluster.local.', 'found, AAAA fd01::5'],
    ['2.6 which has to be one', 'A', '10-244-1-256.default.pod.cluster.local.', 'noSuchName'],
    ['2.6 in a namespace that is there', 'A', '10-244-1-6.shop.pod.cluster.local.', 'noSuchName'],
    ['2.6 an IPv4 one has no AAAA', 'AAAA', '10-244-1-6.default.pod.cluster.local.', 'found'],
    ['2.6 a namespace of pods has no data', 'A', 'default.pod.cluster.local.', 'found'],
    ['2.6 nothing that is no address', 'A', 'blah.default.pod.cluster.local.', 'noSuchName'],
    ['CoreDNS: endpoints without ports have addresses', 'A', '10-244-1-22.twins', 'found, A 10.244.1.22'],
    ['CoreDNS: and no SRV', 'SRV', '_http._tcp.twins', 'noSuchName'],
    ['CoreDNS: one hostname, two endpoints', 'A', 'twin.twins', 'found, A 10.244.1.20, A 10.244.1.21'],
    ['CoreDNS: an IPv6 endpoint by its address', 'AAAA', '5678-abcd--1.six', 'found, AAAA 5678:abcd::1'],
    ['CoreDNS: which has no A', 'A', 'six', 'found'],
    [
      'CoreDNS: SRV of the service itself, headless',
      'SRV',
      'six',
      'found, SRV 0 100 5432 5678-abcd--1.six.default.svc.cluster.local, + AAAA 5678:abcd::1',
    ],
    [
      'CoreDNS: PTR of an IPv6 endpoint',
      'PTR',
      '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.c.b.a.8.7.6.5.ip6.arpa.',
      'found, PTR 5678-abcd--1.six.default.svc.cluster.local',
    ],
    ['CoreDNS: another type of an address that has a name', 'A', '20.0.96.10.in-addr.arpa.', 'found'],
    ['CoreDNS: a part of an address', 'PTR', '96.10.in-addr.arpa.', 'notOurs'],
    ['CoreDNS: only the zone has an authority', 'SOA', 'web', 'found'],
    ['CoreDNS: and name servers', 'NS', 'svc.cluster.local.', 'found'],
    ['CoreDNS: not what is not there', 'NS', 'foo.svc.cluster.local.', 'noSuchName'],
    ['CoreDNS: not below an external name, not even its alias', 'CNAME', 'x.away', 'noSuchName'],
    ['CoreDNS: nothing below an endpoint', 'A', 'x.db-0.db', 'noSuchName'],
    ['CoreDNS: nothing below a service with a cluster IP that is no endpoint', 'A', 'x.web', 'noSuchName'],
    ['CoreDNS: a namespace that is not there', 'A', 'web.shop.svc.cluster.local.', 'noSuchName'],
    ['RFC 8020: where a port’s name would be', 'A', '_tcp.web', 'found'],
    ['no service, no name', 'A', 'nothing', 'noSuchName'],
    ['nothing too deep', 'A', 'a.b.c.d.web', 'noSuchName'],
    ['no wildcards for services', 'A', '*', 'noSuchName'],
    ['no wildcards for endpoints', 'A', '*.db', 'noSuchName'],
    ['no wildcards for ports', 'SRV', '_*._tcp.web', 'noSuchName'],
    ['no wildcards for namespaces', 'A', 'web.*.svc.cluster.local.', 'noSuchName'],
    ['any for namespaces neither', 'A', 'web.any.svc.cluster.local.', 'noSuchName'],
    ['a namespace is there, and has no data', 'A', 'default.svc.cluster.local.', 'found'],
    ['one that is not', 'A', 'shop.svc.cluster.local.', 'noSuchName'],
    ['svc and pod are there', 'A', 'svc.cluster.local.', 'found'],
    ['the zone itself', 'A', 'cluster.local.', 'found'],
    ['its authority', 'SOA', 'cluster.local.', 'found, SOA ns.dns.cluster.local'],
    ['its name server', 'NS', 'cluster.local.', 'found, NS ns.dns.cluster.local'],
    ['and where that is', 'A', 'ns.dns.cluster.local.', 'found, A 10.96.0.10'],
    ['nothing else in the zone', 'A', 'example.com.cluster.local.', 'noSuchName'],
    ['a type that is not served', 'OTHER', 'web', 'found'],
    ['ANY: the addresses', 'ANY', 'web', 'found, A 10.96.0.20, AAAA fd00::20'],
    ['another domain', 'A', 'example.com.', 'notOurs'],
    ['one that only ends alike', 'A', 'mycluster.local.', 'notOurs'],
  ])('%s: %s %s', (_, type, name, expected) => {
    expect(ask(type, name)).toBe(expected);
  });

  it('ends aliases that go round', () => {
    expect(ask('A', 'ping')).toMatch(/^endless, CNAME pong/);
  });
});
