import { decodeObject, type FieldValidation } from '../decode.ts';
import type { AnyObject } from '../object.ts';
import { cloneJson, isJsonObject, type JsonObject, setKey } from '../plain-json.ts';
import { ApiError, isApiError } from '../status.ts';
import { childPath, childSchema, type StructuralSchema } from './structural-schema.ts';

const metaType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const metaFields = ['apiVersion', 'kind', 'metadata'];
const reportLimit = 100;

/**
 * Fits a parsed JSON value to the schema of a custom resource's version, in place, as apiextensions does: metadata
 * becomes object metadata, fields that the schema does not know go, nulls that mean nothing go.
 * `problems` names what went, as strict field validation words it. Throws BadRequest for what is no object at all.
 */
export function decodeCustomObject(
  raw: unknown,
  { schema, mode, as }: { schema: StructuralSchema; mode: FieldValidation; as: { kind: string; version: string } },
): { object: AnyObject; problems: string[] } {
  if (!isJsonObject(raw)) throw misfit(as, 'json: cannot unmarshal into Go value of type map[string]interface {}');
  const problems: string[] = [];
  const report = (path: string): void => {
    if (mode !== 'Ignore' && problems.length < reportLimit) problems.push(`unknown field ${JSON.stringify(path)}`);
  };
  for (const field of ['apiVersion', 'kind']) {
    if (raw[field] !== undefined && typeof raw[field] !== 'string') throw misfit(as, `${field} must be a string`);
  }
  if (raw.metadata === null) delete raw.metadata;
  if (raw.metadata !== undefined) decodeMetadata(raw.metadata, { mode, as, report, path: 'metadata' });
  prune(raw, schema, { path: '', isRoot: true, report, mode, as });
  dropNulls(raw, schema);
  return { object: raw as AnyObject, problems };
}

/** A stored object as this version shows it: fields that its schema does not know go, its defaults come in. In place. */
export function fitStored(object: AnyObject, schema: StructuralSchema): void {
  const as = { kind: object.kind ?? '', version: '' };
  prune(object, schema, { path: '', isRoot: true, report: () => {}, mode: 'Ignore', as });
  applyDefaults(object, schema);
}

interface Walk {
  path: string;
  /** Of an object with type and metadata: the whole, or one that is embedded. */
  isRoot: boolean;
  report: (path: string) => void;
  mode: FieldValidation;
  as: { kind: string; version: string };
}

function prune(value: unknown, schema: StructuralSchema | undefined, walk: Walk): void {
  const { path, isRoot, report } = walk;
  if (Array.isArray(value)) {
    value.forEach((item, i) => descend(item, schema?.items, { ...walk, path: `${path}[${i}]` }));
    return;
  }
  if (!isJsonObject(value)) return;
  if (isRoot && path !== '' && isJsonObject(value.metadata)) {
    decodeMetadata(value.metadata, { ...walk, path: `${path}.metadata` });
  }
  for (const key in value) {
    if (isRoot && metaFields.includes(key)) continue;
    const known = schema?.properties.get(key);
    const at = { ...walk, path: childPath(path, key) };
    if (known) {
      descend(value[key], known, at);
    } else if (schema?.additional !== undefined) {
      descend(value[key], schema.additional === true ? undefined : schema.additional, at);
    } else if (schema?.preservesUnknown !== true) {
      report(at.path);
      delete value[key];
    }
  }
}

/** Below preserved fields nothing is removed, but where the schema goes on. */
function descend(value: unknown, schema: StructuralSchema | undefined, walk: Walk): void {
  prune(value, schema, { ...walk, isRoot: schema?.isEmbedded === true });
}

function decodeMetadata(metadata: unknown, walk: Pick<Walk, 'mode' | 'as' | 'report' | 'path'>): void {
  if (!isJsonObject(metadata)) throw misfit(walk.as, `${walk.path} must be an object`);
  for (const field of ['apiVersion', 'kind']) delete metadata[field];
  try {
    for (const problem of decodeObject(metadata, metaType, walk.mode).problems) {
      walk.report(`${walk.path}.${JSON.parse(problem.slice('unknown field '.length)) as string}`);
    }
  } catch (error) {
    if (!isApiError(error, 'BadRequest')) throw error;
    throw misfit(walk.as, error.message.slice(error.message.indexOf(': ') + 2));
  }
}

function misfit({ kind, version }: { kind: string; version: string }, reason: string): ApiError {
  const text = `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${reason}`;
  return ApiError.of('BadRequest', text);
}

/** Fills in defaults, in place (apiextensions' defaulting): also for a null where null is not allowed. */
export function applyDefaults(value: unknown, schema: StructuralSchema): void {
  if (!schema.hasDefaults) return;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return;
    for (let i = 0; i < value.length; i++) {
      if (value[i] === null && items.props.default !== undefined && !items.props.nullable) {
        value[i] = cloneJson(items.props.default);
      }
      applyDefaults(value[i], items);
    }
    return;
  }
  if (!isJsonObject(value)) return;
  for (const [key, { props }] of schema.properties) {
    const isMissing = !Object.hasOwn(value, key) || (value[key] === null && !props.nullable);
    if (!isMissing) continue;
    if (props.default !== undefined) setKey(value, key, cloneJson(props.default));
    else if (value[key] === null) delete value[key];
  }
  for (const key in value) {
    const child = childSchema(schema, key);
    if (!child) continue;
    if (value[key] === null && !child.props.nullable && child.props.default !== undefined) {
      value[key] = cloneJson(child.props.default);
    }
    applyDefaults(value[key], child);
  }
}

/** Nulls where the schema has a property that may not be null are as good as no field. */
function dropNulls(value: unknown, schema: StructuralSchema): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) dropNulls(item, schema.items);
  } else if (isJsonObject(value)) {
    dropNullFields(value, schema);
  }
}

function dropNullFields(value: JsonObject, schema: StructuralSchema): void {
  for (const key in value) {
    const property = schema.properties.get(key);
    if (value[key] === null && property && !property.props.nullable) {
      delete value[key];
      continue;
    }
    const child = property ?? childSchema(schema, key);
    if (child) dropNulls(value[key], child);
  }
}
