import * as dnsPacket from 'dns-packet';
import type { Random } from '../../base/random.ts';
import { AnswerCache, type ObservedView } from './answer-cache.ts';
import {
  type Answer,
  answerFromCluster,
  type ClusterView,
  type DnsRecord,
  type QuestionType,
  startOfAuthority,
  type Zone,
} from './cluster-zone.ts';
import { encodeRecord } from './encode-record.ts';
import {
  type EncodedAnswer,
  parseQuery,
  type Query,
  rcodes,
  typeNumbers,
  udpLimit,
  writeAnswer,
  writeError,
} from './wire.ts';

export type Transport = 'udp' | 'tcp';

/** Gets the answer to a question from the resolvers outside, for this query: with its id, in its letters, of its size. */
export type Forward = (query: Query, transport: Transport) => Promise<ForwardedAnswer>;

/** `overloaded`: so much is being asked outside that this was not. */
export type ForwardedAnswer = Buffer | 'unanswered' | 'overloaded';

export interface ResponderOptions {
  zone: Zone;
  view: ObservedView;
  forward: Forward;
  random: Random;
}

/**
 * From query bytes to answer bytes; undefined for what deserves no answer. What the cluster itself knows comes at once.
 * Answers over UDP fit what the client takes.
 */
export type Respond = (
  query: Uint8Array,
  transport: Transport,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

const typeNames = new Map<number, QuestionType>(
  Object.entries(typeNumbers).map(([name, number]) => [number, name as QuestionType]),
);
const classes = { internet: 1, any: 255 };

/** What is known of a question: the whole answer, or its beginning, with the name that others have to be asked for. */
type Known = EncodedAnswer & { alias?: string };

export function createResponder(options: ResponderOptions): Respond {
  const { zone, view, forward, random } = options;
  const cache = new AnswerCache<Known>(view);
  return (bytes, transport) => {
    const parsed = parseQuery(bytes);
    if (parsed.kind === 'ignored') return undefined;
    if (parsed.kind === 'invalid') return writeError(parsed);
    const { query } = parsed;
    const limit = transport === 'tcp' ? 65_535 : udpLimit(query);
    const refusal = refusalOf(query);
    if (refusal !== undefined) return writeAnswer(query, failure(refusal), { limit });
    const known = cache.get(`${query.type} ${query.name}`, (noting) => answer(query, zone, noting));
    if (known === undefined) return forwarded(query, transport, limit, forward);
    if (known.alias !== undefined) return followed(query, known, { transport, limit, forward });
    // Clients take the first address: each gets another one, so that they spread over a headless service.
    const first = known.isUnordered && known.answers.length > 1 ? random.int(known.answers.length) : 0;
    return writeAnswer(query, known, { limit, first });
  };
}

/** The code for what is not answered whoever asks. */
function refusalOf(query: Query): number | undefined {
  if (query.edns && query.edns.version !== 0) return rcodes.badVersion;
  if (query.class !== classes.internet && query.class !== classes.any) return rcodes.refused;
  // Nobody copies zones here.
  if (query.type === typeNumbers.AXFR || query.type === typeNumbers.IXFR) return rcodes.refused;
  if (query.type === typeNumbers.OPT) return rcodes.formatError;
  return undefined;
}

function answer(query: Query, zone: Zone, view: ClusterView): Known | undefined {
  const question = { name: query.name, type: typeNames.get(query.type) ?? 'OTHER' };
  const answer = answerFromCluster(question, zone, view);
  if (answer.kind === 'notOurs') return undefined;
  const encode = (record: DnsRecord): Buffer => encodeRecord(record, sharedName(query.name));
  const answers = answer.answers.map(encode);
  const additionals = answer.kind === 'found' ? answer.additionals.map(encode) : [];
  const hasNothing = answer.answers.every(({ type }) => type === 'CNAME' && question.type !== 'CNAME');
  const isNegative = answer.kind === 'noSuchName' || (answer.kind === 'found' && hasNothing);
  const authorities = isNegative ? [encode(startOfAuthority(zone.domain, zoneOf(query.name)))] : [];
  const isUnordered = answer.answers.every(({ type }) => type !== 'CNAME');
  return {
    ...{ rcode: rcodeOf(answer), isAuthoritative: true, answers, authorities, additionals, isUnordered },
    ...(answer.kind === 'alias' && { alias: answer.target }),
  };

  /** Reverse names are of another zone, and an alias may lead into the cluster from nowhere else. */
  function zoneOf(name: string): string {
    return ['in-addr.arpa', 'ip6.arpa'].find((reverse) => name.endsWith(`.${reverse}`)) ?? zone.domain;
  }
}

function rcodeOf(answer: Answer): number {
  // The code is about the last name of a chain of aliases (RFC 6604).
  if (answer.kind === 'noSuchName') return rcodes.noSuchName;
  return answer.kind === 'endless' ? rcodes.serverFailure : rcodes.noError;
}

/** A name with dots inside labels stands in the message as other bytes: nothing can point into it. */
function sharedName(name: string): string {
  return name.includes('\\') ? '' : name;
}

function failure(rcode: number): EncodedAnswer {
  return { rcode, isAuthoritative: false, answers: [], authorities: [], additionals: [], isUnordered: true };
}

async function forwarded(query: Query, transport: Transport, limit: number, forward: Forward): Promise<Buffer> {
  const reply = await forward(query, transport);
  if (reply === 'overloaded') return writeAnswer(query, failure(rcodes.refused), { limit });
  return reply === 'unanswered' ? writeAnswer(query, failure(rcodes.serverFailure), { limit }) : reply;
}

/** An external name: what it leads to is asked outside, and comes after it. */
async function followed(
  query: Query,
  known: Known,
  { transport, limit, forward }: { transport: Transport; limit: number; forward: Forward },
): Promise<Buffer> {
  const asked = parseQuery(
    dnsPacket.encode({
      ...{ type: 'query', id: 0, flags: dnsPacket.RECURSION_DESIRED },
      questions: [{ type: 'A', name: known.alias ?? '' }],
    }),
  );
  if (asked.kind !== 'query') return writeAnswer(query, { ...known, rcode: rcodes.serverFailure }, { limit });
  // The encoder knows types by their names; ours has every number.
  asked.query.bytes.writeUInt16BE(query.type, asked.query.questionEnd - 4);
  const reply = await forward({ ...asked.query, type: query.type, ...(query.edns && { edns: query.edns }) }, transport);
  const rest = typeof reply === 'string' ? undefined : readAddresses(reply);
  const rcode = rest?.rcode ?? rcodes.serverFailure;
  const answers = [...known.answers, ...(rest?.records ?? []).map((record) => encodeRecord(record, query.name))];
  return writeAnswer(query, { ...known, rcode, answers, isCut: rest?.isCut === true }, { limit });
}

/** The records that may follow an alias to a name outside. */
function readAddresses(reply: Buffer): { rcode: number; records: DnsRecord[]; isCut: boolean } | undefined {
  let packet: dnsPacket.DecodedPacket;
  try {
    packet = dnsPacket.decode(reply);
  } catch {
    return undefined;
  }
  const records = (packet.answers ?? []).flatMap((record): DnsRecord[] => {
    if (record.type !== 'A' && record.type !== 'AAAA' && record.type !== 'CNAME') return [];
    return [{ name: record.name, type: record.type, ttl: record.ttl ?? 0, data: record.data }];
  });
  return { rcode: reply.readUInt16BE(2) & 0xf, records, isCut: packet.flag_tc };
}
