import * as dnsPacket from 'dns-packet';
import type { Exchange } from './exchange.ts';

/** A server's answer to one question, for people and programs that look. */
export interface DnsReply {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` … */
  rcode: string;
  answers: { name: string; ttl: number; type: string; data: string }[];
}

const queryTypes = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT', 'ANY'] as const;
export type QueryTypeName = (typeof queryTypes)[number];

/** A record type by its name in any letters; undefined for those that cannot be asked here. */
export function queryTypeOf(text: string): QueryTypeName | undefined {
  return queryTypes.find((type) => type === text.toUpperCase());
}

/** Asks a server (`IP` or `IP:PORT`) once, over TCP too when the answer is too large; undefined: it does not answer. */
export async function askServer(
  exchange: Exchange,
  { server, name, type, id }: { server: string; name: string; type: QueryTypeName; id: number },
): Promise<DnsReply | undefined> {
  const query = dnsPacket.encode({
    ...{ type: 'query', id, flags: dnsPacket.RECURSION_DESIRED },
    questions: [{ type: type as 'A', name }],
  });
  const overUdp = await exchange(server, query, 'udp');
  const isCut = overUdp !== undefined && (overUdp.readUInt16BE(2) & dnsPacket.TRUNCATED_RESPONSE) !== 0;
  const reply = isCut ? ((await exchange(server, query, 'tcp')) ?? overUdp) : overUdp;
  if (!reply) return undefined;
  try {
    const { answers = [], ...packet } = dnsPacket.decode(reply) as dnsPacket.DecodedPacket & { rcode: string };
    return { rcode: packet.rcode, answers: answers.flatMap(readable) };
  } catch {
    return undefined;
  }
}

function readable(answer: dnsPacket.Answer): DnsReply['answers'] {
  if (answer.type === 'OPT' || !('ttl' in answer)) return [];
  const { name, type, ttl = 0 } = answer;
  return [{ name, ttl, type, data: dataText(answer) }];
}

function dataText(answer: dnsPacket.Answer): string {
  switch (answer.type) {
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = answer.data;
      return `${priority} ${weight} ${port} ${target}`;
    }
    case 'TXT':
      return [answer.data].flat().map(String).join(' ');
    case 'MX':
      return `${answer.data.preference ?? 0} ${answer.data.exchange}`;
    case 'SOA':
      return `${answer.data.mname} ${answer.data.rname} ${answer.data.serial ?? 0}`;
    default:
      return 'data' in answer && typeof answer.data === 'string' ? answer.data : '';
  }
}

/**
 * The names that a resolver tries for one, in order, as resolv.conf(5) says: with fewer dots than `ndots`, the search
 * domains come first; a dot at the end says that there is nothing to add.
 */
export function searchedNames(
  name: string,
  { searches, ndots }: { searches: readonly string[]; ndots: number },
): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const searched = searches.map((domain) => `${name}.${domain}`);
  return name.split('.').length - 1 >= ndots ? [name, ...searched] : [...searched, name];
}
