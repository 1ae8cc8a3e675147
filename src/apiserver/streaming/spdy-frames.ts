import { constants, inflateSync } from 'node:zlib';
import { spdyDictionary } from './spdy-dictionary.ts';

/**
 * SPDY/3.1 framing (draft-mbelshe-httpbis-spdy-00 with 3.1's session window), as far as Kubernetes speaks it: what
 * `kubectl` up to 1.30 and the container runtimes use for exec, attach and port-forward.
 */
export type Frame =
  | { kind: 'synStream'; streamId: number; fin: boolean; headers: Headers }
  | { kind: 'synReply'; streamId: number; fin: boolean; headers: Headers }
  | { kind: 'rstStream'; streamId: number; status: number }
  | { kind: 'settings'; settings: readonly { id: number; value: number }[] }
  | { kind: 'ping'; id: number }
  | { kind: 'goAway'; lastStreamId: number; status: number }
  | { kind: 'headers'; streamId: number; fin: boolean; headers: Headers }
  | { kind: 'windowUpdate'; streamId: number; delta: number }
  | { kind: 'data'; streamId: number; fin: boolean; data: Uint8Array };

/** Lower-case names; several values of one name are joined by NUL on the wire. */
export type Headers = Readonly<Record<string, string>>;

const types = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;
const version = 3;
const finFlag = 1;
/** Frames larger than this are refused: Kubernetes' peers send 32 KiB at most. */
const frameLimit = 1 << 20;
/** Header blocks of one session, all together. */
const headerLimit = 1 << 20;

/** Bytes to send; one encoder for each session, since header compression has a memory. */
export class FrameEncoder {
  #started = false;

  encode(frame: Frame): Buffer {
    switch (frame.kind) {
      case 'data': {
        const head = Buffer.alloc(8);
        head.writeUInt32BE(frame.streamId & 0x7fffffff, 0);
        head.writeUInt32BE(frame.data.length, 4);
        head.writeUInt8(frame.fin ? finFlag : 0, 4);
        return Buffer.concat([head, frame.data]);
      }
      case 'synStream':
        // The stream, no associated one, priority 0, no credential slot.
        return this.#withHeaders(types.synStream, frame, Buffer.alloc(6));
      case 'synReply':
        return this.#withHeaders(types.synReply, frame, Buffer.alloc(0));
      case 'headers':
        return this.#withHeaders(types.headers, frame, Buffer.alloc(0));
      case 'rstStream':
        return control(types.rstStream, 0, words(frame.streamId, frame.status));
      case 'ping':
        return control(types.ping, 0, words(frame.id));
      case 'goAway':
        return control(types.goAway, 0, words(frame.lastStreamId, frame.status));
      case 'windowUpdate':
        return control(types.windowUpdate, 0, words(frame.streamId, frame.delta));
      case 'settings': {
        const entries = frame.settings.flatMap(({ id, value }) => [id & 0xffffff, value]);
        return control(types.settings, 0, words(frame.settings.length, ...entries));
      }
    }
  }

  #withHeaders(type: number, frame: { streamId: number; fin: boolean; headers: Headers }, between: Buffer): Buffer {
    const block = this.#compress(headerBlock(frame.headers));
    return control(type, frame.fin ? finFlag : 0, Buffer.concat([words(frame.streamId), between, block]));
  }

  /**
   * A zlib stream with SPDY's dictionary whose data are stored blocks: valid for every inflater, needs no state of our
   * own, and its few short headers are not worth more.
   */
  #compress(data: Buffer): Buffer {
    const parts: Buffer[] = [];
    if (!this.#started) {
      this.#started = true;
      // CMF, FLG with FDICT, and the Adler-32 of the dictionary (RFC 1950).
      parts.push(Buffer.from([0x78, 0xbb]), words(adler32(spdyDictionary)));
    }
    for (let offset = 0; offset < data.length; offset += 0xffff) {
      const chunk = data.subarray(offset, offset + 0xffff);
      const head = Buffer.alloc(5);
      head.writeUInt16LE(chunk.length, 1);
      head.writeUInt16LE(~chunk.length & 0xffff, 3);
      parts.push(head, chunk);
    }
    // An empty stored block ends each header block, as a sync flush would.
    parts.push(Buffer.from([0, 0, 0, 0xff, 0xff]));
    return Buffer.concat(parts);
  }
}

/** Bytes received, in pieces of any size, to frames. Throws an Error on what is no SPDY/3. */
export class FrameDecoder {
  #rest = Buffer.alloc(0);
  #compressed: Buffer = Buffer.alloc(0);
  #inflated = 0;

  push(chunk: Uint8Array): Frame[] {
    const input = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    let offset = 0;
    while (input.length - offset >= 8) {
      const length = input.readUIntBE(offset + 5, 3);
      if (length > frameLimit) throw new Error(`SPDY frame of ${length} bytes`);
      if (input.length - offset < 8 + length) break;
      const frame = this.#decode(input.subarray(offset, offset + 8), input.subarray(offset + 8, offset + 8 + length));
      if (frame) frames.push(frame);
      offset += 8 + length;
    }
    this.#rest = input.subarray(offset);
    return frames;
  }

  #decode(head: Buffer, body: Buffer): Frame | undefined {
    const first = head.readUInt32BE(0);
    const fin = (head.readUInt8(4) & finFlag) !== 0;
    if (first >>> 31 === 0) return { kind: 'data', streamId: first, fin, data: body };
    if (((first >>> 16) & 0x7fff) !== version) throw new Error('peer does not speak SPDY/3');
    switch (first & 0xffff) {
      case types.synStream:
        return { kind: 'synStream', streamId: id(body), fin, headers: this.#headers(body.subarray(10)) };
      case types.synReply:
        return { kind: 'synReply', streamId: id(body), fin, headers: this.#headers(body.subarray(4)) };
      case types.headers:
        return { kind: 'headers', streamId: id(body), fin, headers: this.#headers(body.subarray(4)) };
      case types.rstStream:
        return { kind: 'rstStream', streamId: id(body), status: body.readUInt32BE(4) };
      case types.settings:
        return { kind: 'settings', settings: settingsOf(body) };
      case types.ping:
        return { kind: 'ping', id: body.readUInt32BE(0) };
      case types.goAway:
        return { kind: 'goAway', lastStreamId: id(body), status: body.length >= 8 ? body.readUInt32BE(4) : 0 };
      case types.windowUpdate:
        return { kind: 'windowUpdate', streamId: id(body), delta: body.readUInt32BE(4) & 0x7fffffff };
      default:
        // The protocol asks to ignore what one does not know.
        return undefined;
    }
  }

  /**
   * All header blocks of a session are one zlib stream. It is inflated from its beginning each time, and what is new
   * is cut off: sessions carry a handful of short blocks, and zlib's streams in Node would make every caller
   * asynchronous.
   */
  #headers(block: Buffer): Headers {
    this.#compressed = Buffer.concat([this.#compressed, block]);
    if (this.#compressed.length > headerLimit) throw new Error('too many SPDY headers in one session');
    const all = inflateSync(this.#compressed, { dictionary: spdyDictionary, finishFlush: constants.Z_SYNC_FLUSH });
    const fresh = all.subarray(this.#inflated);
    this.#inflated = all.length;
    return parseHeaderBlock(fresh);
  }
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8000 | version, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(body.length, 4);
  head.writeUInt8(flags, 4);
  return Buffer.concat([head, body]);
}

function words(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => buffer.writeUInt32BE(value >>> 0, i * 4));
  return buffer;
}

function id(body: Buffer): number {
  return body.readUInt32BE(0) & 0x7fffffff;
}

function settingsOf(body: Buffer): { id: number; value: number }[] {
  const count = Math.min(body.readUInt32BE(0), Math.floor((body.length - 4) / 8));
  return Array.from({ length: count }, (_, i) => ({
    id: body.readUInt32BE(4 + i * 8) & 0xffffff,
    value: body.readUInt32BE(8 + i * 8),
  }));
}

function headerBlock(headers: Headers): Buffer {
  const entries = Object.entries(headers);
  const text = (value: string): Buffer[] => [words(Buffer.byteLength(value)), Buffer.from(value)];
  return Buffer.concat([words(entries.length), ...entries.flatMap(([name, value]) => [...text(name), ...text(value)])]);
}

function parseHeaderBlock(block: Buffer): Headers {
  let offset = 4;
  const text = (): string => {
    const length = block.readUInt32BE(offset);
    const value = block.toString('utf8', offset + 4, offset + 4 + length);
    offset += 4 + length;
    return value;
  };
  const headers: Record<string, string> = {};
  for (let left = block.length >= 4 ? block.readUInt32BE(0) : 0; left > 0; left--) {
    const name = text();
    headers[name.toLowerCase()] = text();
  }
  return headers;
}

/** RFC 1950, 8.2. */
function adler32(data: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of data) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}
