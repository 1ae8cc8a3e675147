import { readFileSync } from 'node:fs';

/** Time zones: offsets by ICU, which Node carries; abbreviations by the system's database, which only it has. */
export interface Zone {
  /** `UTC`, `Local`, or an IANA name; empty for a fixed offset. */
  readonly name: string;
  /** Seconds east of UTC, and the abbreviation, at a second since the epoch. */
  at(seconds: number): { readonly offset: number; readonly abbreviation: string };
}

export const utc: Zone = { name: 'UTC', at: () => ({ offset: 0, abbreviation: 'UTC' }) };

export function fixedZone(abbreviation: string, offset: number): Zone {
  return { name: '', at: () => ({ offset, abbreviation }) };
}

const known = new Map<string, Zone | undefined>();

/** time.LoadLocation; undefined for what is no zone. */
export function loadZone(name: string): Zone | undefined {
  if (name === '' || name === 'UTC') return utc;
  if (!known.has(name)) known.set(name, namedZone(name));
  return known.get(name);
}

export function localZone(): Zone {
  const zone = loadZone(new Intl.DateTimeFormat().resolvedOptions().timeZone) ?? utc;
  return { name: 'Local', at: (seconds) => zone.at(seconds) };
}

function namedZone(name: string): Zone | undefined {
  if (name === 'Local') return localZone();
  if (!/^[A-Za-z][\w+-]*(?:\/[\w+-]+)*$/.test(name)) return undefined;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  } catch {
    return undefined;
  }
  const abbreviations = readAbbreviations(name);
  return {
    name,
    at(seconds) {
      const date = new Date(seconds * 1000);
      const shown = format.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
      const [, sign, hours = '0', minutes = '0', rest = '0'] = /GMT([+-])(\d+):(\d+)(?::(\d+))?/.exec(shown) ?? [];
      const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);
      const offset = sign === '-' ? -size : size;
      return { offset, abbreviation: abbreviations(seconds, offset) ?? numericAbbreviation(offset) };
    },
  };
}

/** What the database calls a zone that has no name. */
function numericAbbreviation(offset: number): string {
  const size = Math.abs(offset);
  const hours = String(Math.floor(size / 3600)).padStart(2, '0');
  const minutes = size % 3600 === 0 ? '' : String(Math.floor(size / 60) % 60).padStart(2, '0');
  return (offset < 0 ? '-' : '+') + hours + minutes;
}

type Abbreviations = (seconds: number, offset: number) => string | undefined;

/** Reads a zone's abbreviations from its TZif file (RFC 8536); none when the system has no such file. */
function readAbbreviations(name: string): Abbreviations {
  let bytes: Buffer;
  try {
    bytes = readFileSync(`/usr/share/zoneinfo/${name}`);
  } catch {
    return () => undefined;
  }
  return parseTzif(bytes);
}

function parseTzif(bytes: Buffer): Abbreviations {
  if (bytes.toString('latin1', 0, 4) !== 'TZif') return () => undefined;
  const counts = (at: number): number[] => Array.from({ length: 6 }, (_, i) => bytes.readUInt32BE(at + 20 + 4 * i));
  const [utcCount = 0, wallCount = 0, leapCount = 0, timeCount = 0, typeCount = 0, charCount = 0] = counts(0);
  // The second header's data has times of eight bytes.
  const header = 44 + timeCount * 5 + typeCount * 6 + charCount + leapCount * 8 + wallCount + utcCount;
  const [, , , times = 0, types = 0, characters = 0] = counts(header);
  const start = header + 44;
  const typesAt = start + times * 9;
  const names = bytes.toString('latin1', typesAt + types * 6, typesAt + types * 6 + characters);
  const type = (i: number): { offset: number; abbreviation: string } => {
    const at = typesAt + i * 6;
    const from = bytes[at + 5] as number;
    return { offset: bytes.readInt32BE(at), abbreviation: names.slice(from, names.indexOf('\0', from)) };
  };
  return (seconds, offset) => {
    let best = types > 0 && type(0).offset === offset ? type(0).abbreviation : undefined;
    for (let i = 0; i < times; i++) {
      const found = type(bytes[start + times * 8 + i] as number);
      const isLater = Number(bytes.readBigInt64BE(start + i * 8)) > seconds;
      if (isLater && best !== undefined) break;
      if (found.offset === offset) best = found.abbreviation;
    }
    return best;
  };
}
