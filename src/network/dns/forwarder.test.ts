import * as dnsPacket from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import type { Exchange } from './exchange.ts';
import { createForwarder } from './forwarder.ts';
import type { Transport } from './responder.ts';
import { parseUpstreams } from './upstreams.ts';
import { parseQuery, type Query } from './wire.ts';

function queryOf(name: string, { id = 7, edns }: { id?: number; edns?: number } = {}): Query {
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: edns ?? 0,
    flags: 0,
    options: [{ code: 10, data: Buffer.from('cookie') }],
  };
  const parsed = parseQuery(
    dnsPacket.encode({
      ...{ type: 'query', id, flags: dnsPacket.RECURSION_DESIRED, questions: [{ type: 'A', name }] },
      additionals: edns === undefined ? [] : [opt as unknown as dnsPacket.OptAnswer],
    }),
  );
  if (parsed.kind !== 'query') throw new Error('the test has made no query');
  return parsed.query;
}

type Reply = Partial<dnsPacket.Packet>;

/** A forwarder over resolvers that this test plays; `say` is asked for each question, undefined for no answer. */
function setUp(
  say: (server: string, name: string, transport: Transport) => Promise<Reply | undefined> | Reply | undefined,
) {
  const clock = createSimulatedClock();
  const asked: string[] = [];
  const messages: Buffer[] = [];
  const exchange: Exchange = async (server, message, transport) => {
    const packet = dnsPacket.decode(message);
    const name = packet.questions?.[0]?.name ?? '';
    if (!name.endsWith('.invalid')) asked.push(`${server} ${name}`);
    if (!name.endsWith('.invalid')) messages.push(message);
    const reply = await say(server, name, transport);
    return reply && dnsPacket.encode({ type: 'response', id: packet.id, questions: packet.questions, ...reply });
  };
  const forwarder = createForwarder({
    ...{ clock, random: seededRandom(1), log: silentLogger, exchange },
    ...{ own: ['10.89.0.1'], defaults: () => ['10.89.0.1', '1.1.1.1', '2.2.2.2'], maxTtlSeconds: 30 },
  });
  const ask = async (query: Query, transport: Transport = 'udp') => {
    const reply = await forwarder.forward(query, transport);
    return typeof reply === 'string' ? reply : (dnsPacket.decode(reply) as dnsPacket.DecodedPacket & { rcode: string });
  };
  return { clock, asked, messages, forwarder, ask };
}

const address = (name: string, ttl = 60): Reply => ({ answers: [{ type: 'A', name, ttl, data: '192.0.2.1' }] });
const isProbe = (name: string): boolean => name.endsWith('.invalid');

describe('the forwarder', () => {
  it('asks the machine’s resolvers in turn, never itself, and one that is silent last for a while', async () => {
    const { ask, asked, clock } = setUp((server, name) => (server === '1.1.1.1' ? undefined : address(name)));
    expect(await ask(queryOf('a.example'))).toMatchObject({ id: 7, answers: [{ data: '192.0.2.1' }] });
    await ask(queryOf('b.example'));
    await clock.advance(10_001);
    await ask(queryOf('c.example'));
    expect(asked).toEqual([
      ...['1.1.1.1 a.example', '2.2.2.2 a.example', '2.2.2.2 b.example'],
      ...['1.1.1.1 c.example', '2.2.2.2 c.example'],
    ]);
  });

  it('keeps an answer for its time, counts that down, and answers in the letters of each question', async () => {
    const { ask, asked, clock } = setUp((_, name) => address(name, 20));
    await ask(queryOf('a.example'));
    await clock.advance(8_000);
    expect(await ask(queryOf('A.eXample', { id: 9 }))).toMatchObject({
      ...{ id: 9, questions: [{ name: 'A.eXample' }], answers: [{ ttl: 12 }] },
    });
    await clock.advance(12_000);
    await ask(queryOf('a.example'));
    expect(asked).toHaveLength(2);
  });

  it('keeps no answer for longer than it is told to', async () => {
    const { ask, asked, clock } = setUp((_, name) => address(name, 86_400));
    await ask(queryOf('a.example'));
    await clock.advance(30_001);
    await ask(queryOf('a.example'));
    expect(asked).toHaveLength(2);
  });

  it('keeps that there is nothing, for as long as the SOA says (RFC 2308), and not without one', async () => {
    const numbers = { serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 3 };
    const data = { mname: 'ns.example', rname: 'x.example', ...numbers };
    const soa: dnsPacket.Answer = { type: 'SOA', name: 'example', ttl: 900, data };
    const { ask, asked, clock } = setUp((_, name) => ({ flags: 3, authorities: name === 'a.example' ? [soa] : [] }));
    await ask(queryOf('a.example'));
    expect(await ask(queryOf('a.example'))).toMatchObject({ rcode: 'NXDOMAIN' });
    expect(asked).toHaveLength(1);
    await clock.advance(3_001);
    await ask(queryOf('a.example'));
    await ask(queryOf('b.example'));
    await ask(queryOf('b.example'));
    expect(asked.slice(1)).toEqual(['1.1.1.1 a.example', '1.1.1.1 b.example', '1.1.1.1 b.example']);
  });

  it('keeps no answer that was cut, and sends those who take less than was kept to TCP', async () => {
    const many = (name: string): dnsPacket.Answer[] =>
      Array.from({ length: 40 }, () => ({ type: 'A', name, ttl: 60, data: '192.0.2.1' }));
    const { ask, asked } = setUp((_, name, transport) =>
      transport === 'udp' ? { flags: dnsPacket.TRUNCATED_RESPONSE } : { answers: many(name) },
    );
    expect(await ask(queryOf('a.example'))).toMatchObject({ flag_tc: true });
    expect(await ask(queryOf('a.example'), 'tcp')).toMatchObject({ flag_tc: false, answers: many('a.example') });
    expect(await ask(queryOf('a.example'))).toMatchObject({ flag_tc: true, answers: [] });
    expect(asked).toHaveLength(2);
  });

  it('asks the same question once, however many wait for it', async () => {
    let answer: ((reply: Reply) => void) | undefined;
    const { ask, asked } = setUp((_, name) =>
      isProbe(name) ? undefined : new Promise<Reply>((resolve) => (answer = resolve)),
    );
    const waiting = [1, 2, 3].map((id) => ask(queryOf('a.example', { id })));
    answer?.(address('a.example'));
    expect(await Promise.all(waiting)).toMatchObject([{ id: 1 }, { id: 2 }, { id: 3 }]);
    expect(asked).toHaveLength(1);
  });

  it('refuses more than a thousand questions at once, and remembers that nobody answers', async () => {
    let giveUp: (() => void) | undefined;
    const silence = new Promise<undefined>((resolve) => (giveUp = () => resolve(undefined)));
    const { ask, asked, clock } = setUp(() => silence);
    const waiting = Array.from({ length: 1_000 }, (_, i) => ask(queryOf(`n${i}.example`)));
    expect(await ask(queryOf('more.example'))).toBe('overloaded');
    giveUp?.();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['unanswered']));
    const before = asked.length;
    expect(await ask(queryOf('n1.example'))).toBe('unanswered');
    expect(asked).toHaveLength(before);
    await clock.advance(5_001);
    await ask(queryOf('n1.example'));
    expect(asked.length).toBeGreaterThan(before);
  });

  it('takes stub domains and upstream servers from the moment they are set', async () => {
    const { ask, asked, forwarder } = setUp((_, name) => address(name));
    await ask(queryOf('www.acme.local'));
    const data = { stubDomains: '{"acme.local": ["5.5.5.5:5353"]}', upstreamNameservers: '["8.8.8.8"]' };
    forwarder.configure(parseUpstreams(data).settings);
    await ask(queryOf('www.acme.local'));
    await ask(queryOf('example.com'));
    expect(asked).toEqual(['1.1.1.1 www.acme.local', '5.5.5.5:5353 www.acme.local', '8.8.8.8 example.com']);
  });

  it('leaves out a resolver that asks us in turn', async () => {
    const { ask, asked, forwarder } = setUp(async (server, name) => {
      // The first one sends every question here.
      if (server !== '1.1.1.1') return address(name);
      await forwarder.forward(queryOf(name), 'udp');
      return undefined;
    });
    await ask(queryOf('other.example'));
    await ask(queryOf('a.example'));
    expect(asked.filter((line) => line.endsWith(' a.example'))).toEqual(['2.2.2.2 a.example']);
  });

  it('takes no reply to another question, and passes no options on', async () => {
    const { ask, messages } = setUp((server, name) => ({
      ...address(name),
      ...(server === '1.1.1.1' && { questions: [{ type: 'A', name: 'forged.example' }] }),
    }));
    expect(await ask(queryOf('a.example', { edns: 4096 }))).toMatchObject({ questions: [{ name: 'a.example' }] });
    expect(messages).toHaveLength(2);
    const [opt] = dnsPacket.decode(messages[0] as Buffer).additionals ?? [];
    expect(opt).toMatchObject({ type: 'OPT', udpPayloadSize: 1232, options: [] });
  });
});
