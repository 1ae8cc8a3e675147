import { forbidden, invalidValue, notSupported, required } from '../field-errors.ts';
import { cloneJson, isJsonObject, jsonEquals } from '../plain-json.ts';
import type { JSONSchemaProps, ValidationRule } from '../types/apiextensions-v1.ts';
import type { StatusCause } from '../types/meta-v1.ts';
import { expressionProblem, isTransitionRule } from './cel-rules.ts';
import { decodeCustomObject } from './custom-decode.ts';
import { structuralSchema } from './structural-schema.ts';
import { validateValue } from './validate-value.ts';
import { patternOf } from './value-checks.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/**
 * Causes for what makes a version's schema no structural one, and what is wrong in it otherwise (apiextensions'
 * ValidateStructural and its validation of definitions). `path` is `spec.versions[0].schema.openAPIV3Schema`.
 */
export function validateStructural(schema: JSONSchemaProps, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!schema.type) causes.push(required(`${path}.type`, 'must not be empty at the root'));
  else if (schema.type !== 'object') {
    causes.push(invalidValue(`${path}.type`, schema.type, 'must be object at the root'));
  }
  if (schema.nullable) causes.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  const { metadata } = schema.properties ?? {};
  const narrowed = Object.keys(metadata?.properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName');
  if (narrowed.length > 0) {
    const rule = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    causes.push(forbidden(`${path}.properties[metadata]`, rule));
  }
  checkNode(schema, { path, causes, level: 'root', correlates: true });
  return causes;
}

interface Node {
  path: string;
  causes: StatusCause[];
  level: 'root' | 'field' | 'item';
  /** An update can tell which old value this one follows: transition rules can be judged. */
  correlates: boolean;
}

function checkNode(schema: JSONSchemaProps, node: Node): void {
  const { path, causes, level } = node;
  checkType(schema, node);
  checkUnsupported(schema, path, causes);
  checkValues(schema, path, causes);
  checkListType(schema, path, causes);
  checkRulesOf(schema, node);
  if (schema.default !== undefined && level !== 'root') causes.push(...checkDefault(schema, path));
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    schema[name]?.forEach((inner, i) => checkLogical(inner, `${path}.${name}[${i}]`, { causes, owner: schema }));
  }
  if (schema.not) checkLogical(schema.not, `${path}.not`, { causes, owner: schema });
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    checkNode(property, { ...node, path: `${path}.properties[${name}]`, level: 'field' });
  }
  if (isJsonObject(schema.additionalProperties)) {
    const inner = schema.additionalProperties;
    checkNode(inner, { ...node, path: `${path}.additionalProperties`, level: 'field' });
  }
  if (isJsonObject(schema.items)) {
    const correlates = node.correlates && schema['x-kubernetes-list-type'] === 'map';
    checkNode(schema.items, { ...node, path: `${path}.items`, level: 'item', correlates });
  }
}

function checkType(schema: JSONSchemaProps, { path, causes, level }: Node): void {
  const isFree = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true;
  if (!schema.type) {
    if (level !== 'root' && !isFree && !isIntOrString) {
      const where = level === 'item' ? 'array items' : 'object fields';
      causes.push(required(`${path}.type`, `must not be empty for specified ${where}`));
    }
  } else if (isIntOrString) {
    const rule = 'must be empty if x-kubernetes-int-or-string is true';
    causes.push(invalidValue(`${path}.type`, schema.type, rule));
  } else if (!types.includes(schema.type)) {
    causes.push(notSupported(`${path}.type`, schema.type, types));
  }
  if (schema.type === 'array' && schema.items === undefined) {
    causes.push(required(`${path}.items`, 'must be specified'));
  }
  if (schema['x-kubernetes-embedded-resource'] && schema.type !== 'object') {
    const rule = 'must be object if x-kubernetes-embedded-resource is true';
    causes.push(invalidValue(`${path}.type`, schema.type ?? '', rule));
  }
  if (schema['x-kubernetes-embedded-resource'] && !isFree && !schema.properties) {
    const rule =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    causes.push(required(`${path}.properties`, rule));
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    const at = `${path}.x-kubernetes-preserve-unknown-fields`;
    causes.push(invalidValue(at, false, 'must be true or undefined'));
  }
}

function checkUnsupported(schema: JSONSchemaProps, path: string, causes: StatusCause[]): void {
  for (const name of ['definitions', 'dependencies', 'patternProperties'] as const) {
    if (schema[name] !== undefined) causes.push(forbidden(`${path}.${name}`, `${name} is not supported`));
  }
  if (schema.additionalItems !== undefined) {
    causes.push(forbidden(`${path}.additionalItems`, 'additionalItems is not supported'));
  }
  if (schema.$ref !== undefined) causes.push(forbidden(`${path}.$ref`, '$ref is not supported'));
  if (schema.id !== undefined) causes.push(forbidden(`${path}.id`, 'id is not supported'));
  if (schema.uniqueItems) {
    const rule = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    causes.push(forbidden(`${path}.uniqueItems`, rule));
  }
  if (Array.isArray(schema.items)) {
    causes.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  }
  if (schema.additionalProperties === false) {
    causes.push(forbidden(`${path}.additionalProperties`, 'additionalProperties cannot be set to false'));
  }
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false && schema.properties) {
    const rule = 'additionalProperties and properties are mutual exclusive';
    causes.push(forbidden(`${path}.additionalProperties`, rule));
  }
}

function checkValues(schema: JSONSchemaProps, path: string, causes: StatusCause[]): void {
  if (schema.pattern !== undefined && !patternOf(schema.pattern)) {
    const rule = `must be a valid regular expression, but isn't: ${schema.pattern}`;
    causes.push(invalidValue(`${path}.pattern`, schema.pattern, rule));
  }
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType !== undefined && mapType !== 'atomic' && mapType !== 'granular') {
    causes.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  }
  if (mapType !== undefined && schema.type !== 'object') {
    const rule = 'must be object if x-kubernetes-map-type is specified';
    causes.push(invalidValue(`${path}.type`, schema.type ?? '', rule));
  }
}

function checkListType(schema: JSONSchemaProps, path: string, causes: StatusCause[]): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keysPath = `${path}.x-kubernetes-list-map-keys`;
  if (listType !== undefined && schema.type !== 'array') {
    const rule = 'must be array if x-kubernetes-list-type is specified';
    causes.push(invalidValue(`${path}.type`, schema.type ?? '', rule));
  }
  if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType)) {
    causes.push(notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']));
  }
  if (listType !== 'map') {
    if (keys.length > 0) {
      const rule = 'must be map if x-kubernetes-list-map-keys is non-empty';
      causes.push(invalidValue(`${path}.x-kubernetes-list-type`, listType ?? '', rule));
    }
    return;
  }
  if (keys.length === 0) {
    causes.push(required(keysPath, 'must not be empty if x-kubernetes-list-type is map'));
  }
  const items: JSONSchemaProps | undefined = isJsonObject(schema.items) ? schema.items : undefined;
  if (items && items.type !== 'object') {
    causes.push(
      invalidValue(
        `${path}.items.type`,
        items.type ?? '',
        "must be object if parent array's x-kubernetes-list-type is map",
      ),
    );
  }
  keys.forEach((key, i) => {
    const property = items?.properties?.[key];
    if (!property) {
      causes.push(invalidValue(`${keysPath}[${i}]`, key, 'entries must all be names of item properties'));
    } else if (!items.required?.includes(key) && property.default === undefined) {
      const at = `${path}.items.properties[${key}].default`;
      const rule =
        'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
      causes.push(required(at, rule));
    }
  });
}

function checkRulesOf(schema: JSONSchemaProps, { path, causes, correlates }: Node): void {
  schema['x-kubernetes-validations']?.forEach((rule: ValidationRule, i) => {
    const at = `${path}.x-kubernetes-validations[${i}]`;
    if (rule.rule.trim() === '') return void causes.push(required(`${at}.rule`, 'rule is not specified'));
    const problem = expressionProblem(rule.rule, 'bool');
    if (problem !== undefined) causes.push(invalidValue(`${at}.rule`, rule.rule, problem));
    if (rule.messageExpression !== undefined) {
      const wrong = expressionProblem(rule.messageExpression, 'string');
      if (wrong !== undefined) causes.push(invalidValue(`${at}.messageExpression`, rule.messageExpression, wrong));
    }
    if (rule.message?.includes('\n')) {
      causes.push(invalidValue(`${at}.message`, rule.message, 'message must not contain line breaks'));
    }
    if (rule.reason !== undefined && !reasons.includes(rule.reason)) {
      causes.push(notSupported(`${at}.reason`, rule.reason, reasons));
    }
    if (isTransitionRule(rule) && !correlates) {
      const text = 'oldSelf cannot be used on the uncorrelatable portion of the schema';
      causes.push(invalidValue(`${at}.rule`, rule.rule, `${text} within ${path}`));
    }
  });
}

const reasons = ['FieldValueRequired', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueDuplicate'];

/** A default must itself be what the schema allows, with nothing in it that would be pruned. */
function checkDefault(schema: JSONSchemaProps, path: string): StatusCause[] {
  const at = `${path}.default`;
  const wrapped: JSONSchemaProps = { type: 'object', properties: { default: { ...schema } } };
  const value = { default: cloneJson(schema.default) };
  const as = { kind: 'default', version: '' };
  const { object } = decodeCustomObject(cloneJson(value), {
    schema: structuralSchema({ ...wrapped, properties: { default: withoutDefaults(schema) } }),
    mode: 'Ignore',
    as,
  });
  if (!jsonEquals(object.default, schema.default)) {
    return [invalidValue(at, schema.default, 'must not have unknown fields')];
  }
  return validateValue(schema.default, { ...schema }, at);
}

/** The defaults below fill in what this one leaves out: that is no unknown field. */
function withoutDefaults(schema: JSONSchemaProps): JSONSchemaProps {
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip);
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, inner]) =>
        key === 'default' && !isJsonObject(inner) ? [] : [[key, strip(inner)]],
      ),
    );
  };
  const { default: _, ...rest } = schema;
  return strip(rest) as JSONSchemaProps;
}

const onlyOutside = [
  'description',
  'type',
  'default',
  'title',
  'nullable',
  'additionalProperties',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
] as const;

/** Below allOf, anyOf, oneOf and not a schema only says more about values; what they are stands outside. */
function checkLogical(
  schema: JSONSchemaProps,
  path: string,
  { causes, owner }: { causes: StatusCause[]; owner: JSONSchemaProps },
): void {
  const saysIntOrString = owner['x-kubernetes-int-or-string'] === true && /\.(?:anyOf|allOf)\[\d\]/.test(path);
  for (const name of onlyOutside) {
    if (schema[name] === undefined || (name === 'type' && saysIntOrString)) continue;
    causes.push(forbidden(`${path}.${name}`, 'must be empty to be structural'));
  }
  const { additionalProperties: _, ...rest } = schema;
  checkUnsupported(rest, path, causes);
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    schema[name]?.forEach((inner, i) => checkLogical(inner, `${path}.${name}[${i}]`, { causes, owner }));
  }
  if (schema.not) checkLogical(schema.not, `${path}.not`, { causes, owner });
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const outside = owner.properties?.[name];
    if (!outside && !owner['x-kubernetes-preserve-unknown-fields']) {
      const at = path.replace(/\.(?:allOf|anyOf|oneOf|not)\b.*$/, '');
      causes.push(required(`${at}.properties[${name}]`, `because it is defined in ${path}.properties[${name}]`));
    }
    checkLogical(property, `${path}.properties[${name}]`, { causes, owner: outside ?? {} });
  }
  if (isJsonObject(schema.items)) {
    const items: JSONSchemaProps = isJsonObject(owner.items) ? owner.items : {};
    checkLogical(schema.items, `${path}.items`, { causes, owner: items });
  }
}
