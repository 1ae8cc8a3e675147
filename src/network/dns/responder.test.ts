import * as dnsPacket from 'dns-packet';
import { describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { ClusterView } from './cluster-zone.ts';
import { seededRandom } from '../../base/random.ts';
import { createResponder } from './responder.ts';

const services: Service[] = [
  {
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
  },
  {
    metadata: { name: 'db', namespace: 'default' },
    spec: { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'sql', port: 5432 }] },
  },
  { metadata: { name: 'away', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'example.org' } },
];
const dbSlice: EndpointSlice = {
  metadata: { name: 'db-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
  addressType: 'IPv4',
  ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.244.1.5'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.244.1.6'], conditions: { ready: true } },
    { addresses: ['10.244.1.7'], conditions: { ready: false } },
  ],
};
const view: ClusterView = {
  service: (namespace, name) => services.find((s) => s.metadata.namespace === namespace && s.metadata.name === name),
  slices: (_, name) => (name === 'db' ? [dbSlice] : []),
  hasNamespace: (namespace) => namespace === 'default',
  servicesByIp: (ip) => services.filter((s) => s.spec?.clusterIPs?.includes(ip)),
  slicesByIp: (ip) => (dbSlice.endpoints?.some((e) => e.addresses.includes(ip)) ? [dbSlice] : []),
};

const forwarded: string[] = [];
const respond = createResponder({
  domain: 'cluster.local',
  random: seededRandom(1),
  view,
  async forward(query) {
    const packet = dnsPacket.decode(Buffer.from(query));
    const name = packet.questions?.[0]?.name ?? '';
    forwarded.push(name);
    if (name === 'dead.example') return undefined;
    const answers = [{ type: 'A' as const, name, ttl: 60, data: '192.0.2.1' }];
    return dnsPacket.encode({ type: 'response', id: packet.id, questions: packet.questions, answers });
  },
});

async function ask(type: string, name: string): Promise<string> {
  const query = dnsPacket.encode({
    type: 'query',
    id: 7,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name }],
  });
  const answer = dnsPacket.decode(Buffer.from((await respond(query, 'udp')) as Uint8Array));
  expect(answer.id).toBe(7);
  const records = (answer.answers ?? []).map((a) => `${a.type} ${JSON.stringify('data' in a ? a.data : '')}`);
  return [(answer as { rcode?: string }).rcode, ...records.toSorted()].join(' ');
}

describe('the DNS responder', () => {
  it.each([
    ['A', 'web.default.svc.cluster.local', 'NOERROR A "10.96.0.20"'],
    ['A', 'WEB.default.svc.Cluster.Local', 'NOERROR A "10.96.0.20"'],
    ['AAAA', 'web.default.svc.cluster.local', 'NOERROR'],
    ['A', 'nothing.default.svc.cluster.local', 'NXDOMAIN'],
    ['A', 'default.svc.cluster.local', 'NOERROR'],
    ['A', 'db.default.svc.cluster.local', 'NOERROR A "10.244.1.5" A "10.244.1.6"'],
    ['A', 'db-0.db.default.svc.cluster.local', 'NOERROR A "10.244.1.5"'],
    ['A', '10-244-1-6.db.default.svc.cluster.local', 'NOERROR A "10.244.1.6"'],
    ['A', '10-244-1-6.default.pod.cluster.local', 'NOERROR A "10.244.1.6"'],
    [
      'SRV',
      '_http._tcp.web.default.svc.cluster.local',
      'NOERROR SRV {"priority":0,"weight":100,"port":80,"target":"web.default.svc.cluster.local"}',
    ],
    ['SRV', '_nope._tcp.web.default.svc.cluster.local', 'NXDOMAIN'],
    ['PTR', '20.0.96.10.in-addr.arpa', 'NOERROR PTR "web.default.svc.cluster.local"'],
    ['PTR', '5.1.244.10.in-addr.arpa', 'NOERROR PTR "db-0.db.default.svc.cluster.local"'],
    ['TXT', 'dns-version.cluster.local', 'NOERROR TXT'],
  ])('answers %s %s', async (type, name, expected) => {
    expect(await ask(type, name)).toContain(expected);
  });

  it('gives the addresses of a headless service in another order from time to time', async () => {
    const first = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const questions = [{ type: 'A' as const, name: 'db.default.svc.cluster.local' }];
      const query = dnsPacket.encode({ type: 'query', id: 1, questions });
      const { answers } = dnsPacket.decode(Buffer.from((await respond(query, 'udp')) as Uint8Array));
      first.add(JSON.stringify(answers?.[0] && 'data' in answers[0] && answers[0].data));
    }
    expect([...first].toSorted()).toEqual(['"10.244.1.5"', '"10.244.1.6"']);
  });

  it('answers an external name with its alias and what that points to', async () => {
    expect(await ask('A', 'away.default.svc.cluster.local')).toBe('NOERROR A "192.0.2.1" CNAME "example.org"');
  });

  it('forwards other names, and says so when nobody answers', async () => {
    expect(await ask('A', 'example.com')).toBe('NOERROR A "192.0.2.1"');
    expect(await ask('A', 'dead.example')).toBe('SERVFAIL');
    expect(forwarded).not.toContain('web.default.svc.cluster.local');
  });

  it('cuts an answer that is too large for UDP, and gives it whole over TCP', async () => {
    const endpoints = Array.from({ length: 60 }, (_, i) => ({ addresses: [`10.244.3.${i}`] }));
    const large = createResponder({
      domain: 'cluster.local',
      random: seededRandom(1),
      forward: async () => undefined,
      view: { ...view, slices: () => [{ ...dbSlice, endpoints }] },
    });
    const query = dnsPacket.encode({
      type: 'query',
      id: 1,
      questions: [{ type: 'A', name: 'db.default.svc.cluster.local' }],
    });
    const overUdp = dnsPacket.decode(Buffer.from((await large(query, 'udp')) as Uint8Array));
    const overTcp = dnsPacket.decode(Buffer.from((await large(query, 'tcp')) as Uint8Array));
    expect([(overUdp as { flag_tc?: boolean }).flag_tc, overUdp.answers?.length]).toEqual([true, 0]);
    expect(overTcp.answers?.length).toBe(60);
  });

  it('ignores what is not a query', async () => {
    expect(await respond(Uint8Array.of(1, 2, 3), 'udp')).toBeUndefined();
  });
});
