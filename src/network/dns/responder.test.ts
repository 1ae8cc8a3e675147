import * as dnsPacket from 'dns-packet';
import { describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { seededRandom } from '../../base/random.ts';
import { lookUps, type ObservedView } from './answer-cache.ts';
import { createResponder, type ForwardedAnswer, type Respond, type Transport } from './responder.ts';
import type { Query } from './wire.ts';

/** A cluster of services with so many endpoints each; `change` replaces one, as an informer would. */
class World implements ObservedView {
  readonly services = new Map<string, Service>();
  readonly endpoints = new Map<string, EndpointSlice>();
  lookedUp = 0;
  readonly #listeners: ((lookUp: string) => void)[] = [];

  change(name: string, spec: Service['spec'], addresses: readonly string[] = []): void {
    const metadata = { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } };
    this.services.set(name, { metadata, spec });
    const endpoints = addresses.map((ip) => ({ addresses: [ip], conditions: { ready: true } }));
    this.endpoints.set(name, { metadata, addressType: 'IPv4', endpoints });
    for (const listener of this.#listeners) listener(lookUps.service('default', name));
  }

  service(_: string, name: string): Service | undefined {
    this.lookedUp++;
    return this.services.get(name);
  }

  slices(_: string, name: string): EndpointSlice[] {
    return [this.endpoints.get(name) as EndpointSlice];
  }

  hasNamespace = (namespace: string): boolean => namespace === 'default';
  serviceByAlias = (): Service | undefined => undefined;
  servicesByIp = (): Service[] => [];
  slicesByIp = (): EndpointSlice[] => [];

  onChange(changed: (lookUp: string) => void): () => void {
    this.#listeners.push(changed);
    return () => {};
  }
}

const headless = { clusterIP: 'None', ports: [] };
const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `10.244.3.${i}`);

function setUp(forward: (query: Query, transport: Transport) => Promise<ForwardedAnswer> = async () => 'unanswered') {
  const world = new World();
  world.change('web', { clusterIP: '10.96.0.20' });
  world.change('db', headless, ['10.244.1.5', '10.244.1.6']);
  world.change('large', headless, many(60));
  world.change('away', { type: 'ExternalName', externalName: 'example.org' });
  const zone = { domain: 'cluster.local', nameServers: [], ownRanges: ['10.244.0.0/16'] };
  return { world, respond: createResponder({ zone, view: world, forward, random: seededRandom(1) }) };
}

interface Asked {
  name: string;
  type?: string;
  edns?: number;
  transport?: Transport;
}

function queryOf({ name, type = 'A', edns }: Asked): Buffer {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: edns ?? 0, flags: 0, options: [] };
  return dnsPacket.encode({
    ...{ type: 'query', id: 7, flags: dnsPacket.RECURSION_DESIRED },
    questions: [{ type: type as 'A', name }],
    additionals: edns === undefined ? [] : [opt as unknown as dnsPacket.OptAnswer],
  });
}

async function ask(respond: Respond, asked: Asked) {
  const bytes = Buffer.from((await respond(queryOf(asked), asked.transport ?? 'udp')) as Uint8Array);
  const packet = dnsPacket.decode(bytes) as dnsPacket.DecodedPacket & { rcode: string };
  expect(packet.id).toBe(7);
  const text = [...(packet.answers ?? [])].map(
    (a) => `${a.type} ${a.name} ${a.type === 'A' || a.type === 'CNAME' ? a.data : ''}`,
  );
  return { ...packet, bytes, text };
}

const db = 'db.default.svc.cluster.local';

describe('the DNS responder', () => {
  it('answers in the letters of the question, whoever asked before', async () => {
    const { respond } = setUp();
    for (const name of ['web.default.svc.cluster.local', 'wEb.DEFAULT.svc.ClusteR.lOCAL']) {
      expect((await ask(respond, { name })).text).toEqual([`A ${name} 10.96.0.20`]);
    }
  });

  it('says of what is not there, and of what has no data, how long that may be remembered', async () => {
    const { respond } = setUp();
    const missing = await ask(respond, { name: 'nothing.default.svc.cluster.local' });
    const empty = await ask(respond, { name: 'web.default.svc.cluster.local', type: 'AAAA' });
    expect([missing.rcode, empty.rcode]).toEqual(['NXDOMAIN', 'NOERROR']);
    for (const { authorities, answers } of [missing, empty]) {
      expect(answers).toEqual([]);
      expect(authorities).toMatchObject([{ type: 'SOA', name: 'cluster.local', ttl: 5, data: { minimum: 5 } }]);
    }
    const reverse = await ask(respond, { name: '9.9.244.10.in-addr.arpa', type: 'PTR' });
    expect(reverse.authorities).toMatchObject([{ type: 'SOA', name: 'in-addr.arpa' }]);
  });

  it('encodes an answer once, until what it is made from changes', async () => {
    const { respond, world } = setUp();
    const before = world.lookedUp;
    await ask(respond, { name: db });
    await ask(respond, { name: db });
    expect(world.lookedUp).toBe(before + 1);
    world.change('db', headless, ['10.244.1.9']);
    expect((await ask(respond, { name: db })).text).toEqual([`A ${db} 10.244.1.9`]);
    world.change('new', { clusterIP: '10.96.0.30' });
    expect((await ask(respond, { name: 'new.default.svc.cluster.local' })).rcode).toBe('NOERROR');
  });

  it('notices that a name which was not there is there now', async () => {
    const { respond, world } = setUp();
    const name = 'late.default.svc.cluster.local';
    expect((await ask(respond, { name })).rcode).toBe('NXDOMAIN');
    world.change('late', { clusterIP: '10.96.0.31' });
    expect((await ask(respond, { name })).text).toEqual([`A ${name} 10.96.0.31`]);
  });

  it('gives the addresses of a headless service in another order from time to time', async () => {
    const { respond } = setUp();
    const first = new Set<string>();
    for (let i = 0; i < 20; i++) first.add((await ask(respond, { name: db })).text[0] ?? '');
    expect(first.size).toBe(2);
  });

  it('cuts an answer that is too large for UDP, and gives it whole over TCP', async () => {
    const { respond } = setUp();
    const name = 'large.default.svc.cluster.local';
    const overUdp = await ask(respond, { name });
    // A question of 49 bytes, and 16 for each address.
    expect([overUdp.flag_tc, overUdp.answers?.length, overUdp.bytes.length]).toEqual([true, 28, 12 + 37 + 28 * 16]);
    const overTcp = await ask(respond, { name, transport: 'tcp' });
    expect([overTcp.flag_tc, overTcp.answers?.length]).toEqual([false, 60]);
  });

  it('takes the size that the client names, up to what passes without fragments (RFC 6891)', async () => {
    const { respond, world } = setUp();
    const name = 'large.default.svc.cluster.local';
    expect((await ask(respond, { name, edns: 1232 })).answers).toHaveLength(60);
    expect((await ask(respond, { name, edns: 100 })).answers?.length).toBeLessThan(30);
    world.change('large', headless, many(250));
    const cut = await ask(respond, { name, edns: 65_000 });
    expect([cut.flag_tc, cut.bytes.length <= 1232, cut.additionals?.[0]?.type]).toEqual([true, true, 'OPT']);
  });

  it('refuses other versions of EDNS, other classes, and copies of the zone', async () => {
    const { respond } = setUp();
    const query = queryOf({ name: db, edns: 1232 });
    query[query.length - 5] = 1;
    const bad = Buffer.from((await respond(query, 'udp')) as Uint8Array);
    // BADVERS is 16: its upper bits stand in the OPT record.
    expect([bad.readUInt8(3) & 0xf, bad.readUInt8(bad.length - 6)]).toEqual([0, 1]);
    expect((await ask(respond, { name: 'cluster.local', type: 'AXFR', transport: 'tcp' })).rcode).toBe('REFUSED');
    const chaos = queryOf({ name: 'version.bind', type: 'TXT' });
    chaos[chaos.length - 1] = 3;
    expect(Buffer.from((await respond(chaos, 'udp')) as Uint8Array).readUInt8(3) & 0xf).toBe(5);
  });

  it('has nothing of types that it does not know', async () => {
    const { respond } = setUp();
    const query = queryOf({ name: db });
    query.writeUInt16BE(65_280, query.length - 4);
    const reply = Buffer.from((await respond(query, 'udp')) as Uint8Array);
    expect([reply.readUInt8(3) & 0xf, reply.readUInt16BE(6), reply.readUInt16BE(8)]).toEqual([0, 0, 1]);
  });

  it('answers an external name with its alias and what that points to', async () => {
    const { respond } = setUp(async (query) =>
      dnsPacket.encode({
        ...{ type: 'response', id: 0, questions: [{ type: 'A', name: query.name }] },
        answers: [{ type: 'A', name: 'example.org', ttl: 60, data: '192.0.2.1' }],
      }),
    );
    const name = 'away.default.svc.cluster.local';
    expect((await ask(respond, { name })).text).toEqual([`CNAME ${name} example.org`, 'A example.org 192.0.2.1']);
    const unreachable = await ask(setUp().respond, { name });
    expect([unreachable.rcode, unreachable.text]).toEqual(['SERVFAIL', [`CNAME ${name} example.org`]]);
  });

  it('sends who asks for an external name to TCP when what that leads to does not fit, and takes it whole there', async () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => ({
        type: 'A' as const,
        name: 'example.org',
        ttl: 60,
        data: `192.0.2.${i}`,
      }));
    const asked: { transport: Transport; size: number | undefined }[] = [];
    const { respond } = setUp(async (query, transport) => {
      asked.push({ transport, size: query.edns?.payloadSize });
      const answers = many(transport === 'tcp' ? 40 : 2);
      const flags = transport === 'tcp' ? 0 : dnsPacket.TRUNCATED_RESPONSE;
      return dnsPacket.encode({
        type: 'response',
        id: 0,
        flags,
        questions: [{ type: 'A', name: query.name }],
        answers,
      });
    });
    const name = 'away.default.svc.cluster.local';
    const cut = await ask(respond, { name, edns: 1232 });
    expect([cut.flag_tc, cut.text[0], cut.answers?.length]).toEqual([true, `CNAME ${name} example.org`, 3]);
    const whole = await ask(respond, { name, transport: 'tcp' });
    expect([whole.flag_tc, whole.answers?.length]).toEqual([false, 41]);
    expect(asked).toEqual([
      { transport: 'udp', size: 1232 },
      { transport: 'tcp', size: undefined },
    ]);
  });

  it('forwards other names, and says so when nobody answers', async () => {
    expect((await ask(setUp().respond, { name: 'example.com' })).rcode).toBe('SERVFAIL');
    expect((await ask(setUp(async () => 'overloaded').respond, { name: 'example.com' })).rcode).toBe('REFUSED');
  });

  it('says of queries that it cannot read what is wrong, and nothing to what is none', () => {
    const { respond } = setUp();
    const codeOf = (bytes: Uint8Array): number | undefined => {
      const reply = respond(bytes, 'udp') as Buffer | undefined;
      return reply && reply.readUInt8(3) & 0xf;
    };
    const query = queryOf({ name: db, edns: 1232 });
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(query);
      copy[at] = value;
      return copy;
    };
    expect(codeOf(Uint8Array.of(1, 2, 3))).toBeUndefined();
    expect(codeOf(changed(2, 0x80))).toBeUndefined();
    // An update (opcode 5), two questions, a pointer in the question, half a record, and two OPT records.
    expect(codeOf(changed(2, 5 << 3))).toBe(4);
    expect(codeOf(changed(5, 2))).toBe(1);
    expect(codeOf(changed(12, 0xc0))).toBe(1);
    expect(codeOf(query.subarray(0, -3))).toBe(1);
    const twice = Buffer.concat([query, query.subarray(-11)]);
    twice[11] = 2;
    expect(codeOf(twice)).toBe(1);
  });

  it('takes a dot inside of a label for no divider', async () => {
    const { respond } = setUp();
    const query = queryOf({ name: db });
    // `db.default` becomes one label.
    query[12] = 10;
    query[15] = 0x2e;
    const reply = Buffer.from((await respond(query, 'udp')) as Uint8Array);
    expect(reply.readUInt8(3) & 0xf).toBe(3);
    expect(dnsPacket.decode(reply).authorities?.[0]?.name).toBe('cluster.local');
  });

  it.each([1, 2, 3, 4])('survives whatever comes (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const { respond } = setUp();
    const seeds = ['web', 'db', '_sql._tcp.db', 'away', 'large'].map((name) =>
      queryOf({ name: `${name}.default.svc.cluster.local`, edns: 1232 }),
    );
    for (let i = 0; i < 3_000; i++) {
      const bytes = Buffer.from(seeds[random.int(seeds.length)] as Buffer);
      for (let n = random.int(8); n >= 0; n--) bytes[random.int(bytes.length)] = random.int(256);
      const reply = await respond(bytes.subarray(0, random.int(bytes.length + 1)), random.int(2) ? 'udp' : 'tcp');
      if (reply) expect(() => dnsPacket.decode(Buffer.from(reply))).not.toThrow();
    }
  });
});
