import generated from './generated/schema.json' with { type: 'json' };
import { assert } from '../base/assert.ts';

/** One type of the API as data: see `scripts/generate-api.mjs` for where the facts come from. */
export interface TypeSchema {
  /** Set for types that carry `apiVersion` and `kind`. */
  readonly root?: 'object' | 'list';
  readonly fields: Readonly<Record<string, FieldSchema>>;
}

export interface FieldSchema {
  /**
   * `string`, `int32`, `int64`, `double`, `bool`, `bytes` (base64), `time`, `microTime`, `duration`, `quantity`,
   * `intOrString`, `object` (free-form), `stringList` (a named list of strings), `any`, or another type's name.
   */
  readonly type: string;
  /** A list, with how server-side apply merges it; `type` is the item's. */
  readonly list?: 'atomic' | 'set' | 'map';
  /** A map from strings; `type` is the value's. */
  readonly map?: true;
  /** Keys of a `map` list. */
  readonly keys?: readonly string[];
  /** Strategic merge patch: `merge`, `replace`, `retainKeys`, `merge,retainKeys`. */
  readonly patch?: string;
  readonly mergeKey?: string;
  readonly required?: true;
  /** Zero (`""`, 0, false) means the same as no field: upstream never writes it. Only on optional scalars. */
  readonly omitZero?: true;
  /** JSON text, or `ref(Constant)` where the API names a constant. */
  readonly default?: string;
  /** Server-side apply replaces the struct as a whole. */
  readonly atomic?: true;
  /** For `any`: which union of a custom resource's schema it is; each has a protobuf message of its own. */
  readonly union?: 'JSON' | 'JSONSchemaPropsOrArray' | 'JSONSchemaPropsOrBool' | 'JSONSchemaPropsOrStringArray';
  /** Protobuf field number; a path of numbers for a field of an embedded message. */
  readonly proto: number | readonly number[];
}

const types = generated as unknown as Readonly<Record<string, TypeSchema>>;

/** Looks up a type by its full name, `io.k8s.api.apps.v1.Deployment`; an unknown name is a bug. */
export function typeSchema(type: string): TypeSchema {
  const found = Object.hasOwn(types, type) ? types[type] : undefined;
  assert(found, `unknown type ${type}`);
  return found;
}

export function hasType(type: string): boolean {
  return Object.hasOwn(types, type);
}
