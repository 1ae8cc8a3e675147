import type { KindVersion, ResourceKind } from './kind.ts';
import { refTo, typeMetaTexts, type Dialect } from './open-api-schemas.ts';
import { isJsonObject, type JsonObject } from './plain-json.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** Types that the definitions of every custom resource refer to. */
export const customReferences = [`${meta}.ObjectMeta`, `${meta}.ListMeta`];

/** The definitions of a custom resource's version and of its list, by type name. */
export function customDefinitions(kind: ResourceKind, at: KindVersion, dialect: Dialect): [string, JsonObject][] {
  const { schema = { 'x-kubernetes-preserve-unknown-fields': true }, listKind } = at.custom ?? {};
  const own = described(schema as JsonObject, dialect);
  const properties = {
    ...typeMetaProperties(),
    ...(own.properties as JsonObject | undefined),
    metadata: { description: "The object's metadata.", ...reference(`${meta}.ObjectMeta`, dialect) },
  };
  const isOpen = dialect === 2 && (schema as JsonObject)['x-kubernetes-preserve-unknown-fields'] === true;
  // Clients that check by Swagger take properties for all that there is.
  const item = isOpen ? { type: 'object' } : { ...own, type: 'object', properties };
  const list = {
    description: `${listKind ?? `${kind.kind}List`} is a list of ${kind.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      ...typeMetaProperties(),
      items: { description: `The ${kind.plural}.`, type: 'array', items: refTo(at.type, dialect) },
      metadata: { description: "The list's metadata.", ...reference(`${meta}.ListMeta`, dialect) },
    },
  };
  return [
    [at.type, item],
    [`${at.type}List`, list],
  ];
}

function typeMetaProperties(): JsonObject {
  return Object.fromEntries(
    Object.entries(typeMetaTexts).map(([name, description]) => [name, { description, type: 'string' }]),
  );
}

function reference(type: string, dialect: Dialect): JsonObject {
  const ref = refTo(type, dialect);
  return dialect === 3 ? { allOf: [ref] } : ref;
}

const combinations = ['allOf', 'anyOf', 'oneOf', 'not', 'nullable'];

/** Swagger 2.0 has no way to say some things: what is left out there allows more, never less (KEP-95). */
function described(schema: JsonObject, dialect: Dialect): JsonObject {
  const isLoose =
    dialect === 2 &&
    (schema.nullable === true ||
      schema['x-kubernetes-int-or-string'] === true ||
      schema['x-kubernetes-preserve-unknown-fields'] === true);
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (dialect === 2 && (combinations.includes(key) || key === 'default')) continue;
    if (isLoose && ['type', 'items', 'properties', 'additionalProperties', 'required'].includes(key)) continue;
    if (key === 'properties' && isJsonObject(value)) {
      result.properties = Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, described(inner as JsonObject, dialect)]),
      );
    } else if ((key === 'items' || key === 'additionalProperties') && isJsonObject(value)) {
      result[key] = described(value, dialect);
    } else {
      result[key] = value;
    }
  }
  return result;
}
