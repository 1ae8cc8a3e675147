import { formatTime } from '../base/clock.ts';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';
import { isJsonObject, type JsonObject } from './plain-json.ts';
import { WireError, type WireReader, type WireType, type WireWriter } from './protobuf-wire.ts';
import type { FieldSchema } from './schema.ts';

/** How one kind of value goes to the wire and comes back, without its tag. */
export interface Codec {
  readonly wireType: WireType;
  write(value: unknown, out: WireWriter): void;
  /** Undefined where the bytes stand for Go's zero value that JSON writes as null (an unset time). */
  read(input: WireReader, depth: number): unknown;
}

/** A codec for a length-delimited message; `fill` reads all its fields. */
export function messageCodec(
  write: (value: unknown, out: WireWriter) => void,
  read: (input: WireReader, depth: number) => unknown,
): Codec {
  return {
    wireType: 2,
    write(value, out) {
      const start = out.open();
      write(value, out);
      out.close(start);
    },
    read: (input, depth) => read(input.message(), depth),
  };
}

/** Calls `visit` for each field; a visitor that answers false has the field skipped. */
function eachField(input: WireReader, visit: (field: number, type: number) => boolean): void {
  while (!input.isAtEnd) {
    const tag = input.tag();
    if (!visit(tag >>> 3, tag & 7)) input.skip(tag & 7);
  }
}

const varint: Pick<Codec, 'wireType' | 'write'> = {
  wireType: 0,
  write: (value, out) => out.varint(value as number),
};

export const scalarCodecs: Readonly<Record<string, Codec>> = {
  string: { wireType: 2, write: (value, out) => out.string(value as string), read: (input) => input.string() },
  bytes: {
    wireType: 2,
    write: (value, out) => out.bytes(Buffer.from(value as string, 'base64')),
    read: (input) => input.bytes().toString('base64'),
  },
  int32: { ...varint, read: (input) => input.varint() | 0 },
  int64: { ...varint, read: (input) => input.varint() },
  bool: { wireType: 0, write: (value, out) => out.varint(value ? 1 : 0), read: (input) => input.varint() !== 0 },
  double: { wireType: 1, write: (value, out) => out.double(value as number), read: (input) => input.double() },
  time: timeCodec(false),
  microTime: timeCodec(true),
  duration: messageCodec(
    (value, out) => {
      out.tag(1, 0);
      out.varint(parseGoDuration(value as string) ?? 0);
    },
    (input) => formatGoDuration(readInt(input, 1)),
  ),
  quantity: messageCodec(
    (value, out) => {
      out.tag(1, 2);
      out.string(String(value));
    },
    (input) => {
      let text = '';
      eachField(input, (field) => field === 1 && ((text = input.string()), true));
      return text === '' ? '0' : text;
    },
  ),
  intOrString: messageCodec((value, out) => {
    const isText = typeof value === 'string';
    out.tag(1, 0);
    out.varint(isText ? 1 : 0);
    out.tag(2, 0);
    out.varint(isText ? 0 : (value as number));
    out.tag(3, 2);
    out.string(isText ? value : '');
  }, readIntOrString),
  stringList: messageCodec(
    (value, out) => {
      for (const item of value as string[]) {
        out.tag(1, 2);
        out.string(item);
      }
    },
    (input) => {
      const items: string[] = [];
      eachField(input, (field) => field === 1 && items.push(input.string()) > 0);
      return items;
    },
  ),
};

/** Seconds (1) and, for micro times, nanoseconds (2): upstream leaves sub-seconds of plain times out. Empty: unset. */
function timeCodec(isMicro: boolean): Codec {
  return messageCodec(
    (value, out) => {
      const text = value as string;
      const seconds = Math.floor(Date.parse(text) / 1000);
      const fraction = isMicro ? /\.(\d{1,9})/.exec(text)?.[1] : undefined;
      out.tag(1, 0);
      out.varint(seconds);
      out.tag(2, 0);
      out.varint(fraction ? Number(fraction.padEnd(9, '0')) : 0);
    },
    (input) => {
      if (input.isAtEnd) return undefined;
      let seconds = 0;
      let nanos = 0;
      eachField(input, (field) => {
        if (field === 1) seconds = input.varint();
        else if (field === 2) nanos = input.varint();
        else return false;
        return true;
      });
      const text = formatTime(seconds * 1000);
      if (!isMicro) return text;
      return `${text.slice(0, -1)}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`;
    },
  );
}

function readIntOrString(input: WireReader): number | string {
  let isText = false;
  let number = 0;
  let text = '';
  eachField(input, (field) => {
    if (field === 1) isText = input.varint() === 1;
    else if (field === 2) number = input.varint() | 0;
    else if (field === 3) text = input.string();
    else return false;
    return true;
  });
  return isText ? text : number;
}

function readInt(input: WireReader, number: number): number {
  let value = 0;
  eachField(input, (field) => field === number && ((value = input.varint()), true));
  return value;
}

/**
 * Free-form JSON in a message with one field, `raw` (RawExtension, FieldsV1, JSON). A raw extension may hold a whole
 * object in its protobuf envelope instead: `decodeEnvelope` reads that.
 */
export function rawCodec(decodeEnvelope: (bytes: Buffer) => unknown): Codec {
  return messageCodec(
    (value, out) => {
      out.tag(1, 2);
      out.string(JSON.stringify(value));
    },
    (input) => {
      let value: unknown;
      eachField(input, (field) => {
        if (field !== 1) return false;
        const bytes = input.bytes();
        value = bytes.length === 0 ? undefined : parseRaw(bytes, decodeEnvelope);
        return true;
      });
      return value;
    },
  );
}

function parseRaw(bytes: Buffer, decodeEnvelope: (bytes: Buffer) => unknown): unknown {
  if (bytes.length > 4 && bytes.toString('latin1', 0, 4) === 'k8s\0') return decodeEnvelope(bytes);
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (error) {
    throw new WireError(`raw extension: ${(error as Error).message}`);
  }
}

/** The unions of a custom resource's schema: a schema (`props`), or a list, a boolean, a list of names. */
export function unionCodec(union: NonNullable<FieldSchema['union']>, props: Codec, raw: Codec): Codec {
  switch (union) {
    case 'JSON':
      return raw;
    case 'JSONSchemaPropsOrBool':
      return messageCodec(
        (value, out) => {
          out.tag(1, 0);
          out.varint(value === false ? 0 : 1);
          if (isJsonObject(value)) writeField(2, props, value, out);
        },
        (input, depth) => {
          let allows = false;
          let schema: unknown;
          eachField(input, (field) => {
            if (field === 1) allows = input.varint() !== 0;
            else if (field === 2) schema = props.read(input, depth + 1);
            else return false;
            return true;
          });
          return schema ?? allows;
        },
      );
    case 'JSONSchemaPropsOrArray':
      return alternatives(props, props);
    case 'JSONSchemaPropsOrStringArray':
      return alternatives(props, scalarCodecs.string as Codec);
  }
}

/** Field 1: a single schema; field 2: a list of `item`. */
function alternatives(props: Codec, item: Codec): Codec {
  return messageCodec(
    (value, out) => {
      if (!Array.isArray(value)) return writeField(1, props, value, out);
      for (const entry of value as unknown[]) writeField(2, item, entry, out);
    },
    (input, depth) => {
      let schema: unknown;
      const list: unknown[] = [];
      eachField(input, (field) => {
        if (field === 1) schema = props.read(input, depth + 1);
        else if (field === 2) list.push(item.read(input, depth + 1));
        else return false;
        return true;
      });
      return schema ?? list;
    },
  );
}

export function writeField(field: number, codec: Codec, value: unknown, out: WireWriter): void {
  out.tag(field, codec.wireType);
  codec.write(value, out);
}

/** A map entry: key (1) and value (2). */
export function readEntry(input: WireReader, value: Codec, depth: number, map: JsonObject): void {
  let key = '';
  let found: unknown;
  eachField(input, (field) => {
    if (field === 1) key = input.string();
    else if (field === 2) found = value.read(input, depth);
    else return false;
    return true;
  });
  Object.defineProperty(map, key, { value: found ?? null, writable: true, enumerable: true, configurable: true });
}
