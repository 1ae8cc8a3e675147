import { isIP } from 'node:net';
import { posix } from 'node:path';
import type { Mapping } from './tree.ts';

/** `host:container[/protocol]` and its kin, each port of a range for itself. `published` stays a text: it may be a range. */
export interface PortMapping {
  hostIp: string;
  /** '' lets the machine choose. */
  published: string;
  target: number;
  protocol: string;
}

/** Throws an Error whose message is a sentence when the text is no port. */
export function parsePort(text: string): PortMapping[] {
  const invalid = (why: string): Error => new Error(`invalid port "${text}": ${why}`);
  const slash = text.indexOf('/');
  const protocol = slash < 0 ? 'tcp' : text.slice(slash + 1).toLowerCase();
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw invalid(`unknown protocol ${protocol}`);
  const { hostIp, host, container } = splitPort(slash < 0 ? text : text.slice(0, slash));
  if (hostIp !== '' && isIP(hostIp) === 0) throw invalid(`invalid IP address: ${hostIp}`);
  if (isIP(hostIp) === 6 && !text.startsWith('[')) throw invalid(`an address like ${hostIp} stands in brackets`);
  if (container === '') throw invalid('no container port');
  const targets = portRange(container, invalid);
  const published = host === '' ? undefined : portRange(host, invalid);
  if (published && published.length !== targets.length && targets.length > 1) {
    throw invalid('the ranges of host and container ports differ in length');
  }
  return targets.map((target, index) => {
    // A range for one container port: any free port of it.
    const isChoice = published !== undefined && published.length > 1 && targets.length === 1;
    const port = isChoice ? host : published ? String(published[index]) : '';
    return { hostIp, published: port, target, protocol };
  });
}

/** `[ip:][host:]container`; an IPv6 address stands in brackets. */
function splitPort(text: string): { hostIp: string; host: string; container: string } {
  const last = text.lastIndexOf(':');
  if (last < 0) return { hostIp: '', host: '', container: text };
  const container = text.slice(last + 1);
  const rest = text.slice(0, last);
  const before = rest.lastIndexOf(':');
  if (before < 0) {
    // `127.0.0.1::80` has two colons; a lone address before one colon is an address all the same.
    return rest.includes('.') ? { hostIp: rest, host: '', container } : { hostIp: '', host: rest, container };
  }
  return { hostIp: rest.slice(0, before).replace(/^\[|\]$/g, ''), host: rest.slice(before + 1), container };
}

function portRange(text: string, invalid: (why: string) => Error): number[] {
  const [, first = '', , last] = /^(\d{1,5})(-(\d{1,5}))?$/.exec(text) ?? [];
  const start = Number(first);
  const end = last === undefined ? start : Number(last);
  if (first === '' || start < 0 || end > 65_535) throw invalid(`${text} is no port from 1 to 65535`);
  if (end < start) throw invalid(`the range ${text} runs backwards`);
  return Array.from({ length: end - start + 1 }, (_, i) => start + i);
}

/**
 * `[SOURCE:]TARGET[:MODE]` as the long form: a source that begins with a slash, a dot or a tilde is a path on the host,
 * another one a named volume. Throws an Error whose message is a sentence.
 */
export function parseVolume(text: string): Mapping {
  if (text.trim() === '') throw new Error('invalid empty volume spec');
  const parts = splitVolume(text);
  if (parts.some((part) => part === '')) throw new Error(`invalid spec: ${text}: empty section between colons`);
  if (parts.length > 3) throw new Error(`invalid spec: ${text}: too many colons`);
  if (parts.length === 1) return { type: 'volume', target: cleanTarget(text), volume: {} };
  const [source = '', target = '', mode = ''] = parts;
  const volume: Mapping =
    /^[./~]/.test(source) || isWindowsPath(source)
      ? { type: 'bind', source, target: cleanTarget(target), bind: { create_host_path: true } }
      : { type: 'volume', source, target: cleanTarget(target), volume: {} };
  for (const option of mode.split(',')) applyMode(volume, option);
  return volume;
}

/** `C:\\data`, `c:/data` or `\\\\.\\pipe\\name`. */
export function isWindowsPath(text: string): boolean {
  return /^(?:[a-z]:[\\/]|\\\\)/i.test(text);
}

/** A colon after a lone letter is a drive's where a backslash follows; before a slash, only where a target follows as well. */
function splitVolume(text: string): string[] {
  const isDrive = /^[a-z]:\/[^:]*:(?:\/|[a-z]:[\\/])/i.test(text);
  const [drive, rest] = isDrive ? [text.slice(0, 2), text.slice(2)] : ['', text];
  const [first = '', ...others] = rest.split(/(?<!(?:^|:)[a-z]):|:(?!\\)/i);
  return [drive + first, ...others];
}

const modes = /^(?:|r[ow]|nocopy|z|Z|r?(?:shared|slave|private)|cached|delegated|consistent)$/;

/** Options of a short mount that mean nothing: docker compose passes over them. */
export function unknownModes(text: string): string[] {
  const [, , mode = ''] = splitVolume(text);
  return mode.split(',').filter((option) => !modes.test(option));
}

function applyMode(volume: Mapping, option: string): void {
  const bind = volume.bind as Mapping | undefined;
  const named = volume.volume as Mapping | undefined;
  if (option === 'ro') volume.read_only = true;
  else if (option === 'nocopy' && named) named.nocopy = true;
  else if ((option === 'z' || option === 'Z') && bind) bind.selinux = option;
  else if (/^r?(?:shared|slave|private)$/.test(option) && bind) bind.propagation = option;
  else if (['cached', 'delegated', 'consistent'].includes(option)) volume.consistency = option;
}

/** A path without slashes and dots that say nothing. */
export function cleanTarget(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 ? clean.replace(/\/$/, '') : clean;
}

/** What is one piece of a word: an escaped character, a quotation of some kind, or a character. */
const wordPiece = /\\([^])|'([^']*)'|"((?:[^"\\]|\\[^])*)"|(`[^`]*`|\$\([^)]*\))|([^])/y;

/**
 * Splits a command line into words as Docker Compose does, without expanding anything: what the shell would do after
 * `;`, `&`, `|`, `<` or `>` is not there, as no shell runs the command. Throws an Error whose message is a sentence.
 */
export function shellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  const end = (): void => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  for (const [, escaped, single, double, command, character = ''] of piecesOf(text)) {
    const quoted = escaped ?? single ?? double?.replace(/\\([^])/g, '$1') ?? command;
    if (quoted !== undefined) word = (word ?? '') + quoted;
    else if (/\s/.test(character)) end();
    else if (';&|<>'.includes(character)) {
      // `2>`: the number is the redirection's.
      if (character === '>' && /^\d/.test(word ?? '')) word = undefined;
      break;
    } else if ('()\'"`\\'.includes(character)) {
      throw new Error(
        character === '\\' ? 'the command ends with a backslash' : `the command has a ${character} alone`,
      );
    } else word = (word ?? '') + character;
  }
  end();
  return words;
}

function* piecesOf(text: string): Generator<RegExpExecArray> {
  for (let at = 0; at < text.length;) {
    wordPiece.lastIndex = at;
    const piece = wordPiece.exec(text);
    if (!piece) return;
    yield piece;
    at += piece[0].length;
  }
}
