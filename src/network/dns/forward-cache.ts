import { questionEndOf, type Query, rcodes, readRecords, typeNumbers, writeAnswer } from './wire.ts';

interface Kept {
  reply: Buffer;
  questionEnd: number;
  /** Where the times to live stand, and what they were. */
  ttls: readonly { at: number; ttl: number }[];
  keptAt: number;
  expiresAt: number;
}

const maxKept = 10_000;

/**
 * Answers of other resolvers, for as long as their times to live say (RFC 1035), or the SOA of a negative one (RFC
 * 2308), and `maxTtlSeconds` at most. Answers that are cut, or of a failing resolver, are not kept.
 */
export class ForwardCache {
  readonly #kept = new Map<string, Kept>();
  readonly #maxTtlSeconds: number;

  constructor(maxTtlSeconds: number) {
    this.#maxTtlSeconds = maxTtlSeconds;
  }

  clear(): void {
    this.#kept.clear();
  }

  /** The answer for `query`, its times to live counted down to `now` (ms). */
  get(query: Query, now: number, limit: number): Buffer | undefined {
    const key = forwardKey(query);
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    if (kept.expiresAt <= now) {
      this.#kept.delete(key);
      return undefined;
    }
    const age = Math.floor((now - kept.keptAt) / 1000);
    const reply = replyFor(query, kept.reply, limit);
    if (reply.length === kept.reply.length) {
      for (const { at, ttl } of kept.ttls) reply.writeUInt32BE(Math.max(0, ttl - age), at);
    }
    return reply;
  }

  put(query: Query, reply: Buffer, now: number): void {
    const questionEnd = questionEndOf(reply);
    const times = questionEnd === undefined ? undefined : timesOf(reply, questionEnd);
    if (questionEnd === undefined || !times || times.seconds <= 0) return;
    if (this.#kept.size >= maxKept) this.#kept.delete(this.#kept.keys().next().value as string);
    const seconds = Math.min(times.seconds, this.#maxTtlSeconds);
    this.#kept.set(forwardKey(query), {
      ...{ reply, questionEnd, ttls: times.ttls, keptAt: now },
      expiresAt: now + seconds * 1000,
    });
  }
}

/** Queries with the same key get the same answer: the name, type and class, and what of EDNS and flags matters. */
export function forwardKey({ bytes, name, type, class: of, edns }: Query): string {
  const wantsUnchecked = bytes.readUInt16BE(2) & 0x0010;
  return `${type} ${of} ${wantsUnchecked} ${edns ? Number(edns.wantsSignatures) : '-'} ${name}`;
}

/** A reply for this client: its id and letters; where it is too large, the head, which sends the client to TCP. */
export function replyFor(query: Query, reply: Buffer, limit: number): Buffer {
  if (reply.length > limit || questionEndOf(reply) !== query.questionEnd) {
    const empty = { isAuthoritative: false, authorities: [], additionals: [], isUnordered: true };
    const cut = writeAnswer(query, { ...empty, rcode: reply.readUInt16BE(2) & 0xf, answers: [] }, { limit });
    cut.writeUInt16BE(cut.readUInt16BE(2) | 0x0200, 2);
    return cut;
  }
  const own = Buffer.from(reply);
  query.bytes.copy(own, 0, 0, 2);
  query.bytes.copy(own, 12, 12, query.questionEnd);
  return own;
}

/** How long a reply may be kept (seconds), and where its times stand; undefined: not at all. */
function timesOf(reply: Buffer, questionEnd: number): { seconds: number; ttls: Kept['ttls'] } | undefined {
  const flags = reply.readUInt16BE(2);
  const rcode = flags & 0xf;
  if ((flags & 0x0200) !== 0 || (rcode !== rcodes.noError && rcode !== rcodes.noSuchName)) return undefined;
  const [answers, authorities, additionals] = [6, 8, 10].map((at) => reply.readUInt16BE(at)) as [
    number,
    number,
    number,
  ];
  const ttls: { at: number; ttl: number }[] = [];
  let shortest = Number.POSITIVE_INFINITY;
  let negative: number | undefined;
  let hasAnswer = false;
  let i = 0;
  for (const record of readRecords(reply, questionEnd, answers + authorities + additionals)) {
    if (record === 'broken') return undefined;
    const section = i < answers ? 'answer' : i < answers + authorities ? 'authority' : 'additional';
    i++;
    // What stands there in OPT is no time.
    if (record.type === typeNumbers.OPT) continue;
    ttls.push({ at: record.ttlAt, ttl: record.ttl });
    shortest = Math.min(shortest, record.ttl);
    if (section === 'answer' && record.type !== typeNumbers.CNAME) hasAnswer = true;
    // The last of the SOA's numbers, its minimum.
    if (record.type === typeNumbers.SOA && section === 'authority' && record.end - record.dataAt >= 20) {
      negative = Math.min(record.ttl, reply.readUInt32BE(record.end - 4));
    }
  }
  const isNegative = rcode === rcodes.noSuchName || !hasAnswer;
  // Without an SOA a negative answer is not to be kept.
  const seconds = isNegative ? Math.min(negative ?? 0, shortest) : shortest;
  return { seconds, ttls };
}
