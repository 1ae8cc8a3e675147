import { isJsonObject, type JsonObject } from './plain-json.ts';
import {
  messageCodec,
  rawCodec,
  readEntry,
  scalarCodecs,
  unionCodec,
  writeField,
  type Codec,
} from './protobuf-values.ts';
import { WireError, WireReader, WireWriter } from './protobuf-wire.ts';
import { typeSchema, type FieldSchema } from './schema.ts';
import { ApiError } from './status.ts';
import { typeOfKind } from './type-lookup.ts';

/**
 * Kubernetes' protobuf encoding (`application/vnd.kubernetes.protobuf`): the bytes `k8s\0`, then a `runtime.Unknown`
 * message that holds apiVersion, kind, and the object's own message. Field numbers come from the schema.
 */
export function encodeProtobuf(
  object: unknown,
  type: string,
  apiVersion: string,
  kind: string,
): Uint8Array<ArrayBuffer> {
  const out = writer;
  out.reset();
  out.raw(magic);
  out.tag(1, 2);
  const meta = out.open();
  out.tag(1, 2);
  out.string(apiVersion);
  out.tag(2, 2);
  out.string(kind);
  out.close(meta);
  out.tag(2, 2);
  const raw = out.open();
  planOf(type).write(object as JsonObject, out);
  out.close(raw);
  // contentEncoding and contentType: always there upstream, always empty.
  out.raw(tail);
  return out.finish();
}

/** Finds the schema's type for what an envelope says it holds. */
export type TypeLookup = (apiVersion: string, kind: string) => string | undefined;

/**
 * Reads such bytes into the JSON form (`typeOf`: the built-in kinds, unless given), apiVersion and kind included.
 * Zeros are all there: `decodeObject` removes those that mean nothing. Throws BadRequest for malformed bytes and for
 * kinds that `typeOf` does not know.
 */
export function decodeProtobuf(
  bytes: Uint8Array,
  typeOf: TypeLookup = typeOfKind,
): { apiVersion: string; kind: string; value: unknown } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const outer = lookup;
  lookup = typeOf;
  try {
    return readEnvelope(buffer);
  } catch (error) {
    // A time outside of what a Date can hold is a RangeError.
    if (error instanceof WireError || error instanceof RangeError) throw ApiError.of('BadRequest', error.message);
    throw error;
  } finally {
    lookup = outer;
  }
}

/**
 * One frame of a protobuf watch: four bytes of length (big-endian), then a `WatchEvent` without an envelope of its own;
 * `object` is what {@link encodeProtobuf} made.
 */
export function encodeWatchFrame(eventType: string, object: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = writer;
  out.reset();
  out.raw(lengthPlaceholder);
  out.tag(1, 2);
  out.string(eventType);
  out.tag(2, 2);
  const extension = out.open();
  out.tag(1, 2);
  out.bytes(object);
  out.close(extension);
  const frame = out.finish();
  new DataView(frame.buffer).setUint32(0, frame.length - 4);
  return frame;
}

const magic = Buffer.from('k8s\0', 'latin1');
const tail = Buffer.from([0x1a, 0, 0x22, 0]);
const lengthPlaceholder = Buffer.alloc(4);
const writer = new WireWriter();
/** Deeper nesting than any schema needs, and far from the end of the stack. */
const depthLimit = 300;
/** Set while bytes are being read: objects inside raw extensions are looked up with it too. */
let lookup: TypeLookup = typeOfKind;

function readEnvelope(bytes: Buffer): { apiVersion: string; kind: string; value: unknown } {
  if (bytes.length < 4 || bytes.compare(magic, 0, 4, 0, 4) !== 0) {
    throw new WireError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  let apiVersion = '';
  let kind = '';
  let contentType = '';
  let raw: Buffer = Buffer.alloc(0);
  const input = new WireReader(bytes, 4);
  while (!input.isAtEnd) {
    const tag = input.tag();
    if (tag === 0x0a) {
      const meta = input.message();
      while (!meta.isAtEnd) {
        const inner = meta.tag();
        if (inner === 0x0a) apiVersion = meta.string();
        else if (inner === 0x12) kind = meta.string();
        else meta.skip(inner & 7);
      }
    } else if (tag === 0x12) raw = input.bytes();
    else if (tag === 0x22) contentType = input.string();
    else input.skip(tag & 7);
  }
  if (contentType !== '' && contentType !== 'application/vnd.kubernetes.protobuf') {
    throw new WireError(`unable to decode an embedded object of type ${JSON.stringify(contentType)}`);
  }
  const type = lookup(apiVersion, kind);
  if (type === undefined) {
    throw new WireError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  }
  const value: JsonObject = { apiVersion, kind };
  planOf(type).read(new WireReader(raw), value, 0);
  return { apiVersion, kind, value };
}

/** All fields of one message, compiled once. */
interface Plan {
  write(object: JsonObject, out: WireWriter): void;
  read(input: WireReader, target: JsonObject, depth: number): void;
}

interface PlanField {
  number: number;
  write(object: JsonObject, out: WireWriter): void;
  read(input: WireReader, wireType: number, target: JsonObject, depth: number): void;
}

const plans = new Map<string, Plan>();

function planOf(type: string): Plan {
  const known = plans.get(type);
  if (known) return known;
  const entries = Object.entries(typeSchema(type).fields).map(([name, field]) => ({
    name,
    field,
    path: typeof field.proto === 'number' ? [field.proto] : field.proto,
  }));
  const plan = compile(entries);
  plans.set(type, plan);
  return plan;
}

interface Entry {
  name: string;
  field: FieldSchema;
  /** Field numbers from this message down; more than one where embedded messages lie between. */
  path: readonly number[];
}

function compile(entries: readonly Entry[]): Plan {
  const embedded = new Map<number, Entry[]>();
  const fields: PlanField[] = [];
  for (const entry of entries) {
    const [number = 0, ...rest] = entry.path;
    if (rest.length === 0) {
      fields.push(compileField(entry.name, entry.field, number));
      continue;
    }
    const group = embedded.get(number) ?? [];
    group.push({ ...entry, path: rest });
    embedded.set(number, group);
  }
  for (const [number, group] of embedded) fields.push(embeddedField(number, group));
  fields.sort((a, b) => a.number - b.number);
  const byNumber = new Map(fields.map((field) => [field.number, field]));
  return {
    write(object, out) {
      for (const field of fields) field.write(object, out);
    },
    read(input, target, depth) {
      if (depth > depthLimit) throw new WireError('exceeded max depth');
      while (!input.isAtEnd) {
        const tag = input.tag();
        const field = byNumber.get(tag >>> 3);
        if (field) field.read(input, tag & 7, target, depth);
        else input.skip(tag & 7);
      }
    },
  };
}

/** A message whose fields JSON shows in the object around it. */
function embeddedField(number: number, group: readonly Entry[]): PlanField {
  const plan = compile(group);
  const names = group.map(({ name }) => name);
  return {
    number,
    write(object, out) {
      if (!names.some((name) => object[name] !== undefined)) return;
      out.tag(number, 2);
      const start = out.open();
      plan.write(object, out);
      out.close(start);
    },
    read: (input, _, target, depth) => plan.read(input.message(), target, depth + 1),
  };
}

function compileField(name: string, field: FieldSchema, number: number): PlanField {
  let codec: Codec | undefined;
  const item = (): Codec => (codec ??= codecOf(field));
  if (field.list) return listField(name, number, item);
  if (field.map) return mapField(name, number, item);
  return {
    number,
    write(object, out) {
      const value = object[name];
      if (value !== undefined && value !== null) writeField(number, item(), value, out);
    },
    read(input, _, target, depth) {
      const value = item().read(input, depth + 1);
      if (value !== undefined) target[name] = value;
    },
  };
}

function listField(name: string, number: number, item: () => Codec): PlanField {
  return {
    number,
    write(object, out) {
      const list = object[name];
      if (!Array.isArray(list)) return;
      for (const value of list as unknown[]) writeField(number, item(), value, out);
    },
    read(input, wireType, target, depth) {
      const list = (target[name] ??= []) as unknown[];
      if (wireType !== 2 || item().wireType === 2) {
        list.push(item().read(input, depth + 1) ?? null);
        return;
      }
      const packed = input.message();
      while (!packed.isAtEnd) list.push(item().read(packed, depth + 1));
    },
  };
}

function mapField(name: string, number: number, item: () => Codec): PlanField {
  return {
    number,
    write(object, out) {
      const map = object[name];
      if (!isJsonObject(map)) return;
      for (const key in map) {
        out.tag(number, 2);
        const start = out.open();
        out.tag(1, 2);
        out.string(key);
        const value = map[key];
        if (value !== undefined && value !== null) writeField(2, item(), value, out);
        out.close(start);
      }
    },
    read(input, _, target, depth) {
      readEntry(input.message(), item(), depth + 1, (target[name] ??= {}) as JsonObject);
    },
  };
}

const raw = rawCodec((bytes) => readEnvelope(bytes).value);

function codecOf({ type, union }: FieldSchema): Codec {
  if (union) return unionCodec(union, structCodec(schemaProps), raw);
  return scalarCodecs[type] ?? (type === 'object' || type === 'any' ? raw : structCodec(type));
}

const schemaProps = 'io.k8s.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

function structCodec(type: string): Codec {
  return messageCodec(
    (value, out) => planOf(type).write(value as JsonObject, out),
    (input, depth) => {
      const target: JsonObject = {};
      planOf(type).read(input, target, depth);
      return target;
    },
  );
}
