import type { JsonPath } from '../../api/json-path.ts';
import { printText } from '../charts/template/format.ts';
import { compileRelaxedPath } from './json-path-template.ts';

export interface CustomColumns {
  header: string[];
  row: (object: unknown) => string[];
}

/** `NAME:.metadata.name,IMAGE:.spec.containers[*].image`, as `kubectl get -o custom-columns` has it. Throws Error. */
export function parseCustomColumns(text: string): CustomColumns {
  if (text.trim() === '') throw new Error('custom-columns format specified but no custom columns given');
  return columnsOf(
    divided(text).map((part) => {
      const colon = part.indexOf(':');
      if (colon <= 0) throw new Error(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`);
      return [part.slice(0, colon), part.slice(colon + 1)];
    }),
  );
}

/** The form of a file: one line of headers above one of paths. */
export function parseCustomColumnsFile(text: string): CustomColumns {
  const [headers = '', paths = ''] = text.split('\n');
  const names = headers.trim().split(/\s+/);
  const specs = paths.trim().split(/\s+/);
  if (names.length !== specs.length)
    throw new Error(`number of headers (${names.length}) and field specifications (${specs.length}) don't match`);
  return columnsOf(names.map((name, i) => [name, specs[i] ?? '']));
}

function columnsOf(columns: readonly (readonly [string, string])[]): CustomColumns {
  const paths = columns.map(([, path]): JsonPath => compileRelaxedPath(path));
  return {
    header: columns.map(([name]) => name),
    row: (object) =>
      paths.map((path) => {
        const values = path(object);
        return values.length === 0
          ? '<none>'
          : values.map((value) => (value === null ? '<nil>' : printText(value))).join(',');
      }),
  };
}

/** Commas inside brackets and quotes belong to a path. */
function divided(text: string): string[] {
  return text.split(/,(?![^[]*\])(?=(?:[^"']|"[^"]*"|'[^']*')*$)/);
}
