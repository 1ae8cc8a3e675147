import { isJsonObject } from '../plain-json.ts';
import type { JSONSchemaProps } from '../types/apiextensions-v1.ts';

/**
 * One node of a structural schema (apiextensions' `schema.Structural`): the JSON schema of a custom resource's version
 * with its unions resolved, so that a value is walked beside it in one way only.
 */
export interface StructuralSchema {
  /** As the definition states it: value validations, texts, rules. */
  readonly props: JSONSchemaProps;
  /** '' where any type may stand (int-or-string, preserved fields). */
  readonly type: string;
  readonly properties: ReadonlyMap<string, StructuralSchema>;
  /** Of a map's values; true: of any kind. */
  readonly additional: StructuralSchema | true | undefined;
  readonly items: StructuralSchema | undefined;
  readonly preservesUnknown: boolean;
  readonly isEmbedded: boolean;
  /** Defaults are somewhere in it. */
  readonly hasDefaults: boolean;
  /** Lists with unique items, embedded objects or rules are somewhere in it. */
  readonly hasExtensions: boolean;
}

const noProperties: ReadonlyMap<string, StructuralSchema> = new Map();

/** Resolves a JSON schema that the rules for structural schemas have accepted. */
export function structuralSchema(props: JSONSchemaProps): StructuralSchema {
  const children: StructuralSchema[] = [];
  const child = (schema: JSONSchemaProps): StructuralSchema => {
    const node = structuralSchema(schema);
    children.push(node);
    return node;
  };
  const properties = props.properties
    ? new Map(Object.entries(props.properties).map(([name, schema]) => [name, child(schema)]))
    : noProperties;
  const more = props.additionalProperties;
  const additional = isJsonObject(more) ? child(more) : more === true ? true : undefined;
  const items = isJsonObject(props.items) ? child(props.items) : undefined;
  const isEmbedded = props['x-kubernetes-embedded-resource'] === true;
  const listType = props['x-kubernetes-list-type'];
  return {
    props,
    type: props.type ?? '',
    properties,
    additional,
    items,
    preservesUnknown: props['x-kubernetes-preserve-unknown-fields'] === true,
    isEmbedded,
    hasDefaults: props.default !== undefined || children.some((node) => node.hasDefaults),
    hasExtensions:
      isEmbedded ||
      listType === 'set' ||
      listType === 'map' ||
      (props['x-kubernetes-validations']?.length ?? 0) > 0 ||
      children.some((node) => node.hasExtensions),
  };
}

/** The schema of the value under `key` of a value of this schema; undefined where none is known. */
export function childSchema(schema: StructuralSchema | undefined, key: string): StructuralSchema | undefined {
  if (!schema) return undefined;
  const known = schema.properties.get(key);
  if (known) return known;
  return schema.additional === true ? undefined : schema.additional;
}

/** `spec.versions`, `spec["a b"]` … as upstream's messages name a property below a path. */
export function childPath(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
