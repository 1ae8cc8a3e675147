import type { Secret } from '../../api/types/core-v1.ts';
import type { ScriptedHash, UserList } from './model.ts';

export interface ReadUsers {
  users: UserList;
  /** Names whose hashes cannot be checked here: they cannot get in. */
  unknown: readonly string[];
}

const known = new WeakMap<Secret, Map<string, ReadUsers>>();

/** The users of a secret: of its key `auth`, a file as htpasswd writes it (`auth-file`), or a key each (`auth-map`). */
export function usersOf(secret: Secret, kind: 'auth-file' | 'auth-map'): ReadUsers {
  const found = known.get(secret) ?? new Map<string, ReadUsers>();
  known.set(secret, found);
  const read = found.get(kind) ?? readUsers(kind === 'auth-file' ? linesOf(secret) : keysOf(secret));
  found.set(kind, read);
  return read;
}

type Entry = readonly [user: string, hash: string];

function textOf(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString('utf8');
}

function linesOf({ data }: Secret): Entry[] {
  return textOf(data?.['auth'])
    .split(/\r?\n/)
    .filter((line) => line.includes(':') && !line.startsWith('#'))
    .map((line) => {
      const [user = '', hash = ''] = line.split(':');
      return [user.trim(), hash.trim()];
    });
}

function keysOf({ data }: Secret): Entry[] {
  return Object.entries(data ?? {}).map(([user, hash]) => [user, textOf(hash).trim()]);
}

function readUsers(entries: readonly Entry[]): ReadUsers {
  const crypt = new Map<string, string>();
  const scripted = new Map<string, ScriptedHash>();
  const unknown: string[] = [];
  for (const [user, hash] of entries) {
    if (crypt.has(user) || scripted.has(user)) continue;
    const byScript = scriptedHash(hash);
    if (!/^[!-~]{1,128}$/.test(user)) unknown.push(user.replaceAll(/[^!-~]/g, '?'));
    else if (isCryptHash(hash)) crypt.set(user, hash);
    else if (byScript) scripted.set(user, byScript);
    else unknown.push(user);
  }
  return { users: { crypt: [...crypt], scripted: [...scripted] }, unknown };
}

/**
 * Hashes that crypt(3) checks in a moment: the proxy answers nobody meanwhile. bcrypt to cost 10, SHA-crypt to 100,000
 * rounds.
 */
function isCryptHash(hash: string): boolean {
  const [, rounds] = /^\$[56]\$(?:rounds=(\d{4,6})\$)?[./A-Za-z0-9]{0,16}\$[./A-Za-z0-9]{43,86}$/.exec(hash) ?? [];
  if (rounds !== undefined) return Number(rounds) <= 100_000;
  return (
    /^\$5\$[./A-Za-z0-9]{0,16}\$[./A-Za-z0-9]{43}$/.test(hash) ||
    /^\$6\$[./A-Za-z0-9]{0,16}\$[./A-Za-z0-9]{86}$/.test(hash) ||
    /^\$1\$[./A-Za-z0-9]{0,8}\$[./A-Za-z0-9]{22}$/.test(hash) ||
    /^\$2[aby]\$(?:0[4-9]|10)\$[./A-Za-z0-9]{53}$/.test(hash)
  );
}

function scriptedHash(hash: string): ScriptedHash | undefined {
  const [, salt, digest] = /^\$apr1\$([./A-Za-z0-9]{1,8})\$([./A-Za-z0-9]{22})$/.exec(hash) ?? [];
  if (salt !== undefined && digest !== undefined) return { kind: 'apr1', salt, digest };
  const [, base64] = /^\{S?SHA\}([A-Za-z0-9+/]{27,}={0,2})$/.exec(hash) ?? [];
  if (base64 === undefined) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  const isSalted = hash.startsWith('{SSHA}');
  if (bytes.length < 20 || bytes.length > 84 || isSalted !== bytes.length > 20) return undefined;
  return { kind: 'sha1', digest: bytes.subarray(0, 20).toString('hex'), salt: bytes.subarray(20).toString('hex') };
}
