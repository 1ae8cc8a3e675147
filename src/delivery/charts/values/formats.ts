import type { Ajv } from 'ajv';
import { isIPv4, isIPv6 } from 'node:net';
import { isUrl } from '../functions/urls.ts';

/** Formats that the library checks as Helm's does. */
const shared = [
  ...(['date', 'time', 'date-time', 'duration', 'uri-template'] as const),
  ...(['hostname', 'ipv4', 'ipv6', 'json-pointer', 'relative-json-pointer'] as const),
];

/**
 * The formats that Helm's JSON Schema library asserts (drafts 4 to 7; github.com/santhosh-tekuri/jsonschema, v6). All
 * others, such as `int32`, are annotations.
 */
export async function addFormats(ajv: Ajv, isPattern: (text: string) => boolean): Promise<void> {
  const { default: library } = await import('ajv-formats');
  library.default(ajv, [...shared]);
  ajv.addFormat('email', isEmail);
  ajv.addFormat('regex', isPattern);
  ajv.addFormat('uuid', /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i);
  for (const name of ['uri', 'iri']) ajv.addFormat(name, (text: string) => isUrl(text, { isAbsolute: true }));
  for (const name of ['uri-reference', 'iri-reference']) {
    ajv.addFormat(name, (text: string) => !text.includes('\\') && isUrl(text, { isAbsolute: false }));
  }
}

const quotedLocal = /^"[^"\\]*"$/;
const plainLocal = /^[\w.!#$%&'*+/=?^`{|}~-]*$/;
const label = /^(?!-)[A-Za-z\d-]{1,63}(?<!-)$/;
const maxEmail = 254;
const maxLocal = 64;
const maxHost = 253;

/** An address whose domain is any host name, with or without dots, or an IP address in brackets. */
function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at);
  if (at < 0 || text.length > maxEmail || local.length > maxLocal) return false;
  const isDotted = /^\.|\.\.|\.$/.test(local);
  if (!quotedLocal.test(local) && (isDotted || !plainLocal.test(local))) return false;
  const domain = text.slice(at + 1);
  const [, bracketed] = /^\[(.*)\]$/.exec(domain) ?? [];
  if (bracketed === undefined) return isHost(domain);
  return bracketed.startsWith('IPv6:') ? isIPv6(bracketed.slice('IPv6:'.length)) : isIPv4(bracketed);
}

function isHost(text: string): boolean {
  const name = text.replace(/\.$/, '');
  return name.length <= maxHost && name.split('.').every((part) => label.test(part));
}
