import { isJsonObject } from '../../api/plain-json.ts';

/** `spec/template/metadata/labels`; `[]` behind a field: in each item of a list. */
export type FieldPath = string;

/**
 * The value with what is at a path replaced by `change(what is there)`; undefined is what is not there, and stays so
 * when `change` gives it back. Paths that lead through something else than objects and lists end there. Pure.
 */
export function changeField(value: unknown, path: FieldPath, change: (found: unknown) => unknown): unknown {
  return changeParts(value, path.split('/'), change);
}

function changeParts(value: unknown, parts: readonly string[], change: (found: unknown) => unknown): unknown {
  const [part, ...rest] = parts;
  if (part === undefined) return change(value);
  if (value !== undefined && !isJsonObject(value)) return value;
  const isList = part.endsWith('[]');
  const key = isList ? part.slice(0, -2) : part;
  const inner = value?.[key];
  if (isList) {
    if (!Array.isArray(inner)) return value;
    return { ...value, [key]: inner.map((item) => changeParts(item, rest, change)) };
  }
  const made = changeParts(inner, rest, change);
  return made === inner ? value : { ...value, [key]: made };
}

/** Adds to a mapping, which is made where there is none and `create` says so. */
export function adding(pairs: Readonly<Record<string, string>>, create: boolean): (found: unknown) => unknown {
  return (found) => {
    if (found === undefined || found === null) return create ? { ...pairs } : found;
    return isJsonObject(found) ? { ...found, ...pairs } : found;
  };
}
