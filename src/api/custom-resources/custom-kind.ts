import { compileJsonPath } from '../json-path.ts';
import { invalidValue, required } from '../field-errors.ts';
import { statusSubresource, scaleSubresource, keep } from '../kinds/define-kind.ts';
import type { KindVersion, ResourceKind, Subresource } from '../kind.ts';
import { apiVersionOf, type AnyObject } from '../object.ts';
import { validateObjectMeta } from '../object-meta.ts';
import { isJsonObject } from '../plain-json.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
  JSONSchemaProps,
} from '../types/apiextensions-v1.ts';
import { ApiError } from '../status.ts';
import type { ObjectMeta, StatusCause } from '../types/meta-v1.ts';
import { checkRules } from './cel-rules.ts';
import { customColumns } from './custom-columns.ts';
import { applyDefaults, decodeCustomObject, fitStored } from './custom-decode.ts';
import { childPath, childSchema, structuralSchema, type StructuralSchema } from './structural-schema.ts';
import { duplicateItems, validateValue } from './validate-value.ts';

/** A custom kind in one served version. */
export interface CustomKind {
  kind: ResourceKind;
  version: KindVersion;
  storageApiVersion: string;
  /** Whatever is stored can be sent for this version as it is. */
  isStorageVersion: boolean;
}

/** The kinds that a definition stands for, one for each version it serves; what they need is made when first used. */
export function customKinds(definition: CustomResourceDefinition): CustomKind[] {
  const { spec, status } = definition;
  const storage = spec.versions.find((version) => version.storage);
  const stored = status?.storedVersions ?? [];
  return spec.versions
    .filter(({ served }) => served)
    .map((version) => {
      const custom = customVersion(definition, version);
      return {
        ...custom,
        storageApiVersion: apiVersionOf(spec.group, storage?.name ?? version.name),
        // Objects that were stored as another version, or before a default was added, have to be fitted first.
        isStorageVersion: version.storage && stored.length === 1 && !hasDefaults(version.schema?.openAPIV3Schema),
      };
    });
}

function hasDefaults(schema: JSONSchemaProps | undefined): boolean {
  return schema !== undefined && structuralSchema(schema).hasDefaults;
}

function customVersion(
  definition: CustomResourceDefinition,
  own: CustomResourceDefinitionVersion,
): Pick<CustomKind, 'kind' | 'version'> {
  const { spec, status } = definition;
  const names = status?.acceptedNames?.plural ? status.acceptedNames : spec.names;
  const props = own.schema?.openAPIV3Schema;
  let compiled: StructuralSchema | undefined;
  const schema = (): StructuralSchema => (compiled ??= structuralSchema(rootSchema(props, spec.preserveUnknownFields)));
  const as = { kind: names.kind, version: own.name };
  /** What a webhook made of an object was judged before, in the version that it came in. */
  const isConverted = ({ apiVersion }: AnyObject): boolean =>
    spec.conversion?.strategy === 'Webhook' && apiVersion !== apiVersionOf(spec.group, own.name);
  const version: KindVersion = {
    group: spec.group,
    version: own.name,
    type: openApiName(spec.group, own.name, names.kind),
    ...conversionOf(definition, own.name, (object) => fitStored(object, schema())),
    ...(own.deprecated && { deprecation: deprecationOf(spec.group, own, names.kind) }),
    custom: {
      decode: (raw, mode) => {
        const decoded = decodeCustomObject(raw, { schema: schema(), mode, as });
        applyDefaults(decoded.object, schema());
        return decoded;
      },
      decodeApplied: (raw, mode) => decodeCustomObject(raw, { schema: schema(), mode, as }),
      validate: (object, old) => (isConverted(object) ? [] : validateCustomObject(object, schema(), old)),
      schema: props,
      listKind: names.listKind ?? `${names.kind}List`,
    },
  };
  const hasStatus = own.subresources?.status !== undefined;
  const scale = own.subresources?.scale;
  const subresources: Subresource[] = [...(scale ? [scaleSubresource] : []), ...(hasStatus ? [statusSubresource] : [])];
  const kind: ResourceKind = {
    group: spec.group,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    ...(names.shortNames && { shortNames: names.shortNames }),
    ...(names.categories && { categories: names.categories }),
    scope: spec.scope as ResourceKind['scope'],
    versions: [version],
    ...(subresources.length > 0 && { subresources }),
    hasGeneration: true,
    ...(hasStatus && { prepareForCreate: clearStatus, prepareForUpdate: keepOtherHalf }),
    columns: customColumns(own.additionalPrinterColumns),
    selectableFields: Object.fromEntries((own.selectableFields ?? []).map(({ jsonPath }) => selectable(jsonPath))),
    ...(scale && { scale: scaleOf(scale) }),
    allowUnconditionalUpdate: false,
  };
  return { kind, version };
}

/**
 * Versions that convert by themselves are the same but for their name. What others have to convert comes here
 * converted: an object in any other version is one that nobody has asked the webhook about.
 */
function conversionOf(
  { spec, metadata }: CustomResourceDefinition,
  version: string,
  fit: (object: AnyObject) => void,
): Pick<KindVersion, 'toStorage' | 'fromStorage' | 'webhook'> {
  const { conversion } = spec;
  if (conversion?.strategy !== 'Webhook') return { fromStorage: fit };
  const own = apiVersionOf(spec.group, version);
  const stored = apiVersionOf(spec.group, spec.versions.find(({ storage }) => storage)?.name ?? version);
  const check = ({ apiVersion }: AnyObject, wanted: string): void => {
    if (apiVersion === wanted) return;
    const text = `${metadata.name ?? ''} of ${apiVersion ?? ''} was not converted to ${wanted} by the conversion webhook`;
    throw ApiError.of('InternalError', text);
  };
  return {
    ...(conversion.webhook && { webhook: conversion.webhook }),
    toStorage: (object) => check(object, stored),
    fromStorage: (object) => {
      check(object, own);
      fit(object);
    },
  };
}

/** Without a schema, and with the old flag, everything is kept. */
function rootSchema(props: JSONSchemaProps | undefined, preserves: boolean | undefined): JSONSchemaProps {
  if (props && !preserves) return props;
  return { type: 'object', ...props, 'x-kubernetes-preserve-unknown-fields': true };
}

/** `com.example.stable.v1.CronTab`, as upstream's OpenAPI names custom types. */
function openApiName(group: string, version: string, kind: string): string {
  return `${group.split('.').toReversed().join('.')}.${version}.${kind}`;
}

function deprecationOf(
  group: string,
  { name, deprecationWarning }: CustomResourceDefinitionVersion,
  kind: string,
): string {
  return deprecationWarning ?? `${group}/${name} ${kind} is deprecated`;
}

function clearStatus(object: AnyObject): void {
  delete object.status;
}

/** Writes to the main resource keep the status, writes to the status keep everything else. */
function keepOtherHalf(object: AnyObject, old: AnyObject, subresource: string): void {
  if (subresource === '') return keep(object, old, 'status');
  if (subresource !== 'status') return;
  for (const field of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (field !== 'status' && field !== 'metadata' && field !== 'apiVersion' && field !== 'kind')
      keep(object, old, field);
  }
  const { resourceVersion, managedFields } = object.metadata;
  const metadata = { ...old.metadata };
  delete metadata.managedFields;
  object.metadata = {
    ...metadata,
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(managedFields && { managedFields }),
  };
}

function selectable(jsonPath: string): [string, (object: AnyObject) => string] {
  const path = compileJsonPath(jsonPath);
  return [
    jsonPath.replace(/^\./, ''),
    (object) => {
      const [value] = path(object);
      if (value === undefined || value === null) return '';
      return typeof value === 'string' ? value : JSON.stringify(value);
    },
  ];
}

function scaleOf(scale: CustomResourceSubresourceScale): NonNullable<ResourceKind['scale']> {
  const selector = scale.labelSelectorPath === undefined ? undefined : compileJsonPath(scale.labelSelectorPath);
  return {
    specReplicas: scale.specReplicasPath,
    statusReplicas: scale.statusReplicasPath,
    labelSelector: (object) => {
      const value = selector?.(object)[0];
      return typeof value === 'string' ? value : '';
    },
  };
}

const uncheckedRules =
  'some validation rules were not checked because the object was invalid; ' +
  'correct the existing errors to complete validation';
/** With such causes, rules could meet values of other types than they are written for. */
const blocking = ['FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid'];

function validateCustomObject(object: AnyObject, schema: StructuralSchema, old: AnyObject | undefined): StatusCause[] {
  const { properties, required: needed, ...root } = schema.props;
  const own: JSONSchemaProps = {
    ...root,
    ...(properties && { properties: withoutMeta(properties) }),
    ...(needed && { required: needed.filter((name) => !metaFields.includes(name)) }),
  };
  const causes = validateValue(fieldsOf(object), own, '', old && fieldsOf(old));
  causes.push(...validateMetaFields(object, schema));
  if (!schema.hasExtensions) return causes.map(atRoot);
  causes.push(...validateExtensions(object, schema, ''));
  if (causes.some(({ reason }) => reason !== undefined && blocking.includes(reason))) {
    causes.push(invalidValue('', 'null', uncheckedRules));
  } else {
    causes.push(...checkRules(object, schema, '', old));
  }
  return causes.map(atRoot);
}

const metaFields = ['metadata', 'apiVersion', 'kind'];

/** What the schema is about: all but type and metadata. */
function fieldsOf(object: AnyObject): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !metaFields.includes(name)));
}

function withoutMeta(properties: Record<string, JSONSchemaProps>): Record<string, JSONSchemaProps> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !metaFields.includes(name)));
}

/** A definition may narrow the names of its objects. */
function validateMetaFields({ metadata }: AnyObject, { properties }: StructuralSchema): StatusCause[] {
  const { name } = properties.get('metadata')?.props.properties ?? {};
  if (!name || metadata.name === undefined) return [];
  return validateValue(metadata.name, name, 'metadata.name');
}

/** The object as a whole has no path. */
function atRoot(cause: StatusCause): StatusCause {
  return cause.field === '' ? { ...cause, field: '<nil>' } : cause;
}

/** Unique lists, and objects within the object, which must be whole. */
function validateExtensions(value: unknown, schema: StructuralSchema, path: string): StatusCause[] {
  if (!schema.hasExtensions) return [];
  const causes: StatusCause[] = [];
  if (Array.isArray(value)) {
    const listType = schema.props['x-kubernetes-list-type'];
    if (listType === 'set' || listType === 'map') causes.push(...duplicateItems(value, schema.props, path));
    const { items } = schema;
    if (items) causes.push(...value.flatMap((item, i) => validateExtensions(item, items, `${path}[${i}]`)));
  } else if (isJsonObject(value)) {
    if (schema.isEmbedded) causes.push(...validateEmbedded(value, path));
    for (const key in value) {
      const child = childSchema(schema, key);
      if (child) causes.push(...validateExtensions(value[key], child, childPath(path, key)));
    }
  }
  return causes;
}

function validateEmbedded(value: Record<string, unknown>, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const field of ['apiVersion', 'kind']) {
    if (value[field] === undefined || value[field] === '') {
      causes.push(required(`${path}.${field}`, 'must not be empty'));
    } else if (typeof value[field] !== 'string') {
      causes.push(invalidValue(`${path}.${field}`, value[field], 'must be a string'));
    }
  }
  if (isJsonObject(value.metadata)) {
    const meta: ObjectMeta = { name: 'embedded', ...value.metadata };
    const found = validateObjectMeta(meta, { namespaced: meta.namespace !== undefined });
    causes.push(...found.map((cause) => ({ ...cause, field: `${path}.${cause.field}` })));
  }
  return causes;
}
