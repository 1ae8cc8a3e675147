// Generates the API as data from two sources: `api-facts.json` (this folder: protobuf numbers, list and patch semantics,
// optionality, old API versions) and the models of `@kubernetes/client-node` (which fields Kubernetes 1.36 has, which of
// them are required, and their descriptions). Writes:
//   src/api/generated/schema.json        every type's fields, read by src/api/schema.ts
//   src/api/generated/descriptions.json  texts for OpenAPI and `kubectl explain`, loaded only when asked for
//   src/api/types/<group>-<version>.ts   the same types for TypeScript, as they are on the wire
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const modelsDir = join(root, 'node_modules/@kubernetes/client-node/dist/gen/models');
const facts = JSON.parse(readFileSync(join(here, 'api-facts.json'), 'utf8')).types;

const goForms = JSON.parse(readFileSync(join(here, 'api-pointers.json'), 'utf8'));
const goPointers = new Set(goForms.pointers);
const goValues = new Set(goForms.values);
/** Is a zero in this optional field the same as no field? See the note in api-pointers.json. */
function isGoValue(type, name, { type: fieldType, label }) {
  if (label) return false;
  const key = `${split(type)[1]}.${name}`;
  if (fieldType === 'string' || fieldType === 'bool') return !goPointers.has(key);
  return goValues.has(key);
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
/** Types whose JSON form is not an object with the fields of their protobuf message. */
const WIRE = {
  [`${META}Time`]: ['time', 'string'],
  [`${META}MicroTime`]: ['microTime', 'string'],
  [`${META}Duration`]: ['duration', 'string'],
  [`${META}FieldsV1`]: ['object', 'Record<string, unknown>'],
  'io.k8s.apimachinery.pkg.api.resource.Quantity': ['quantity', 'string'],
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': ['intOrString', 'number | string'],
  'io.k8s.apimachinery.pkg.runtime.RawExtension': ['object', 'Record<string, unknown>'],
  [`${META}Verbs`]: ['stringList', 'string[]'],
  'io.k8s.api.authentication.v1.ExtraValue': ['stringList', 'string[]'],
  'io.k8s.api.authorization.v1.ExtraValue': ['stringList', 'string[]'],
  'io.k8s.api.certificates.v1.ExtraValue': ['stringList', 'string[]'],
};
const EXTENSIONS = 'io.k8s.apiextensions_apiserver.pkg.apis.apiextensions.v1.';
/** Unions of a custom resource's schema: any JSON on the wire, each with a protobuf message of its own. */
const UNIONS = ['JSON', 'JSONSchemaPropsOrArray', 'JSONSchemaPropsOrBool', 'JSONSchemaPropsOrStringArray'];
for (const name of UNIONS) WIRE[`${EXTENSIONS}${name}`] = ['any', 'unknown'];
/** An empty message, which the facts leave out. */
facts[`${EXTENSIONS}CustomResourceSubresourceStatus`] = {};

/** Facts that were filed under a name which is not the field's. */
const webhookList = { listType: 'map', listMapKeys: ['name'], patchStrategy: 'merge', patchMergeKey: 'name' };
for (const kind of ['Mutating', 'Validating']) {
  Object.assign(facts[`io.k8s.api.admissionregistration.v1.${kind}WebhookConfiguration`].Webhooks, webhookList);
}

/** Embedded messages: their fields stand in the outer JSON object. Field name and type of the facts. */
const EMBEDDED = new Set([
  'deviceConfiguration DeviceConfiguration',
  'ephemeralContainerCommon EphemeralContainerCommon',
  'handler ProbeHandler',
  'ingressRuleValue IngressRuleValue',
  'localObjectReference LocalObjectReference',
  'persistentVolumeSource PersistentVolumeSource',
  'rule Rule',
  'ruleWithOperations RuleWithOperations',
  'volumeSource VolumeSource',
]);
/** JSON names where they are not the protobuf field's. */
const JSON_NAMES = { Webhooks: 'webhooks', Expression: 'expression', Name: 'name', uID: 'uid', aPIGroup: 'apiGroup' };
function jsonName(type, name) {
  if (type === 'io.k8s.api.discovery.v1beta1.Endpoint' && name === 'deprecatedTopology') return 'topology';
  if (type !== `${EXTENSIONS}JSONSchemaProps`) return JSON_NAMES[name] ?? name;
  if (name === 'schema' || name === 'ref') return `$${name}`;
  return name.startsWith('xKubernetes') ? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`) : name;
}
const SCALARS = {
  string: 'string',
  int32: 'number',
  int64: 'number',
  double: 'number',
  bool: 'boolean',
  bytes: 'string',
};

const split = (type) => {
  const at = type.lastIndexOf('.');
  return [type.slice(0, at), type.slice(at + 1)];
};
/** `io.k8s.api.core.v1` -> `core-v1`; meta and the runtime types live in `meta-v1`. */
const moduleOf = (pkg) => (pkg.startsWith('io.k8s.apimachinery') ? 'meta-v1' : pkg.split('.').slice(-2).join('-'));

function models() {
  const found = new Map();
  const files = new Set(readdirSync(modelsDir));
  for (const type of Object.keys(facts)) {
    // Newer than 1.36, and its short name is another type's.
    if (type === 'io.k8s.api.core.v1.Preconditions') continue;
    const [pkg, name] = split(type);
    const version = pkg.split('.').at(-1).replace('v', 'V');
    const group = pkg.split('.').at(-2);
    const prefixes = [`${group[0].toUpperCase()}${group.slice(1)}${version}`, version];
    const file = prefixes.map((p) => `${p}${name}`).find((f) => files.has(`${f}.d.ts`));
    if (!file) continue;
    const js = readFileSync(join(modelsDir, `${file}.js`), 'utf8');
    const dts = readFileSync(join(modelsDir, `${file}.d.ts`), 'utf8');
    const baseNames = new Map([...js.matchAll(/"name": "([^"]+)",\s*"baseName": "([^"]+)"/g)].map((m) => [m[1], m[2]]));
    const fields = new Map();
    for (const m of dts.matchAll(/(?:\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\s*)?'([^']+)'(\??): /g)) {
      if (!baseNames.has(m[2])) continue;
      fields.set(baseNames.get(m[2]), { required: m[3] === '', description: textOf(m[1]) });
    }
    const header = /\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class/.exec(dts.slice(dts.indexOf('*/') + 2));
    found.set(type, { fields, description: textOf(header?.[1]) });
  }
  return found;
}
const textOf = (comment) =>
  (comment ?? '')
    .split('\n')
    .map((l) => l.replace(/^\s*\* ?/, '').trim())
    .filter(Boolean)
    .join('\n')
    .replace(/\\(['"`\\])/g, '$1');

const known = models();

/** The fields of one type as JSON has them: embedded messages are flattened, fields Kubernetes 1.36 lacks are left out. */
function fieldsOf(type, path = [], model = known.get(type), outer = type) {
  const out = {};
  for (const [protoName, fact] of Object.entries(facts[type])) {
    const name = jsonName(type, protoName);
    if (EMBEDDED.has(`${name} ${split(fact.type)[1]}`)) {
      Object.assign(out, fieldsOf(fact.type, [...path, fact.proto], model, outer));
      continue;
    }
    if (model && !model.fields.has(name)) continue;
    const required = model ? model.fields.get(name).required : fact.required;
    out[name] = {
      type: WIRE[fact.type]?.[0] ?? (SCALARS[fact.type] || facts[fact.type] ? fact.type : 'object'),
      ...(WIRE[fact.type]?.[0] === 'any' && { union: split(fact.type)[1] }),
      ...(fact.label === 'repeated' && { list: fact.listType ?? 'atomic' }),
      ...(fact.label === 'map' && { map: true }),
      ...(fact.structType === 'atomic' && { atomic: true }),
      ...(fact.listMapKeys && { keys: fact.listMapKeys }),
      ...(fact.patchStrategy && { patch: fact.patchStrategy }),
      ...(fact.patchMergeKey && { mergeKey: fact.patchMergeKey }),
      ...(required ? { required: true } : isGoValue(outer, name, fact) && { omitZero: true }),
      ...(fact.default !== undefined && { default: fact.default }),
      proto: path.length > 0 ? [...path, fact.proto] : fact.proto,
    };
  }
  return out;
}

const schema = {};
const descriptions = {};
for (const type of Object.keys(facts).sort()) {
  if (WIRE[type]) continue;
  const fields = fieldsOf(type);
  const meta = fields.metadata?.type;
  const isRoot = meta === `${META}ObjectMeta` || meta === `${META}ListMeta`;
  const model = known.get(type);
  const hasTypeMeta = model
    ? model.fields.has('kind') && model.fields.has('apiVersion') && isRoot
    : isRoot && !/(Template|TemplateSpec)$/.test(type);
  schema[type] = { ...(hasTypeMeta && { root: meta.endsWith('ListMeta') ? 'list' : 'object' }), fields };
  if (model) {
    const texts = { '': model.description };
    for (const [name, field] of model.fields) if (field.description) texts[name] = field.description;
    descriptions[type] = texts;
  }
}

const lines = (object) =>
  `{\n${Object.entries(object)
    .map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`)
    .join(',\n')}\n}\n`;
mkdirSync(join(root, 'src/api/generated'), { recursive: true });
writeFileSync(join(root, 'src/api/generated/schema.json'), lines(schema));
writeFileSync(join(root, 'src/api/generated/descriptions.json'), lines(descriptions));

const typesDir = join(root, 'src/api/types');
rmSync(typesDir, { recursive: true, force: true });
mkdirSync(typesDir, { recursive: true });
const modules = new Map();
for (const [type, { root: rootKind, fields }] of Object.entries(schema)) {
  const [pkg, name] = split(type);
  const module = modules.get(moduleOf(pkg)) ?? { imports: new Map(), body: [] };
  modules.set(moduleOf(pkg), module);
  const members = Object.entries(fields).map(([field, f]) => {
    const item = tsTypeOf(f.type, moduleOf(pkg), module);
    const whole = f.map
      ? `Record<string, ${item}>`
      : f.list
        ? item.includes(' ') && !item.endsWith('>')
          ? `(${item})[]`
          : `${item}[]`
        : item;
    const optional =
      !f.required && !(rootKind === 'list' && field === 'items') && !(rootKind === 'object' && field === 'metadata');
    return `  ${/^[A-Za-z_$][\w$]*$/.test(field) ? field : JSON.stringify(field)}${optional ? '?' : ''}: ${whole};`;
  });
  if (rootKind) members.unshift('  apiVersion?: string;', '  kind?: string;');
  module.body.push(
    members.length
      ? `export interface ${name} {\n${members.join('\n')}\n}`
      : `export type ${name} = Record<string, never>;`,
  );
}
function byText(a, b) {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
function tsTypeOf(type, module, state) {
  if (SCALARS[type]) return SCALARS[type];
  const wire = Object.values(WIRE).find(([short]) => short === type);
  if (wire) return wire[1];
  const [pkg, name] = split(type);
  if (moduleOf(pkg) !== module) {
    const names = state.imports.get(moduleOf(pkg)) ?? new Set();
    state.imports.set(moduleOf(pkg), names.add(name));
  }
  return name;
}
for (const [name, { imports, body }] of modules) {
  const head = [...imports.keys()]
    .sort(byText)
    .map((m) => `import type { ${[...imports.get(m)].sort(byText).join(', ')} } from './${m}.ts';`);
  writeFileSync(
    join(typesDir, `${name}.ts`),
    `// Generated by scripts/generate-api.mjs. Do not edit.\n${head.join('\n')}${head.length ? '\n' : ''}\n${body.join('\n\n')}\n`,
  );
}
process.stderr.write(`${Object.keys(schema).length} types in ${modules.size} modules\n`);
