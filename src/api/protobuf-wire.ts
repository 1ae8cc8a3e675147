/** The protobuf wire format (https://protobuf.dev/programming-guides/encoding), as far as Kubernetes uses it. */

export type WireType = 0 | 1 | 2 | 5;

/** Grows as needed; one writer is used for message after message. */
export class WireWriter {
  #buffer = Buffer.allocUnsafe(16 * 1024);
  #at = 0;

  /** Bytes written since {@link reset}. */
  get length(): number {
    return this.#at;
  }

  reset(): void {
    this.#at = 0;
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.subarray(0, this.#at));
  }

  tag(field: number, type: WireType): void {
    this.varint(field * 8 + type);
  }

  /** A whole number; negative ones take ten bytes (two's complement of 64 bits). */
  varint(value: number): void {
    this.#reserve(10);
    if (value < 0) return this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#at++] = rest;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  /** Length and text. */
  string(text: string): void {
    const bytes = text.length < 64 ? text.length * 3 : Buffer.byteLength(text);
    this.#reserve(bytes + 10);
    const start = this.#at;
    const written = this.#buffer.write(text, start + 1, 'utf8');
    this.#closeAt(start, start + 1 + written);
  }

  /** Length and bytes. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** Opens a length-delimited message; hand the answer to {@link close}. */
  open(): number {
    this.#reserve(1);
    return this.#at++;
  }

  /** Writes the length of what came since `start`. */
  close(start: number): void {
    this.#closeAt(start, this.#at);
  }

  /** One byte was left for the length; a longer one moves the content. */
  #closeAt(start: number, end: number): void {
    const size = end - start - 1;
    if (size < 0x80) {
      this.#buffer[start] = size;
      this.#at = end;
      return;
    }
    const extra = Math.ceil((32 - Math.clz32(size)) / 7) - 1;
    this.#at = end;
    this.#reserve(extra);
    this.#buffer.copyWithin(start + 1 + extra, start + 1, end);
    this.#at = start;
    this.varint(size);
    this.#at = end + extra;
  }

  #bigVarint(value: bigint): void {
    let rest = value;
    while (rest > 0x7fn) {
      this.#buffer[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#at++] = Number(rest);
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + size));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

/** Malformed bytes. */
export class WireError extends Error {}

/** Reads one message; nested ones get a reader over their part of the bytes. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Field number times eight, plus the wire type. */
  tag(): number {
    return this.varint();
  }

  /** A signed 64-bit number; beyond 2^53 its last digits are lost, as in JSON. */
  varint(): number {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low;
    }
    return this.#longVarint(low);
  }

  double(): number {
    const at = this.#take(8);
    return this.#bytes.readDoubleLE(at);
  }

  string(): string {
    const size = this.#size();
    const at = this.#take(size);
    return this.#bytes.toString('utf8', at, at + size);
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const size = this.#size();
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  message(): WireReader {
    const size = this.#size();
    const at = this.#take(size);
    return new WireReader(this.#bytes, at, at + size);
  }

  skip(type: number): void {
    if (type === 0) this.varint();
    else if (type === 1) this.#take(8);
    else if (type === 2) this.#take(this.#size());
    else if (type === 5) this.#take(4);
    else throw new WireError(`proto: illegal wireType ${type}`);
  }

  #longVarint(low28: number): number {
    let value = BigInt(low28);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw new WireError('proto: integer overflow');
  }

  #byte(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  #size(): number {
    const size = this.varint();
    if (size < 0) throw new WireError('proto: negative length found during unmarshaling');
    return size;
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#end) throw new WireError('unexpected EOF');
    this.#at = at + size;
    return at;
  }
}
