/**
 * Protocol buffers (proto3 wire format, https://protobuf.dev/programming-guides/encoding/) for messages described in
 * code: `message({ name: string(1), ports: repeated(2, int) })`. Unknown fields are skipped, absent ones decode to
 * proto3's defaults, an absent nested message to undefined. 64-bit numbers are JavaScript numbers: exact up to 2^53.
 */
export interface Message<F extends Fields = Fields> {
  readonly fields: F;
  readonly byNumber: ReadonlyMap<number, readonly [name: string, field: Field]>;
}

/** What decode gives. */
export type Decoded<M> =
  M extends Message<infer F> ? { [K in keyof F]: F[K] extends Field<infer Out, unknown> ? Out : never } : never;
/** What encode takes: every field may be left out. */
export type Encodable<M> =
  M extends Message<infer F>
    ? { readonly [K in keyof F]?: (F[K] extends Field<unknown, infer In> ? In : never) | undefined }
    : never;

interface Field<Out = unknown, In = unknown> {
  readonly number: number;
  readonly type: Type;
  readonly repeated: boolean;
  /** Only for the types. */
  readonly phantom?: { out: Out; in: In };
}
type Fields = Readonly<Record<string, Field>>;
type Type =
  | { kind: 'string' }
  | { kind: 'bytes' }
  | { kind: 'bool' }
  | { kind: 'int' }
  | { kind: 'message' | 'map'; of: Message };

export function message<F extends Fields>(fields: F): Message<F> {
  const byNumber = new Map(Object.entries(fields).map(([name, field]) => [field.number, [name, field]] as const));
  return { fields, byNumber };
}

export const string = (number: number): Field<string, string> => ({
  number,
  type: { kind: 'string' },
  repeated: false,
});
export const bytes = (number: number): Field<Uint8Array, Uint8Array> => ({
  number,
  type: { kind: 'bytes' },
  repeated: false,
});
export const bool = (number: number): Field<boolean, boolean> => ({ number, type: { kind: 'bool' }, repeated: false });
/** int32, int64, uint32, uint64 and enumerations. */
export const int = (number: number): Field<number, number> => ({ number, type: { kind: 'int' }, repeated: false });
export const nested = <M extends Message>(number: number, of: M): Field<Decoded<M> | undefined, Encodable<M>> => ({
  number,
  type: {
    kind: 'message',
    of,
  },
  repeated: false,
});
export const strings = (number: number): Field<string[], readonly string[]> => ({
  number,
  type: { kind: 'string' },
  repeated: true,
});
export const ints = (number: number): Field<number[], readonly number[]> => ({
  number,
  type: { kind: 'int' },
  repeated: true,
});
export const list = <M extends Message>(number: number, of: M): Field<Decoded<M>[], readonly Encodable<M>[]> => ({
  number,
  type: {
    kind: 'message',
    of,
  },
  repeated: true,
});
const entry = message({ key: string(1), value: string(2) });
/** `map<string, string>`. */
export const stringMap = (number: number): Field<Record<string, string>, Readonly<Record<string, string>>> => ({
  number,
  type: {
    kind: 'map',
    of: entry,
  },
  repeated: true,
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encode<M extends Message>(of: M, value: Encodable<M>): Uint8Array {
  const chunks: Uint8Array[] = [];
  writeMessage(of, value, chunks);
  return concat(chunks);
}

/** Throws a RangeError when the bytes end in the middle of a field. */
export function decode<M extends Message>(of: M, data: Uint8Array): Decoded<M> {
  return readMessage(of, data) as Decoded<M>;
}

function writeMessage(of: Message, value: Readonly<Record<string, unknown>>, out: Uint8Array[]): void {
  for (const [name, field] of Object.entries(of.fields)) {
    const given = value[name];
    if (given === undefined || given === null) continue;
    if (field.type.kind === 'map') {
      for (const [key, text] of Object.entries(given as Record<string, string>))
        writeDelimited(field.number, encode(entry, { key, value: text }), out);
    } else if (!field.repeated) writeField(field, given, out);
    else if (field.type.kind === 'int') writePacked(field.number, given as readonly number[], out);
    else for (const item of given as readonly unknown[]) writeField(field, item, out, true);
  }
}

/** A singular field with its default value is not written; an element of a list always is. */
function writeField(field: Field, value: unknown, out: Uint8Array[], always = false): void {
  const { type, number } = field;
  switch (type.kind) {
    case 'string':
      if (always || value !== '') writeDelimited(number, encoder.encode(value as string), out);
      return;
    case 'bytes':
      if (always || (value as Uint8Array).length > 0) writeDelimited(number, value as Uint8Array, out);
      return;
    case 'bool':
      if (always || value) out.push(varint(number * 8), varint(value ? 1 : 0));
      return;
    case 'int':
      if (always || value !== 0) out.push(varint(number * 8), varint(value as number));
      return;
    case 'message':
    case 'map':
      writeDelimited(number, encode(type.of, value as Encodable<Message>), out);
  }
}

function writePacked(number: number, values: readonly number[], out: Uint8Array[]): void {
  if (values.length > 0) writeDelimited(number, concat(values.map(varint)), out);
}

function writeDelimited(number: number, data: Uint8Array, out: Uint8Array[]): void {
  out.push(varint(number * 8 + 2), varint(data.length), data);
}

/** Negative numbers take ten bytes, as two's complement in 64 bits. */
function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value < 0 ? BigInt.asUintN(64, BigInt(value)) : value;
  if (typeof rest === 'bigint') {
    for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
    out.push(Number(rest));
    return Uint8Array.from(out);
  }
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
  return Uint8Array.from(out);
}

function readMessage(of: Message, data: Uint8Array): Record<string, unknown> {
  const value = defaults(of);
  const cursor = { data, at: 0 };
  while (cursor.at < data.length) {
    const tag = readVarint(cursor);
    const [name, field] = of.byNumber.get(Math.floor(tag / 8)) ?? [];
    const wire = tag % 8;
    if (wire === 0) {
      const number = readVarint(cursor);
      if (name === undefined || !field) continue;
      const item = field.type.kind === 'bool' ? number !== 0 : number;
      if (field.repeated) (value[name] as unknown[]).push(item);
      else value[name] = item;
    } else if (wire === 2) {
      const part = readBytes(cursor, readVarint(cursor));
      if (name !== undefined && field) readDelimited(value, name, field, part);
    } else if (wire === 1 || wire === 5) readBytes(cursor, wire === 1 ? 8 : 4);
    else throw new RangeError(`malformed protobuf: wire type ${wire}`);
  }
  return value;
}

function readDelimited(value: Record<string, unknown>, name: string, field: Field, part: Uint8Array): void {
  const { type } = field;
  if (type.kind === 'map') {
    const pair = decode(entry, part);
    (value[name] as Record<string, string>)[pair.key] = pair.value;
  } else if (type.kind === 'int' || type.kind === 'bool') {
    for (const cursor = { data: part, at: 0 }; cursor.at < part.length;)
      (value[name] as unknown[]).push(readVarint(cursor));
  } else {
    const item =
      type.kind === 'string' ? decoder.decode(part) : type.kind === 'bytes' ? part : readMessage(type.of, part);
    if (field.repeated) (value[name] as unknown[]).push(item);
    else value[name] = item;
  }
}

function defaults(of: Message): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [name, { type, repeated }] of Object.entries(of.fields)) {
    if (type.kind === 'map') value[name] = {};
    else if (repeated) value[name] = [];
    else if (type.kind === 'string') value[name] = '';
    else if (type.kind === 'bool') value[name] = false;
    else if (type.kind === 'int') value[name] = 0;
    else if (type.kind === 'bytes') value[name] = new Uint8Array();
    else value[name] = undefined;
  }
  return value;
}

interface Cursor {
  data: Uint8Array;
  at: number;
}

function readVarint(cursor: Cursor): number {
  const start = cursor.at;
  let value = 0;
  for (let length = 0; length < 10; length++) {
    const byte = cursor.data[cursor.at++];
    if (byte === undefined) throw new RangeError('malformed protobuf: it ends within a number');
    value += (byte & 127) * 2 ** (7 * length);
    if (byte < 128) return length < 9 ? value : readNegative(cursor.data.subarray(start, cursor.at));
  }
  throw new RangeError('malformed protobuf: a number of more than ten bytes');
}

/** Only a negative number (or a uint64 of 2^63 and more, which nothing here uses) takes ten bytes. */
function readNegative(digits: Uint8Array): number {
  let value = 0n;
  digits.forEach((byte, i) => (value |= BigInt(byte & 127) << BigInt(7 * i)));
  return Number(BigInt.asIntN(64, value));
}

function readBytes(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > cursor.data.length) throw new RangeError('malformed protobuf: it ends within a field');
  const part = cursor.data.subarray(cursor.at, end);
  cursor.at = end;
  return part;
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}
