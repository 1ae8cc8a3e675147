import { ComposeError } from '../compose-error.ts';
import { isMapping, locate, type Mapping, type Path, type Value } from '../tree.ts';
import { nearest } from './nearest.ts';

/** The part of JSON Schema (draft 7) that the Compose Specification's schema uses. */
interface Schema {
  $ref?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  uniqueItems?: boolean;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: readonly string[];
  oneOf?: readonly Schema[];
}

interface Finding {
  path: Path;
  message: string;
}

/**
 * Checks a file against the Compose Specification's schema. A general validator would do; this one names the file, line
 * and key of each mistake, and starts at once. Throws {@link ComposeError} for the first mistake.
 */
export class ComposeSchema {
  readonly #root: Schema & { definitions: Record<string, Schema> };
  readonly #patterns = new Map<string, RegExp>();

  constructor(root: unknown) {
    this.#root = root as Schema & { definitions: Record<string, Schema> };
  }

  check(tree: Mapping): void {
    const [first] = this.#findings(this.#root, tree, []);
    if (first) throw new ComposeError(first.message, { position: locate(tree, first.path), path: first.path });
  }

  /** The schema of what a path names, with the alternatives that are no references resolved. */
  #resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const found = this.#root.definitions[schema.$ref.replace('#/definitions/', '')];
    if (!found) throw new Error(`the schema has no ${schema.$ref}`);
    return found;
  }

  #findings(given: Schema, value: Value, path: Path): Finding[] {
    const schema = this.#resolve(given);
    if (schema.type !== undefined && !typesOf(schema).some((type) => hasType(value, type))) {
      return [{ path, message: `must be ${typesOf(schema).map(typeName).join(' or ')}` }];
    }
    if (schema.oneOf) {
      const finding = this.#alternatives(schema.oneOf, value, path);
      if (finding) return finding;
    }
    if (schema.enum && !schema.enum.includes(value)) {
      return [{ path, message: `must be one of ${schema.enum.map((each) => JSON.stringify(each)).join(', ')}` }];
    }
    if (Array.isArray(value)) return this.#list(schema, value, path);
    if (isMapping(value)) return this.#mapping(schema, value, path);
    return this.#scalar(schema, value, path);
  }

  /** Of several forms, the mistake is told of the one that was meant: the one of the value's own type. */
  #alternatives(forms: readonly Schema[], value: Value, path: Path): Finding[] | undefined {
    const results = forms.map((form) => ({ form: this.#resolve(form), findings: this.#findings(form, value, path) }));
    const good = results.filter(({ findings }) => findings.length === 0);
    if (good.length > 0) return undefined;
    const meant = results.find(({ form }) => typesOf(form).some((type) => hasType(value, type)));
    if (meant) return meant.findings;
    const types = [...new Set(results.flatMap(({ form }) => typesOf(form)))].filter((type) => type !== 'null');
    if (types.length > 0) return [{ path, message: `must be ${types.map(typeName).join(' or ')}` }];
    return results[0]?.findings ?? [];
  }

  #list(schema: Schema, value: readonly Value[], path: Path): Finding[] {
    if (schema.uniqueItems) {
      const seen = new Set<string>();
      for (const [index, item] of value.entries()) {
        const text = JSON.stringify(item);
        if (seen.has(text)) return [{ path: [...path, index], message: `${text} is listed twice` }];
        seen.add(text);
      }
    }
    const { items } = schema;
    if (!items) return [];
    for (const [index, item] of value.entries()) {
      const findings = this.#findings(items, item, [...path, index]);
      if (findings.length > 0) return findings;
    }
    return [];
  }

  #mapping(schema: Schema, value: Mapping, path: Path): Finding[] {
    for (const key of schema.required ?? []) {
      if (!(key in value)) return [{ path, message: `${key} is required` }];
    }
    for (const [key, inner] of Object.entries(value)) {
      const findings = this.#property(schema, key, inner, path);
      if (findings.length > 0) return findings;
    }
    return [];
  }

  #property(schema: Schema, key: string, value: Value, path: Path): Finding[] {
    const at = [...path, key];
    const own = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    if (own) return this.#findings(own, value, at);
    for (const [pattern, inner] of Object.entries(schema.patternProperties ?? {})) {
      if (this.#pattern(pattern).test(key)) return this.#findings(inner, value, at);
    }
    if (schema.additionalProperties !== false) return [];
    const like = nearest(key, Object.keys(schema.properties ?? {}));
    return [{ path: at, message: `additional properties '${key}' not allowed${like ? ` (${like}?)` : ''}` }];
  }

  #scalar(schema: Schema, value: Value, path: Path): Finding[] {
    if (typeof value === 'string' && schema.pattern && !this.#pattern(schema.pattern).test(value)) {
      return [{ path, message: `${JSON.stringify(value)} does not match ${schema.pattern}` }];
    }
    if (typeof value === 'number') {
      const { minimum = -Infinity, maximum = Infinity } = schema;
      if (value < minimum || value > maximum) {
        return [{ path, message: `must be between ${minimum} and ${maximum}`.replace(/ and Infinity$/, ' and above') }];
      }
    }
    return [];
  }

  #pattern(text: string): RegExp {
    let pattern = this.#patterns.get(text);
    if (!pattern) this.#patterns.set(text, (pattern = new RegExp(text)));
    return pattern;
  }
}

function typesOf({ type, properties, patternProperties }: Schema): readonly string[] {
  if (type === undefined) return properties || patternProperties ? ['object'] : [];
  return typeof type === 'string' ? [type] : type;
}

function hasType(value: Value, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isMapping(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function typeName(type: string): string {
  const names: Record<string, string> = { object: 'a mapping', array: 'a list', integer: 'an integer' };
  return names[type] ?? (type === 'null' ? 'null' : `a ${type}`);
}
