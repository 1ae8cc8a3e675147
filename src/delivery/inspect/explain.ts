/** What OpenAPI says of a kind's fields, as `kubectl explain` shows it. Pure. */

export interface Schema {
  type?: string;
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  allOf?: Schema[];
  $ref?: string;
  required?: string[];
  enum?: unknown[];
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}

export interface OpenApiDocument {
  components?: { schemas?: Record<string, Schema> };
}

export interface KindName {
  group: string;
  version: string;
  kind: string;
}

const width = 76;

/** The text of `explain KIND.path`. Throws Error when there is no such kind or field. */
export function explainText(
  document: OpenApiDocument,
  { group, version, kind }: KindName,
  { path, isRecursive }: { path: readonly string[]; isRecursive: boolean },
): string {
  const schemas = document.components?.schemas ?? {};
  const root = Object.values(schemas).find((schema) =>
    schema['x-kubernetes-group-version-kind']?.some(
      (each) => each.group === group && each.version === version && each.kind === kind,
    ),
  );
  if (!root) throw new Error(`couldn't find resource for "${group ? `${group}/` : ''}${version}, Kind=${kind}"`);
  let at: Schema = root;
  for (const field of path) {
    const inner = fieldsOf(at, schemas).properties?.[field];
    if (!inner) throw new Error(`field "${field}" does not exist`);
    at = inner;
  }
  const name = path.at(-1);
  const fields = fieldsOf(at, schemas);
  return [
    ...(group ? [`GROUP:      ${group}`] : []),
    `KIND:       ${kind}`,
    `VERSION:    ${version}`,
    '',
    ...(name === undefined ? [] : [`FIELD: ${name} <${typeName(at)}>`, ...enumLines(at, '    '), '']),
    ...(name === undefined ? [] : ['']),
    'DESCRIPTION:',
    ...described(at, schemas),
    ...(textsOf(at, schemas).length > 0 ? ['    '] : []),
    ...(fields.properties ? ['FIELDS:', ...fieldLines(fields, schemas, { isRecursive })] : []),
    '',
  ].join('\n');
}

/** The object that a field is, holds a list of, or maps names to. */
function fieldsOf(schema: Schema, schemas: Readonly<Record<string, Schema>>): Schema {
  const inner = resolved(schema, schemas);
  if (inner.items) return fieldsOf(inner.items, schemas);
  if (typeof inner.additionalProperties === 'object') return fieldsOf(inner.additionalProperties, schemas);
  return inner;
}

function resolved(schema: Schema, schemas: Readonly<Record<string, Schema>>): Schema {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  return reference === undefined ? schema : (schemas[shortReference(reference)] ?? {});
}

function shortReference(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

function typeName(schema: Schema): string {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (reference !== undefined) return shortReference(reference).split('.').at(-1) ?? '';
  if (schema.items) return `[]${typeName(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return `map[string]${typeName(schema.additionalProperties)}`;
  return schema.type === 'object' || schema.type === undefined ? 'Object' : schema.type;
}

/** What is said of the field, then of its type. */
function textsOf(schema: Schema, schemas: Readonly<Record<string, Schema>>): string[] {
  const own = schema.description;
  const inner =
    schema.items ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : schema);
  const ofType = inner === schema && !schema.$ref && !schema.allOf ? undefined : resolved(inner, schemas).description;
  return [own, ofType].filter((text) => text !== undefined && text !== '') as string[];
}

function described(schema: Schema, schemas: Readonly<Record<string, Schema>>): string[] {
  const texts = textsOf(schema, schemas);
  return (texts.length === 0 ? ['<empty>'] : texts).flatMap((text) => wrapped(text, '    '));
}

function fieldLines(
  { properties = {}, required = [] }: Schema,
  schemas: Readonly<Record<string, Schema>>,
  { isRecursive, depth = 1, above = [] }: { isRecursive: boolean; depth?: number; above?: readonly Schema[] },
): string[] {
  const space = '  '.repeat(depth);
  return Object.entries(properties)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, field]) => {
      const head = `${space}${name}\t<${typeName(field)}>${required.includes(name) ? ' -required-' : ''}`;
      if (!isRecursive) {
        const text = textsOf(field, {}).length > 0 ? described(field, {}) : ['    <no description>'];
        return [head, ...enumLines(field, space), ...text, ''];
      }
      const inner = fieldsOf(field, schemas);
      // Definitions of definitions go on for ever.
      if (!inner.properties || above.includes(inner)) return [head, ...enumLines(field, space)];
      return [head, ...fieldLines(inner, schemas, { isRecursive, depth: depth + 1, above: [...above, inner] })];
    });
}

function enumLines({ enum: values }: Schema, space: string): string[] {
  return values ? [`${space}enum: ${values.map(String).join(', ')}`] : [];
}

function wrapped(text: string, space: string): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line.trimEnd());
        line = '';
      }
      line += line === '' ? word : ` ${word}`;
    }
    return [...lines, line].map((each) => space + each);
  });
}
