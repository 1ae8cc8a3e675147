import { crc32 } from 'node:zlib';
import type { StoreEvent } from './store.ts';

/**
 * One event as the log keeps it: `crc32 | kind | index | create revision | document`, little-endian, 20 bytes before
 * the document. The checksum covers everything after it, and the record's place in the log.
 */
const headerBytes = 20;
const kinds = ['check', 'put', 'delete'] as const;

export interface LogRecord {
  /** `check`: the commit wrote nothing; it only has a revision. */
  kind: (typeof kinds)[number];
  /** Place among the commit's events. */
  index: number;
  createRevision: number;
  value: Uint8Array;
}

export function encodeRecord(event: StoreEvent, index: number): Uint8Array {
  const { key, revision, createRevision, value } = event.entry;
  return encode({ kind: event.kind, index, createRevision, value }, revision, key);
}

/** Stands for a commit without events. */
export function encodeCheck(revision: number): Uint8Array {
  return encode({ kind: 'check', index: 0, createRevision: 0, value: new Uint8Array() }, revision, '');
}

/** Throws an Error that says what is wrong. `value` is a copy of its own. */
export function decodeRecord(bytes: Uint8Array, revision: number, key: string): LogRecord {
  if (bytes.length < headerBytes) throw new Error(`record ${revision} ${key} is cut off`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== checksum(bytes, revision, key)) {
    throw new Error(`record ${revision} ${key} does not match its checksum`);
  }
  const kind = kinds[view.getUint32(4, true)];
  if (!kind) throw new Error(`record ${revision} ${key} is of no known kind`);
  return {
    kind,
    index: view.getUint32(8, true),
    createRevision: view.getFloat64(12, true),
    value: Uint8Array.prototype.slice.call(bytes, headerBytes),
  };
}

function encode(record: LogRecord, revision: number, key: string): Uint8Array {
  const { kind, index, createRevision, value } = record;
  // Not from the pool: the writing thread reads these bytes where they lie.
  const bytes = Buffer.allocUnsafeSlow(headerBytes + value.length);
  bytes.writeUInt32LE(kinds.indexOf(kind), 4);
  bytes.writeUInt32LE(index, 8);
  bytes.writeDoubleLE(createRevision, 12);
  bytes.set(value, headerBytes);
  bytes.writeUInt32LE(checksum(bytes, revision, key), 0);
  return bytes;
}

function checksum(bytes: Uint8Array, revision: number, key: string): number {
  return crc32(bytes.subarray(4), crc32(`${revision} ${key}`));
}
