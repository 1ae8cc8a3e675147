import { parseBody } from '../../api/body.ts';
import type { AnyObject } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import { ManifestError } from './errors.ts';

/** One object of a manifest, and where it stands. */
export interface Manifest {
  object: AnyObject;
  /** The file, or whatever the text came from: `templates/web.yaml`. */
  source: string;
  /** Line (from 1) where the object's document begins. */
  line: number;
}

/** One document of a YAML stream, not parsed yet. */
export interface YamlDocument {
  text: string;
  /** Line (from 1) of its first line that says something. */
  line: number;
}

/** Larger texts are nobody's manifest: an API server refuses objects of more than 1.5 MiB (etcd's limit). */
const maxLength = 256 * 1024 * 1024;
const maxObjects = 100_000;

/**
 * Reads a manifest: YAML or JSON, one document or many, `List`s flattened. Documents end at lines that begin with
 * `---`, as the API machinery's own reader has it. Documents without content count for nothing.
 * @throws ManifestError with source and line: malformed text, aliases or nesting beyond reason, no apiVersion or kind
 */
export function parseManifests(text: string, source: string): Manifest[] {
  if (text.length > maxLength) throw new ManifestError(source, 1, `is larger than ${maxLength / 2 ** 20} MiB`);
  const found: Manifest[] = [];
  for (const document of splitDocuments(text)) {
    for (const object of flatten(parseDocument(document, source), document.line, source)) {
      found.push({ object, source, line: document.line });
      if (found.length > maxObjects) throw new ManifestError(source, document.line, `more than ${maxObjects} objects`);
    }
  }
  return found;
}

/** The documents of a YAML stream that hold more than comments. */
export function splitDocuments(text: string): YamlDocument[] {
  const documents: YamlDocument[] = [];
  let line = 1;
  for (const part of text.split(/^---(?=\s|$)[^\S\n]*(?:#[^\n]*)?/m)) {
    const blank = /^(?:[^\S\n]*(?:#[^\n]*)?\n|%[^\n]*\n)*/.exec(part)?.[0] ?? '';
    const rest = part.slice(blank.length);
    if (!/^\s*(?:#.*|\.\.\.\s*)?$/.test(rest)) {
      documents.push({ text: part, line: line + blank.split('\n').length - 1 });
    }
    line += part.split('\n').length - 1;
  }
  return documents;
}

function parseDocument({ text, line }: YamlDocument, source: string): unknown {
  try {
    return parseBody(Buffer.from(text), 'application/yaml', 'Ignore').value;
  } catch (error) {
    const { message } = error as Error;
    const inside = /line (\d+): /.exec(message);
    const blank = /^(?:[^\S\n]*(?:#[^\n]*)?\n)*/.exec(text)?.[0].split('\n').length ?? 1;
    const at = inside ? line + Number(inside[1]) - blank : line;
    throw new ManifestError(source, at, message.replace(/line \d+: /, '').replace(/^couldn't get version\/kind; /, ''));
  }
}

function flatten(value: unknown, line: number, source: string): AnyObject[] {
  if (value === null || value === undefined) return [];
  if (!isJsonObject(value)) throw new ManifestError(source, line, 'is not an object');
  const { apiVersion, kind, items } = value;
  if (typeof kind !== 'string' || kind === '') throw new ManifestError(source, line, 'kind is not set');
  if (typeof apiVersion !== 'string' || apiVersion === '') {
    throw new ManifestError(source, line, `apiVersion of this ${kind} is not set`);
  }
  if (kind.endsWith('List') && Array.isArray(items)) {
    const inner = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
    return items.flatMap((item) => flatten(isJsonObject(item) ? { ...inner, ...item } : item, line, source));
  }
  const metadata = value['metadata'] ?? {};
  if (!isJsonObject(metadata)) throw new ManifestError(source, line, `metadata of this ${kind} is not an object`);
  return [{ ...value, metadata }];
}
