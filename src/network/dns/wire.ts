/**
 * DNS messages as bytes (RFC 1035, 6891), as far as a server needs them: a question is read without copying it, and a
 * name is written with pointers into that question alone. So an answer that was encoded once fits every asker: its
 * question, in the asker's own letters (the 0x20 trick), goes before it, and its records may come in any order.
 */

export const headerLength = 12;
/** Of the OPT record that we answer with: no options. */
const optLength = 11;

export const rcodes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;

export const typeNumbers = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

const flagBits = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursion: 0x0080 } as const;
/** What of a query's flags comes back: recursion desired, checking disabled. */
const echoedFlags = 0x0110;

export interface Query {
  bytes: Buffer;
  /** In lower case, without the final dot; the root is empty. A dot inside a label is written `\.`, and no name of ours. */
  name: string;
  type: number;
  class: number;
  /** The question is bytes[12, questionEnd). */
  questionEnd: number;
  /** EDNS of the client (RFC 6891); absent: it knows none, and takes 512 bytes. */
  edns?: Edns;
}

interface Edns {
  payloadSize: number;
  version: number;
  /** DO: wants DNSSEC's records. */
  wantsSignatures: boolean;
}

export type ParsedQuery =
  | { kind: 'query'; query: Query }
  /** No DNS query at all, or an answer: what answers that makes loops. */
  | { kind: 'ignored' }
  | { kind: 'invalid'; rcode: number; bytes: Buffer; questionEnd: number };

/** Reads a message that came from anywhere: never throws, and looks at each byte at most twice. */
export function parseQuery(message: Uint8Array): ParsedQuery {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (bytes.length < headerLength || (bytes.readUInt16BE(2) & flagBits.response) !== 0) return { kind: 'ignored' };
  const invalid = (rcode: number): ParsedQuery => ({ kind: 'invalid', rcode, bytes, questionEnd: headerLength });
  const opcode = (bytes.readUInt16BE(2) >> 11) & 0xf;
  if (opcode !== 0) return invalid(rcodes.notImplemented);
  if (bytes.readUInt16BE(4) !== 1) return invalid(rcodes.formatError);
  const name = readQuestionName(bytes);
  if (!name || name.end + 4 > bytes.length) return invalid(rcodes.formatError);
  const questionEnd = name.end + 4;
  const query: Query = {
    ...{ bytes, name: name.text, questionEnd },
    type: bytes.readUInt16BE(name.end),
    class: bytes.readUInt16BE(name.end + 2),
  };
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  if (records === 0) return { kind: 'query', query };
  const edns = readEdns(bytes, questionEnd, records);
  if (edns === 'broken') return { kind: 'invalid', rcode: rcodes.formatError, bytes, questionEnd };
  return { kind: 'query', query: edns ? { ...query, edns } : query };
}

/** Names in questions are never compressed; 255 bytes at most. */
function readQuestionName(bytes: Buffer): { text: string; end: number } | undefined {
  let text = '';
  let at = headerLength;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63 || at + 1 + length > bytes.length) return undefined;
    if (at + 1 + length - headerLength > 255) return undefined;
    if (length === 0) return { text: text.toLowerCase(), end: at + 1 };
    const label = bytes.toString('latin1', at + 1, at + 1 + length);
    const plain = label.includes('.') ? label.replaceAll('.', '\\.') : label;
    text = text === '' ? plain : `${text}.${plain}`;
    at += 1 + length;
  }
}

function readEdns(bytes: Buffer, start: number, records: number): Edns | 'broken' | undefined {
  let found: Edns | undefined;
  for (const record of readRecords(bytes, start, records)) {
    if (record === 'broken') return 'broken';
    if (record.type !== typeNumbers.OPT) continue;
    // One at most, and of the root (RFC 6891, 6.1.1).
    if (found || bytes[record.start] !== 0) return 'broken';
    const { class: payloadSize, ttl } = record;
    found = { payloadSize, version: (ttl >>> 16) & 0xff, wantsSignatures: (ttl & 0x8000) !== 0 };
  }
  return found;
}

export interface RawRecord {
  start: number;
  /** Where its time to live stands. */
  ttlAt: number;
  type: number;
  class: number;
  ttl: number;
  /** Of its data. */
  dataAt: number;
  end: number;
}

/** The records of a message from `start` on; `broken` at the first that is not whole. */
export function* readRecords(bytes: Buffer, start: number, count: number): Generator<RawRecord | 'broken'> {
  let at = start;
  for (let i = 0; i < count; i++) {
    const afterName = skipName(bytes, at);
    if (afterName === undefined || afterName + 10 > bytes.length) return yield 'broken';
    const end = afterName + 10 + bytes.readUInt16BE(afterName + 8);
    if (end > bytes.length) return yield 'broken';
    yield {
      ...{ start: at, end, ttlAt: afterName + 4, dataAt: afterName + 10 },
      type: bytes.readUInt16BE(afterName),
      class: bytes.readUInt16BE(afterName + 2),
      ttl: bytes.readUInt32BE(afterName + 4),
    };
    at = end;
  }
}

function skipName(bytes: Buffer, start: number): number | undefined {
  let at = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return undefined;
    at += 1 + length;
  }
}

/** Where a question ends, of a message with one; undefined when it has another number or is broken. */
export function questionEndOf(message: Buffer): number | undefined {
  if (message.length < headerLength || message.readUInt16BE(4) !== 1) return undefined;
  const name = readQuestionName(message);
  return name && name.end + 4 <= message.length ? name.end + 4 : undefined;
}

/** The records of an answer, ready for everyone who asks the same. */
export interface EncodedAnswer {
  rcode: number;
  isAuthoritative: boolean;
  answers: readonly Buffer[];
  authorities: readonly Buffer[];
  additionals: readonly Buffer[];
  /** Whether the answers mean the same in any order; an alias has to come before what it leads to. */
  isUnordered: boolean;
  /** Whether there is more than is known here: the client has to come again over TCP. */
  isCut?: boolean;
}

export interface WriteOptions {
  /** What the client takes, in bytes. */
  limit: number;
  /** Which of the answers comes first. */
  first?: number;
}

/**
 * An answer to `query`. What does not fit goes: first the additional records, then answers (then TC says so, and the
 * client comes again over TCP; who cannot has at least some).
 */
export function writeAnswer(query: Query, answer: EncodedAnswer, { limit, first = 0 }: WriteOptions): Buffer {
  const { questionEnd, edns } = query;
  const { answers, authorities } = answer;
  const fixed = questionEnd + (edns ? optLength : 0);
  let left = limit - fixed;
  let answerCount = 0;
  while (answerCount < answers.length) {
    const { length } = answers[(first + answerCount) % answers.length] as Buffer;
    if (length > left) break;
    left -= length;
    answerCount++;
  }
  const isCut = answer.isCut === true || answerCount < answers.length;
  const fits = (records: readonly Buffer[]): boolean => {
    const size = records.reduce((sum, { length }) => sum + length, 0);
    if (isCut || size > left) return false;
    left -= size;
    return true;
  };
  const kept = [authorities, answer.additionals].map((records) => (fits(records) ? records : []));
  const [authority = [], additional = []] = kept;
  const message = Buffer.allocUnsafe(limit - left);
  query.bytes.copy(message, 0, 0, questionEnd);
  writeHead(message, query, { ...answer, isCut });
  message.writeUInt16BE(1, 4);
  message.writeUInt16BE(answerCount, 6);
  message.writeUInt16BE(authority.length, 8);
  message.writeUInt16BE(additional.length + (edns ? 1 : 0), 10);
  let at = questionEnd;
  for (let i = 0; i < answerCount; i++) at += (answers[(first + i) % answers.length] as Buffer).copy(message, at);
  for (const record of authority) at += record.copy(message, at);
  for (const record of additional) at += record.copy(message, at);
  if (edns) writeOpt(message, at, answer.rcode, edns);
  return message;
}

function writeHead(
  message: Buffer,
  { bytes }: Pick<Query, 'bytes'>,
  { rcode, isAuthoritative, isCut }: { rcode: number; isAuthoritative: boolean; isCut: boolean },
): void {
  const flags =
    flagBits.response |
    flagBits.recursion |
    (isAuthoritative ? flagBits.authoritative : 0) |
    (isCut ? flagBits.truncated : 0) |
    (bytes.readUInt16BE(2) & echoedFlags) |
    (rcode & 0xf);
  message.writeUInt16BE(flags, 2);
}

/** The answer to what could not be read: the head, and the question where there was one. */
export function writeError({ bytes, rcode, questionEnd }: Extract<ParsedQuery, { kind: 'invalid' }>): Buffer {
  const message = Buffer.alloc(questionEnd);
  bytes.copy(message, 0, 0, questionEnd);
  const opcode = bytes.readUInt16BE(2) & 0x7800;
  writeHead(message, { bytes }, { rcode, isAuthoritative: false, isCut: false });
  message.writeUInt16BE(message.readUInt16BE(2) | opcode, 2);
  message.writeUInt16BE(questionEnd > headerLength ? 1 : 0, 4);
  message.fill(0, 6, headerLength);
  return message;
}

/** The size that fits every path without fragments (DNS flag day 2020): we send and take no more by UDP. */
export const ownPayloadSize = 1232;

function writeOpt(message: Buffer, at: number, rcode: number, { wantsSignatures }: Edns): void {
  message.writeUInt8(0, at);
  message.writeUInt16BE(typeNumbers.OPT, at + 1);
  message.writeUInt16BE(ownPayloadSize, at + 3);
  // The upper bits of the code, our version, and DO as it came (RFC 3225).
  message.writeUInt32BE((((rcode >> 4) & 0xff) << 24) | (wantsSignatures ? 0x8000 : 0), at + 5);
  message.writeUInt16BE(0, at + 9);
}

/** What this client takes over UDP. */
export function udpLimit({ edns }: Query): number {
  return Math.max(512, Math.min(edns?.payloadSize ?? 512, ownPayloadSize));
}
