import * as dnsPacket from 'dns-packet';
import type { Random } from '../../base/random.ts';
import { type Answer, answerFromCluster, type ClusterView, type DnsRecord, ttlSeconds } from './cluster-zone.ts';

/** Sends a raw query to the resolvers outside and gives their raw answer; undefined when none answers. */
export type Forward = (query: Uint8Array, transport: 'udp' | 'tcp') => Promise<Uint8Array | undefined>;

export interface ResponderOptions {
  domain: string;
  view: ClusterView;
  forward: Forward;
  random: Random;
}

/** From query bytes to answer bytes; undefined for what deserves no answer. Answers over UDP fit what the client takes. */
export type Respond = (query: Uint8Array, transport: 'udp' | 'tcp') => Promise<Uint8Array | undefined>;

type Packet = dnsPacket.Packet;

const rcode = { noError: 0, formatError: 1, serverFailure: 2, noSuchName: 3, notImplemented: 4 } as const;

export function createResponder(options: ResponderOptions): Respond {
  return async (bytes, transport) => {
    const query = decode(bytes);
    if (!query || query.type !== 'query') return undefined;
    const question = query.questions?.[0];
    if (!question || query.questions?.length !== 1) return encode(query, { rcode: rcode.formatError }, transport);
    const asked = { name: question.name.replace(/\.$/, ''), type: question.type };
    const answer = answerFromCluster(asked, options.domain, options.view);
    switch (answer.kind) {
      case 'notOurs': {
        const forwarded = await options.forward(bytes, transport);
        return forwarded ?? encode(query, { rcode: rcode.serverFailure }, transport);
      }
      case 'alias': {
        const rest = await resolveAlias(answer, asked.type, options, transport);
        return encode(query, { answers: [...answer.answers, ...rest] }, transport);
      }
      case 'noSuchName':
        return encode(query, { rcode: rcode.noSuchName, authorities: [startOfAuthority(options.domain)] }, transport);
      case 'found': {
        const authorities = answer.answers.length === 0 ? [startOfAuthority(options.domain)] : [];
        // Clients take the first address: each gets another one, so that they spread over a headless service.
        const answers = shuffled(answer.answers, options.random);
        return encode(query, { answers, additionals: answer.additionals, authorities }, transport);
      }
    }
  };
}

/** What an external name points to: in this cluster, or asked outside. */
async function resolveAlias(
  alias: Extract<Answer, { kind: 'alias' }>,
  type: string,
  options: ResponderOptions,
  transport: 'udp' | 'tcp',
): Promise<dnsPacket.Answer[]> {
  if (type === 'CNAME') return [];
  const inside = answerFromCluster({ name: alias.target, type }, options.domain, options.view);
  if (inside.kind === 'found') return inside.answers;
  if (inside.kind !== 'notOurs') return [];
  const questions = [{ type: type as dnsPacket.Question['type'], name: alias.target }];
  const query = dnsPacket.encode({ type: 'query', id: 1, flags: dnsPacket.RECURSION_DESIRED, questions });
  const reply = await options.forward(query, transport);
  return (reply && decode(reply)?.answers) ?? [];
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

interface Content {
  rcode?: number;
  answers?: readonly (DnsRecord | dnsPacket.Answer)[];
  additionals?: readonly DnsRecord[];
  authorities?: dnsPacket.Answer[];
}

function encode(query: Packet, content: Content, transport: 'udp' | 'tcp'): Uint8Array {
  const edns = query.additionals?.find((record) => record.type === 'OPT');
  const limit = transport === 'tcp' ? 65535 : Math.max(512, Math.min(edns?.udpPayloadSize ?? 512, 4096));
  const options: dnsPacket.Answer[] = edns ? [ednsRecord] : [];
  const flags =
    dnsPacket.AUTHORITATIVE_ANSWER |
    dnsPacket.RECURSION_AVAILABLE |
    ((query.flags ?? 0) & dnsPacket.RECURSION_DESIRED) |
    (content.rcode ?? rcode.noError);
  const head: Packet = { type: 'response', id: query.id, flags, questions: query.questions };
  const packet = {
    ...head,
    answers: [...(content.answers ?? [])],
    authorities: content.authorities ?? [],
    additionals: [...(content.additionals ?? []), ...options],
  };
  const bytes = dnsPacket.encode(packet);
  if (bytes.length <= limit) return bytes;
  const withoutExtras = dnsPacket.encode({ ...packet, additionals: options });
  if (withoutExtras.length <= limit) return withoutExtras;
  // Too large for this client over UDP: it comes back over TCP.
  return dnsPacket.encode({ ...head, flags: flags | dnsPacket.TRUNCATED_RESPONSE, additionals: options });
}

/** Our side of EDNS (RFC 6891): the size that fits every path without fragments. */
const ednsRecord = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: 1232,
  flags: 0,
  flag_do: false,
  options: [],
  ednsVersion: 0,
  extendedRcode: 0,
} satisfies dnsPacket.OptAnswer;

/** Tells resolvers how long they may remember that there is nothing (RFC 2308). */
function startOfAuthority(domain: string): dnsPacket.Answer {
  return {
    type: 'SOA',
    name: domain,
    ttl: ttlSeconds,
    data: {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86400,
      minimum: ttlSeconds,
    },
  };
}

function decode(bytes: Uint8Array): Packet | undefined {
  try {
    return dnsPacket.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined;
  }
}
