import { isJsonObject } from '../plain-json.ts';
import { hasType, typeSchema, type FieldSchema } from '../schema.ts';
import type { JSONSchemaProps } from '../types/apiextensions-v1.ts';
import type { KindVersion } from '../kind.ts';

/**
 * How server-side apply divides a value between owners (KEP-555): a leaf has its owners as a whole, a map one set of
 * owners for each key, a list of type `set` or `map` one for each item.
 */
export type FieldShape = LeafShape | MapShape | ListShape;

interface LeafShape {
  kind: 'leaf';
}

export interface MapShape {
  kind: 'map';
  /** Undefined for a key that has no owners: what the server itself keeps. */
  child: (key: string) => FieldShape | undefined;
  /** A map of the user's own keys, which can itself be owned, and not a struct. */
  isOpen: boolean;
}

export interface ListShape {
  kind: 'list';
  /** The fields that tell items apart, by name; undefined for a set of scalars. */
  keys: readonly ListKey[] | undefined;
  item: FieldShape;
}

interface ListKey {
  name: string;
  /** What a missing key counts as. */
  standard: unknown;
}

const leaf: LeafShape = { kind: 'leaf' };

/** A value without a schema: maps are divided, lists are not. */
const deduced: MapShape = { kind: 'map', isOpen: true, child: () => deduced };

/** Structs that are replaced as a whole (`+structType=atomic`), by the last part of their name. */
const atomicTypes = new Set([
  'LabelSelector',
  'OwnerReference',
  'ConfigMapKeySelector',
  'SecretKeySelector',
  'FileKeySelector',
  'LocalObjectReference',
  'ObjectReference',
  'SecretReference',
  'TypedLocalObjectReference',
  'NodeSelector',
  'NodeSelectorTerm',
  'ObjectFieldSelector',
  'ResourceFieldSelector',
  'ScopeSelector',
  'TopologySelectorTerm',
  'EndpointAddress',
  'EndpointPort',
  'CrossVersionObjectReference',
  'RoleRef',
  'Subject',
  'ParamKind',
  'ParamRef',
  'NamedRuleWithOperations',
  'MatchResources',
  'ServiceBackendPort',
]);

/** Maps that are replaced as a whole (`+mapType=atomic`). */
const atomicMaps = new Set(['PodSpec nodeSelector', 'ServiceSpec selector', 'ReplicationControllerSpec selector']);

const shapes = new Map<string, FieldShape>();

function typeShape(type: string): FieldShape {
  const known = shapes.get(type);
  if (known) return known;
  const shape = structShape(type);
  shapes.set(type, shape);
  return shape;
}

function structShape(type: string): FieldShape {
  const name = type.slice(type.lastIndexOf('.') + 1);
  if (!hasType(type) || atomicTypes.has(name)) return leaf;
  const { fields } = typeSchema(type);
  const children = new Map<string, FieldShape>();
  return {
    kind: 'map',
    isOpen: false,
    child: (key) => {
      let shape = children.get(key);
      if (!shape) {
        const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
        shape = field ? fieldShape(field, `${name} ${key}`) : leaf;
        children.set(key, shape);
      }
      return shape;
    },
  };
}

function fieldShape(field: FieldSchema, place: string): FieldShape {
  if (field.atomic) return leaf;
  if (field.list) {
    if (field.list === 'atomic') return leaf;
    const item = valueShape(field.type);
    return { kind: 'list', keys: field.list === 'map' ? keysOf(field) : undefined, item };
  }
  if (!field.map) return valueShape(field.type);
  if (atomicMaps.has(place)) return leaf;
  const value = valueShape(field.type);
  return { kind: 'map', isOpen: true, child: () => value };
}

function keysOf({ keys = [], type }: FieldSchema): ListKey[] {
  const fields = hasType(type) ? typeSchema(type).fields : {};
  return keys.toSorted().map((name) => {
    const text = fields[name]?.default;
    return {
      name,
      standard: text === undefined || text.startsWith('ref(') ? undefined : (JSON.parse(text) as unknown),
    };
  });
}

function valueShape(type: string): FieldShape {
  if (type.includes('.')) return typeShape(type);
  return type === 'object' || type === 'any' ? deduced : leaf;
}

const customShapes = new WeakMap<JSONSchemaProps, FieldShape>();

function schemaShape(props: JSONSchemaProps): FieldShape {
  let shape = customShapes.get(props);
  if (!shape) customShapes.set(props, (shape = makeSchemaShape(props)));
  return shape;
}

function makeSchemaShape(props: JSONSchemaProps): FieldShape {
  if (props.type === 'array') {
    const listType = props['x-kubernetes-list-type'];
    if (listType !== 'map' && listType !== 'set') return leaf;
    const items: JSONSchemaProps = isJsonObject(props.items) ? props.items : {};
    const keys = props['x-kubernetes-list-map-keys']?.toSorted().map((name) => ({
      name,
      standard: items.properties?.[name]?.default,
    }));
    return { kind: 'list', keys: listType === 'map' ? keys : undefined, item: schemaShape(items) };
  }
  const isAtomic = props['x-kubernetes-map-type'] === 'atomic' || props['x-kubernetes-int-or-string'];
  if (isAtomic) return leaf;
  const preserves = props['x-kubernetes-preserve-unknown-fields'] === true;
  if (props.type !== 'object') return preserves ? deduced : leaf;
  const { properties, additionalProperties: more } = props;
  const others = isJsonObject(more) ? schemaShape(more) : deduced;
  return {
    kind: 'map',
    isOpen: properties === undefined,
    child: (key) => {
      const property = properties && Object.hasOwn(properties, key) ? properties[key] : undefined;
      return property ? schemaShape(property) : others;
    },
  };
}

const metaType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
/** Metadata that nobody owns. */
const serverFields = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'generation',
  'managedFields',
  'resourceVersion',
]);

const metaShape: MapShape = {
  kind: 'map',
  isOpen: false,
  child: (key) => (serverFields.has(key) ? undefined : (typeShape(metaType) as MapShape).child(key)),
};

const roots = new WeakMap<KindVersion, Map<string, MapShape>>();

/**
 * The shape of a whole object. `part` says which of its fields a request writes: of a kind with a status subresource
 * everything but the status, or the status alone.
 */
export function objectShape(version: KindVersion, part: 'all' | 'main' | 'status'): MapShape {
  let parts = roots.get(version);
  if (!parts) roots.set(version, (parts = new Map()));
  let shape = parts.get(part);
  if (!shape) parts.set(part, (shape = rootShape(version, part)));
  return shape;
}

function rootShape({ type, custom }: KindVersion, part: 'all' | 'main' | 'status'): MapShape {
  const own = custom ? (custom.schema ? schemaShape(custom.schema) : deduced) : typeShape(type);
  const child = own.kind === 'map' ? own.child : () => deduced;
  return {
    kind: 'map',
    isOpen: false,
    child: (key) => {
      if (key === 'apiVersion' || key === 'kind') return undefined;
      if (key === 'metadata') return metaShape;
      if (part !== 'all' && (key === 'status') !== (part === 'status')) return undefined;
      return child(key);
    },
  };
}
