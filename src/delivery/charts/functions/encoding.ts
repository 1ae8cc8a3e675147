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

function illegalBase64(text: string): number | undefined {
  const wrong = /[^A-Za-z0-9+/=\r\n]/.exec(text);
  const firstPad = text.indexOf('=');
  const clean = text.replace(/[\r\n]/g, '');
  const body = clean.replace(/={1,2}$/, '');
  if (
    !wrong &&
    !body.includes('=') &&
    clean.length % 4 === 0 &&
    (body.length === clean.length || body.length % 4 >= 2)
  ) {
    return undefined;
  }
  if (wrong && (firstPad < 0 || wrong.index < firstPad)) return wrong.index;
  if (firstPad >= 0) {
    const before = text.slice(0, firstPad).replace(/[\r\n]/g, '').length % 4;
    if (before < 2) return firstPad;
    if (before === 2 && text[firstPad + 1] !== '=') return Math.min(firstPad + 1, text.length);
    return firstPad + (before === 2 ? 2 : 1);
  }
  return text.length - (clean.length % 4);
}

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function encodeBase32(text: string): string {
  let bits = '';
  for (const byte of encodeBytes(text)) bits += byte.toString(2).padStart(8, '0');
  const groups = bits.match(/.{1,5}/g) ?? [];
  const letters = groups.map((group) => base32Alphabet[Number.parseInt(group.padEnd(5, '0'), 2)]).join('');
  return letters.padEnd(Math.ceil(letters.length / 8) * 8, '=');
}

function decodeBase32(text: string): string {
  const clean = text.replace(/[\r\n]/g, '');
  const wrong = /[^A-Z2-7]/.exec(clean.replace(/=+$/, ''));
  if (wrong) return `illegal base32 data at input byte ${wrong.index}`;
  if (clean.length % 8 !== 0) return `illegal base32 data at input byte ${clean.length}`;
  const bits = Array.from(clean.replace(/=+$/, ''), (c) => base32Alphabet.indexOf(c).toString(2).padStart(5, '0')).join(
    '',
  );
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
