/**
 * Distinguished Encoding Rules (ITU-T X.690), as far as X.509 certificates with EC keys need them: a whole ASN.1
 * library takes a quarter of the time a cluster has to start.
 */

/** One value: tag, length, content. */
function tagged(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...contents]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

export const sequence = (...contents: readonly Uint8Array[]): Buffer => tagged(0x30, ...contents);
export const set = (...contents: readonly Uint8Array[]): Buffer => tagged(0x31, ...contents);
export const utf8String = (text: string): Buffer => tagged(0x0c, Buffer.from(text, 'utf8'));
export const octetString = (content: Uint8Array): Buffer => tagged(0x04, content);
export const boolean = (value: boolean): Buffer => tagged(0x01, Buffer.from([value ? 0xff : 0]));

/** A context-specific value: `[number]`. */
export function contextual(number: number, constructed: boolean, content: Uint8Array): Buffer {
  return tagged(0x80 | (constructed ? 0x20 : 0) | number, content);
}

/** An unsigned big-endian number of any size. */
export function integer(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const trimmed = magnitude.subarray(start);
  return (trimmed[0] ?? 0) & 0x80 ? tagged(0x02, Buffer.from([0]), trimmed) : tagged(0x02, trimmed);
}

export function bitString(content: Uint8Array, unusedBits = 0): Buffer {
  return tagged(0x03, Buffer.from([unusedBits]), content);
}

/** `1.2.840.10045.4.3.2` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(0x06, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280, 4.1.2.5). */
export function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return Number(digits.slice(0, 4)) < 2050
    ? tagged(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : tagged(0x18, Buffer.from(`${digits}Z`));
}

export interface DerValue {
  tag: number;
  content: Buffer;
  /** Tag and length included. */
  whole: Buffer;
}

/** The values that lie side by side in `bytes`. Throws a RangeError on bytes that are no DER. */
export function readAll(bytes: Uint8Array): DerValue[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: DerValue[] = [];
  let offset = 0;
  while (offset < buffer.length) {
    const tag = buffer.readUInt8(offset);
    let length = buffer.readUInt8(offset + 1);
    let start = offset + 2;
    if (length & 0x80) {
      const count = length & 0x7f;
      length = buffer.readUIntBE(start, count);
      start += count;
    }
    if (start + length > buffer.length) throw new RangeError('DER value is cut off');
    values.push({
      tag,
      content: buffer.subarray(start, start + length),
      whole: buffer.subarray(offset, start + length),
    });
    offset = start + length;
  }
  return values;
}
