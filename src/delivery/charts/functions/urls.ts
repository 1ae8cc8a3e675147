import { encodeBytes, decodeBytes } from '../template/bytes.ts';
import { goFunction, type FunctionMap } from '../template/function.ts';
import { quote } from '../template/quote.ts';
import { emptyMap, kindOf, type GoMap } from '../template/values.ts';

/** Go's net/url: parsed loosely, and put together again as it was. */

interface Url {
  scheme: string;
  opaque: string;
  /** Name and, perhaps, password, as they are written. */
  userinfo: string | undefined;
  host: string;
  path: string;
  /** As it was written, when it could be written in other ways. */
  rawPath: string;
  query: string;
  fragment: string;
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** @throws Error in net/url's words, but without the URL: it may hold a password */
function parse(text: string): Url {
  const [withoutFragment, fragment = ''] = cut(text, '#');
  if (Array.from(withoutFragment).some((c) => c < ' ' || c === '\x7f'))
    throw new Error('net/url: invalid control character in URL');
  const { scheme, rest: afterScheme } = splitScheme(withoutFragment);
  const [rest, query = ''] = cut(afterScheme, '?');
  const url: Url = { scheme, opaque: '', userinfo: undefined, host: '', path: '', rawPath: '', query, fragment: '' };
  url.fragment = unescape(fragment);
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { ...url, opaque: rest };
    if ((rest.split('/')[0] ?? '').includes(':')) throw new Error('first path segment in URL cannot contain colon');
  }
  let path = rest;
  if ((scheme !== '' || !rest.startsWith('///')) && rest.startsWith('//')) {
    const [authority, after] = cut(rest.slice(2), '/');
    path = after === undefined ? '' : `/${after}`;
    Object.assign(url, parseAuthority(authority));
  }
  url.path = unescape(path);
  url.rawPath = path === escapePath(url.path) ? '' : path;
  return url;
}

/** Whether Go takes a text for a URL. */
export function isUrl(text: string, { isAbsolute }: { isAbsolute: boolean }): boolean {
  try {
    return parse(text).scheme !== '' || !isAbsolute;
  } catch {
    return false;
  }
}

function splitScheme(text: string): { scheme: string; rest: string } {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text);
  if (match?.[1] !== undefined) return { scheme: match[1].toLowerCase(), rest: text.slice(match[0].length) };
  if (text.startsWith(':')) throw new Error('missing protocol scheme');
  return { scheme: '', rest: text };
}

function parseAuthority(authority: string): Pick<Url, 'host' | 'userinfo'> {
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const userinfo = at < 0 ? undefined : authority.slice(0, at);
  if (userinfo !== undefined && !/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(userinfo)) {
    throw new Error('net/url: invalid userinfo');
  }
  const port = host.startsWith('[') ? host.slice(host.lastIndexOf(']') + 1) : (/:[^:]*$/.exec(host)?.[0] ?? '');
  if (host.startsWith('[') && !host.includes(']')) throw new Error("missing ']' in host");
  if (!/^(?::\d*)?$/.test(port)) throw new Error(`invalid port ${quote(port)} after host`);
  const bad = /[^A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"%\x80-\uffff]/.exec(host);
  if (bad) throw new Error(`invalid character ${quote(bad[0])} in host name`);
  return { host: unescape(host), userinfo };
}

function unescape(text: string): string {
  if (!text.includes('%')) return text;
  const wrong = /%(?![\da-fA-F]{2}).{0,2}/su.exec(text);
  if (wrong) throw new Error(`invalid URL escape ${quote(wrong[0])}`);
  const bytes = encodeBytes(
    text.replace(/%([\da-fA-F]{2})/g, (_, hex: string) => byteCharacter(Number.parseInt(hex, 16))),
  );
  return decodeBytes(bytes);
}

/** A byte as bytes.ts writes one that stands alone. */
function byteCharacter(byte: number): string {
  return byte < 0x80 ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte);
}

function escape(text: string, allowed: RegExp): string {
  let out = '';
  for (const byte of encodeBytes(text)) {
    const c = String.fromCharCode(byte);
    out += byte < 0x80 && allowed.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

function escapePath(path: string): string {
  return escape(path, /[\w.~$&+,/:;=@!'()*-]/);
}

function compose(url: Url): string {
  let out = url.scheme === '' ? '' : `${url.scheme}:`;
  if (url.opaque !== '') out += url.opaque;
  else {
    const hasAuthority = url.scheme !== '' || url.host !== '' || url.userinfo !== undefined;
    if (hasAuthority && (url.host !== '' || url.path !== '' || url.userinfo !== undefined)) out += '//';
    if (url.userinfo !== undefined) out += `${userText(url.userinfo)}@`;
    out += escape(url.host, /[\w.~!$&'()*+,;=:[\]<>"-]/);
    const path = url.rawPath !== '' && unescape(url.rawPath) === url.path ? url.rawPath : escapePath(url.path);
    if (path !== '' && !path.startsWith('/') && url.host !== '') out += '/';
    if (out === '' && (path.split('/')[0] ?? '').includes(':')) out += './';
    out += path;
  }
  if (url.query !== '') out += `?${url.query}`;
  return url.fragment === '' ? out : `${out}#${escape(url.fragment, /[\w.~$&+,/:;=?@!()*'-]/)}`;
}

/** Userinfo as net/url writes it back. */
function userText(userinfo: string): string {
  const [name, password] = cut(userinfo, ':');
  const written = (part: string): string => escape(unescape(part), /[\w.~$&+,;=!*'()-]/);
  return password === undefined ? written(name) : `${written(name)}:${written(password)}`;
}

function hostname(host: string): string {
  const bracketed = /^\[(.*)\](?::\d*)?$/.exec(host);
  return bracketed?.[1] ?? host.replace(/:\d*$/, '');
}

function urlParse(text: string): GoMap {
  let url: Url;
  try {
    url = parse(text);
  } catch (error) {
    throw new Error(`unable to parse url: ${(error as Error).message}`, { cause: error });
  }
  const { scheme, host, path, query, opaque, fragment } = url;
  const userinfo = url.userinfo === undefined ? '' : userText(url.userinfo);
  const map = { scheme, host, hostname: hostname(host), path, query, opaque, fragment, userinfo };
  return Object.assign(emptyMap(), map);
}

function textIn(map: GoMap, key: string): string {
  if (!Object.hasOwn(map, key)) return '';
  const value = map[key];
  if (typeof value === 'string') return value;
  throw new Error(`unable to parse ${key} key, must be of type string, but ${kindOf(value)} found`);
}

function urlJoin(map: GoMap): string {
  const userinfo = textIn(map, 'userinfo');
  return compose({
    scheme: textIn(map, 'scheme'),
    host: textIn(map, 'host'),
    path: textIn(map, 'path'),
    rawPath: '',
    query: textIn(map, 'query'),
    opaque: textIn(map, 'opaque'),
    fragment: textIn(map, 'fragment'),
    userinfo: userinfo === '' ? undefined : userinfo,
  });
}

export const urlFunctions: FunctionMap = {
  urlParse: goFunction(['string'], urlParse),
  urlJoin: goFunction(['map'], (map) => urlJoin(map ?? emptyMap())),
};
