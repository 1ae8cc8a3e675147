import { createHmac, scryptSync } from 'node:crypto';
import { genSaltSync, hashSync } from 'bcryptjs';
import { encodeBytes } from '../template/bytes.ts';
import { goFunction, type FunctionMap } from '../template/function.ts';

/** bcrypt, htpasswd, and passwords derived from a master password (the Master Password algorithm). */

function bcrypt(text: string): string {
  if (encodeBytes(text).length > 72) {
    return 'failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes';
  }
  return hashSync(text, genSaltSync(10).replace(/^\$2b\$/, '$2a$'));
}

const templates: Readonly<Record<string, readonly string[]>> = {
  maximum: ['anoxxxxxxxxxxxxxxxxx', 'axxxxxxxxxxxxxxxxxno'],
  long: [
    'CvcvnoCvcvCvcv',
    'CvcvCvcvnoCvcv',
    'CvcvCvcvCvcvno',
    'CvccnoCvcvCvcv',
    'CvccCvcvnoCvcv',
    'CvccCvcvCvcvno',
    'CvcvnoCvccCvcv',
    'CvcvCvccnoCvcv',
    'CvcvCvccCvcvno',
    'CvcvnoCvcvCvcc',
    'CvcvCvcvnoCvcc',
    'CvcvCvcvCvccno',
    'CvccnoCvccCvcv',
    'CvccCvccnoCvcv',
    'CvccCvccCvcvno',
    'CvcvnoCvccCvcc',
    'CvcvCvccnoCvcc',
    'CvcvCvccCvccno',
    'CvccnoCvcvCvcc',
    'CvccCvcvnoCvcc',
    'CvccCvcvCvccno',
  ],
  medium: ['CvcnoCvc', 'CvcCvcno'],
  short: ['Cvcn'],
  basic: ['aaanaaan', 'aannaaan', 'aaannaaa'],
  pin: ['nnnn'],
};

const characters: Readonly<Record<string, string>> = {
  V: 'AEIOU',
  C: 'BCDFGHJKLMNPQRSTVWXYZ',
  v: 'aeiou',
  c: 'bcdfghjklmnpqrstvwxyz',
  A: 'AEIOUBCDFGHJKLMNPQRSTVWXYZ',
  a: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz',
  n: '0123456789',
  o: "@&%?,=[]_:-+*$#!'^~;()/.",
  x: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()',
};

const seedPrefix = 'com.lyndir.masterpassword';

function lengthPrefixed(text: string): Buffer {
  const bytes = encodeBytes(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function derivePassword(counter: number, type: string, password: string, user: string, site: string): string {
  const choices = Object.hasOwn(templates, type) ? templates[type] : undefined;
  if (!choices) return `cannot find password template ${type}`;
  const salt = Buffer.concat([Buffer.from(seedPrefix), lengthPrefixed(user)]);
  const key = scryptSync(encodeBytes(password), salt, 64, { N: 32768, r: 8, p: 2, maxmem: 128 * 1024 * 1024 });
  const count = Buffer.alloc(4);
  count.writeUInt32BE(counter);
  const message = Buffer.concat([Buffer.from(seedPrefix), lengthPrefixed(site), count]);
  const seed = createHmac('sha256', key).update(message).digest();
  const template = choices[(seed[0] as number) % choices.length] as string;
  return Array.from(template, (c, i) => {
    const allowed = characters[c] as string;
    return allowed[(seed[i + 1] as number) % allowed.length];
  }).join('');
}

export const passwordFunctions: FunctionMap = {
  bcrypt: goFunction(['string'], bcrypt),
  htpasswd: goFunction(['string', 'string'], (user, password) =>
    user.includes(':') ? `invalid username: ${user}` : `${user}:${bcrypt(password)}`,
  ),
  derivePassword: goFunction(['uint32', 'string', 'string', 'string', 'string'], derivePassword),
};
