/** Go's strings are bytes; here they are text, in which a byte that is no UTF-8 is the lone surrogate U+DC00 + byte. */

/** Bytes as a string; those that are no UTF-8 become U+DC00 + byte. */
export function decodeBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (!text.includes('\ufffd')) return text;
  return decodeSlowly(bytes);
}

function decodeSlowly(bytes: Uint8Array): string {
  let out = '';
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i] as number;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    let rune: string | undefined;
    if (length > 0) {
      try {
        rune = strict.decode(bytes.subarray(i, i + length));
      } catch {
        rune = undefined;
      }
    }
    out += rune ?? String.fromCharCode(0xdc00 + first);
    i += rune === undefined ? 1 : length;
  }
  return out;
}

/** The second halves of pairs are among them; most strings have neither, which is seen at once. */
const rawByteOrHalf = /[\udc80-\udcff]/;
const rawByte = /[\udc80-\udcff]/u;

/** Whether a string holds bytes that are no UTF-8. */
export function hasRawBytes(text: string): boolean {
  return rawByteOrHalf.test(text) && rawByte.test(text);
}

/** The bytes of a string, those that were no UTF-8 given back. */
export function encodeBytes(text: string): Buffer {
  if (!hasRawBytes(text)) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0xd800 && code < 0xdc00) i++;
    else if (code >= 0xdc80 && code <= 0xdcff) {
      parts.push(Buffer.from(text.slice(start, i), 'utf8'), Buffer.of(code - 0xdc00));
      start = i + 1;
    }
  }
  parts.push(Buffer.from(text.slice(start), 'utf8'));
  return Buffer.concat(parts);
}

/** A string's length as Go counts it. */
export function byteLength(text: string): number {
  return hasRawBytes(text) ? encodeBytes(text).length : Buffer.byteLength(text);
}
