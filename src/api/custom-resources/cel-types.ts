import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { typeSchema, type FieldSchema } from '../schema.ts';
import { celName } from './cel-values.ts';
import type { StructuralSchema } from './structural-schema.ts';

const metadataType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const timestamp = 'google.protobuf.Timestamp';

/** Types of fields that are no objects, as the descriptions of the API (OpenAPI) give them to CEL. */
const scalars: Readonly<Record<string, string>> = {
  ...{ string: 'string', int32: 'int', int64: 'int', double: 'double', bool: 'bool', bytes: 'bytes' },
  ...{ time: timestamp, microTime: timestamp, duration: 'string', quantity: 'string', intOrString: 'dyn' },
  ...{ object: 'dyn', any: 'dyn', stringList: 'list<string>' },
};

/** Declares types of objects in an environment, each once, with all that is below them. */
export class CelTypes {
  readonly #environment: Environment;
  /** What is being declared is of any type where it comes again below itself. */
  readonly #declared = new Map<string, string>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** A type of the generated schema; answers its name in expressions. */
  builtIn(type: string): string {
    const known = this.#declared.get(type);
    if (known) return known;
    this.#declared.set(type, 'dyn');
    const { root, fields } = typeSchema(type);
    const own: Record<string, string> = root ? { apiVersion: 'string', kind: 'string' } : {};
    const typed = Object.entries(fields).map(([name, field]) => [name, this.#field(field)] as const);
    return this.declare(type, { ...own, ...Object.fromEntries(typed) });
  }

  /** A custom resource's type; answers its name in expressions. */
  custom(name: string, schema: StructuralSchema): string {
    const metadata = this.builtIn(metadataType);
    const fields = { ...this.#properties(name, schema), apiVersion: 'string', kind: 'string', metadata };
    return this.declare(name, fields);
  }

  /** A type with these fields, whose values are of the types named; answers its name in expressions. */
  declare(given: string, fields: Readonly<Record<string, string>>): string {
    const name = given.replaceAll(/[^\w.]/g, '_');
    const reachable = Object.entries(fields).flatMap(([field, type]) => {
      const escaped = celName(field);
      // A reserved word may stand behind a dot as it is, too.
      return [...new Set([escaped, field])].flatMap((each) =>
        each !== undefined && /^\w+$/.test(each) ? [[each, type] as const] : [],
      );
    });
    this.#environment
      .registerType(name, { fields: Object.fromEntries(reachable) })
      .registerOperator(`${name} == ${name}`, () => false)
      .registerOperator(`${name} == null`, () => false);
    this.#declared.set(name, name);
    return name;
  }

  #field({ type, list, map }: FieldSchema): string {
    const one = Object.hasOwn(scalars, type) ? (scalars[type] ?? 'dyn') : this.builtIn(type);
    if (map) return `map<string, ${list ? `list<${one}>` : one}>`;
    return list ? `list<${one}>` : one;
  }

  #properties(name: string, { properties }: StructuralSchema): Record<string, string> {
    return Object.fromEntries(
      [...properties].map(([property, schema]) => [property, this.#structural(`${name}.${property}`, schema)]),
    );
  }

  #structural(name: string, schema: StructuralSchema): string {
    const { props, type, additional, items, properties, preservesUnknown, isEmbedded } = schema;
    if (props['x-kubernetes-int-or-string'] || isEmbedded) return 'dyn';
    switch (type) {
      case 'array':
        return `list<${items ? this.#structural(`${name}.@items`, items) : 'dyn'}>`;
      case 'object':
        if (additional)
          return `map<string, ${additional === true ? 'dyn' : this.#structural(`${name}.@values`, additional)}>`;
        if (properties.size === 0 || preservesUnknown) return 'dyn';
        return this.declare(name, this.#properties(name, schema));
      case 'integer':
        return 'int';
      case 'number':
        return 'double';
      case 'boolean':
        return 'bool';
      case 'string':
        return formats[props.format ?? ''] ?? 'string';
      default:
        return 'dyn';
    }
  }
}

const formats: Readonly<Record<string, string | undefined>> = {
  ...{ byte: 'bytes', date: timestamp, 'date-time': timestamp, duration: 'google.protobuf.Duration' },
};
