import { isScalar, parseDocument, visit, type Document } from 'yaml';
import { TooDeep, countKeys, countKeysInText, duplicateKeys, syntaxProblem } from './json-syntax.ts';
import { ApiError } from './status.ts';

/** How a request wants unknown and duplicate fields treated (`fieldValidation`); the API's default is `Warn`. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface ParsedBody {
  /** Plain JSON values that nobody else holds. */
  value: unknown;
  /** `duplicate field "spec.replicas"`; looked for unless the mode is `Ignore`. */
  duplicates: string[];
}

/** Upstream allows 10,000 levels; no real document has a hundred, and every walk here may recurse. */
const depthLimit = 1000;
const aliasLimit = 100;

/**
 * Parses a request's body, JSON or YAML as `contentType` says. Throws BadRequest in upstream's words for malformed
 * text; a content type that is neither is the caller's to refuse.
 */
export function parseBody(bytes: Uint8Array, contentType: string, mode: FieldValidation): ParsedBody {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return contentType.includes('yaml') ? parseYaml(text, mode) : parseJson(text, mode);
}

function parseJson(text: string, mode: FieldValidation): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw ApiError.of('BadRequest', `couldn't get version/kind; json parse error: ${syntaxProblem(text)}`);
  }
  const keys = checkDepth(value);
  const duplicates = mode !== 'Ignore' && countKeysInText(text) !== keys ? duplicateKeys(text) : [];
  return { value, duplicates: duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`) };
}

function checkDepth(value: unknown): number {
  try {
    return countKeys(value, depthLimit);
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    throw ApiError.of('BadRequest', "couldn't get version/kind; json parse error: exceeded max depth");
  }
}

/** YAML 1.1, as Go's sigs.k8s.io/yaml reads it: `yes` and `on` are booleans, a time is a string. */
function parseYaml(text: string, mode: FieldValidation): ParsedBody {
  // A body of JSON is YAML too (server-side apply sends it so), and quicker read as JSON.
  if (/^\s*\{/.test(text) && isJson(text)) return parseJson(text, mode);
  try {
    const document = parseDocument(text, {
      version: '1.1',
      merge: true,
      uniqueKeys: false,
      prettyErrors: false,
      customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !/timestamp|binary/.test(tag.tag)),
    });
    const [problem] = document.errors;
    if (problem) throw new Error(`${lineOf(text, problem.pos[0])}${problem.message}`);
    const value: unknown = document.toJS({ maxAliasCount: aliasLimit });
    checkDepth(value);
    return { value: value ?? null, duplicates: mode === 'Ignore' ? [] : duplicatesInYaml(document, text) };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const reason = error instanceof RangeError ? 'exceeded max depth' : (error as Error).message;
    throw ApiError.of('BadRequest', `error converting YAML to JSON: yaml: ${reason}`);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function lineOf(text: string, offset: number): string {
  return `line ${text.slice(0, offset).split('\n').length}: `;
}

function duplicatesInYaml(document: Document.Parsed, text: string): string[] {
  const found: string[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name)) {
          found.push(`${lineOf(text, key.range?.[0] ?? 0)}key ${JSON.stringify(name)} already set in map`);
        }
        seen.add(name);
      }
    },
  });
  return found.length === 0 ? [] : [`yaml: unmarshal errors:\n  ${found.join('\n  ')}`];
}
