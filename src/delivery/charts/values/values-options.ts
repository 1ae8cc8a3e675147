import { isMap } from '../template/values.ts';
import type { Values } from '../chart/chart.ts';
import { mergeOver, readValues } from './read-values.ts';
import { setLiteral, setValues } from './set-values.ts';
import { ValuesError } from './values-error.ts';

/** What a user says about values, in the order in which each kind was said. */
export interface ValuesOptions {
  /** `-f`: paths, `-` for standard input, URLs. */
  files: readonly string[];
  set: readonly string[];
  setString: readonly string[];
  setJson: readonly string[];
  setFile: readonly string[];
  setLiteral: readonly string[];
}

/**
 * The user's values: files from the first to the last, then what is set one by one. `read` gives the text of a file, of
 * standard input or of a URL.
 */
export async function mergeUserValues(
  options: ValuesOptions,
  read: (path: string) => Promise<string>,
): Promise<Values> {
  let values: Values = {};
  for (const path of options.files) {
    const text = await read(path);
    values = mergeOver(
      values,
      orFail(`failed to parse ${path}`, () => readValues(text)),
    );
  }
  for (const text of options.setJson) {
    // A whole object, or `key=value` pairs.
    if (text.trim().startsWith('{'))
      values = mergeOver(
        values,
        orFail(`failed parsing --set-json data JSON`, () => object(text)),
      );
    else orFail('failed parsing --set-json data', () => setValues(values, text, { kind: 'json' }));
  }
  for (const text of options.set) orFail('failed parsing --set data', () => setValues(values, text, { kind: 'typed' }));
  for (const text of options.setString) {
    orFail('failed parsing --set-string data', () => setValues(values, text, { kind: 'string' }));
  }
  for (const text of options.setFile) await setFromFiles(values, text, read);
  for (const text of options.setLiteral) orFail('failed parsing --set-literal data', () => setLiteral(values, text));
  return values;
}

/** The files that `name=path` pairs name are read first, since the rest is no business of a waiting parser. */
async function setFromFiles(values: Values, text: string, read: (path: string) => Promise<string>): Promise<void> {
  const paths = new Set<string>();
  orFail('failed parsing --set-file data', () =>
    setValues({}, text, { kind: 'file', readFile: (path) => void paths.add(path) }),
  );
  const contents = new Map<string, string>();
  for (const path of paths) {
    const content = await read(path).catch((error: Error) => {
      throw new ValuesError(`failed parsing --set-file data: ${error.message}`, error);
    });
    contents.set(path, content);
  }
  setValues(values, text, { kind: 'file', readFile: (path) => contents.get(path) });
}

function object(text: string): Values {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own words quote the text, which may hold secrets.
    throw new Error('it is not valid JSON');
  }
  if (!isMap(value)) throw new Error('it is not an object');
  return value;
}

function orFail<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new ValuesError(`${what}: ${(error as Error).message}`, error);
  }
}
