import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import { decodeBytes, encodeBytes, hasRawBytes } from '../template/bytes.ts';
import { goFunction, type FunctionMap } from '../template/function.ts';

/** Base64, base32, hashes and AES. */

/** encoding/base64's StdEncoding, line breaks ignored. @throws Error that tells at which byte the text is wrong */
export function decodeBase64(text: string): Buffer {
  const bad = illegalBase64(text);
  if (bad !== undefined) throw new Error(`illegal base64 data at input byte ${bad}`);
  return Buffer.from(text, 'base64');
}

/** Where encoding/base64 stops reading, group by group of four letters, over line breaks. */
function illegalBase64(text: string): number | undefined {
  let letters = 0;
  for (const { 0: found, index } of text.matchAll(/[^\r\n]/gu)) {
    if (/[A-Za-z0-9+/]/.test(found)) letters++;
    else return found === '=' && letters % 4 >= 2 ? illegalPadding(text, index, letters % 4) : index;
  }
  return letters % 4 === 0 ? undefined : text.length - (letters % 4);
}

/** From the first `=`, behind two or three letters of its group, on. */
function illegalPadding(text: string, first: number, letters: number): number | undefined {
  let at = afterBreaks(text, first + 1);
  if (letters === 2) {
    if (at === text.length) return at;
    if (text[at] !== '=') return at - 1;
    at = afterBreaks(text, at + 1);
  }
  return at < text.length ? at : undefined;
}

function afterBreaks(text: string, from: number): number {
  let at = from;
  while (text[at] === '\n' || text[at] === '\r') at++;
  return at;
}

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function encodeBase32(text: string): string {
  let bits = '';
  for (const byte of encodeBytes(text)) bits += byte.toString(2).padStart(8, '0');
  const groups = bits.match(/.{1,5}/g) ?? [];
  const letters = groups.map((group) => base32Alphabet[Number.parseInt(group.padEnd(5, '0'), 2)]).join('');
  return letters.padEnd(Math.ceil(letters.length / 8) * 8, '=');
}

/** Where encoding/base32 stops reading, group by group of eight; line breaks are gone by then. */
function illegalBase32(text: string): number | undefined {
  for (let start = 0; start < text.length; start += 8) {
    const letters = /^[A-Z2-7]*/.exec(text.slice(start, start + 8))?.[0].length ?? 0;
    if (letters === 8) continue;
    const at = start + letters;
    if (at === text.length) return start;
    const isPadded = text[at] === '=' && letters >= 2 && text.length - at <= 8;
    if (!isPadded) return at;
    if (text.length - start < 8) return text.length;
    const other = /[^=]/.exec(text.slice(at, start + 8));
    // It tells the byte before.
    if (other) return at + other.index - 1;
    // So many letters are no whole bytes.
    return [3, 6].includes(letters) ? at : undefined;
  }
  return undefined;
}

function decodeBase32(text: string): string {
  const clean = text.replace(/[\r\n]/g, '');
  const wrong = illegalBase32(encodeBytes(clean).toString('latin1'));
  if (wrong !== undefined) return `illegal base32 data at input byte ${wrong}`;
  const bits = Array.from(/^[^=]*/.exec(clean)?.[0] ?? '', (c) =>
    base32Alphabet.indexOf(c).toString(2).padStart(5, '0'),
  ).join('');
  const bytes = bits.match(/.{8}/g) ?? [];
  return decodeBytes(Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 2)));
}

function digest(algorithm: string): FunctionMap[string] {
  return goFunction(['string'], (text) => hash(algorithm, hasRawBytes(text) ? encodeBytes(text) : text));
}

function adler32(text: string): string {
  let a = 1;
  let b = 0;
  for (const byte of encodeBytes(text)) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return String(b * 65536 + a);
}

/** The password itself, cut or filled with zeros to 32 bytes, is the key: so Sprig has it. */
function aesKey(password: string): Buffer {
  const key = Buffer.alloc(32);
  encodeBytes(password).copy(key);
  return key;
}

function encryptAes(password: string, text: string): string {
  if (text === '') return '';
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', aesKey(password), iv);
  return Buffer.concat([iv, cipher.update(encodeBytes(text)), cipher.final()]).toString('base64');
}

function decryptAes(password: string, encoded: string): string {
  if (encoded === '') return '';
  const bytes = decodeBase64(encoded);
  if (bytes.length < 32 || bytes.length % 16 !== 0) throw new Error('crypto/cipher: input not full blocks');
  const decipher = createDecipheriv('aes-256-cbc', aesKey(password), bytes.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  if (padding > padded.length) throw new Error('runtime error: slice bounds out of range');
  return decodeBytes(padded.subarray(0, padded.length - padding));
}

function orMessage(body: () => string): string {
  try {
    return body();
  } catch (error) {
    return (error as Error).message;
  }
}

export const encodingFunctions: FunctionMap = {
  b64enc: goFunction(['string'], (text) => encodeBytes(text).toString('base64')),
  b64dec: goFunction(['string'], (text) => orMessage(() => decodeBytes(decodeBase64(text)))),
  b32enc: goFunction(['string'], encodeBase32),
  b32dec: goFunction(['string'], decodeBase32),
  sha1sum: digest('sha1'),
  sha256sum: digest('sha256'),
  sha512sum: digest('sha512'),
  adler32sum: goFunction(['string'], adler32),
  encryptAES: goFunction(['string', 'string'], encryptAes),
  decryptAES: goFunction(['string', 'string'], decryptAes),
};
