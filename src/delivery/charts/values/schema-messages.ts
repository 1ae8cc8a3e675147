import type { ErrorObject } from 'ajv';
import { quote } from '../template/quote.ts';
import { isMap } from '../template/values.ts';

const secretNames = /pass|secret|token|key|credential/i;

/** In the words of the library that Helm uses; a value that may be a secret is not quoted. */
export function messageOf(error: ErrorObject): string {
  const { keyword, params, data, instancePath } = error;
  const names = ((params['names'] as string[] | undefined) ?? []).map(quoted).join(', ');
  const shown = quoted(secretNames.test(instancePath) ? '(hidden)' : data);
  switch (keyword) {
    case 'type':
      return `got ${typeName(data)}, want ${inOrder([params['type']].flat() as string[]).join(' or ')}`;
    case 'required':
      return (params['names'] as string[] | undefined)?.length === 1 || !names
        ? `missing property ${names || `'${String(params['missingProperty'])}'`}`
        : `missing properties ${names}`;
    case 'dependentRequired':
    case 'dependencies':
      return `properties ${names} required, if ${quoted(params['property'])} exists`;
    case 'additionalItems':
      return `last ${(data as unknown[]).length - Number(params['limit'])} additionalItem(s) not allowed`;
    case 'multipleOf':
      return `multipleOf: got ${String(data)}, want ${String(params['multipleOf'])}`;
    case 'propertyNames':
      return `invalid propertyName ${quoted(params['propertyName'])}`;
    case 'additionalProperties':
      return `additional properties ${names || `'${String(params['additionalProperty'])}'`} not allowed`;
    case 'enum': {
      const values = params['allowedValues'] as unknown[];
      if (values.some(isCollection)) return "'enum' failed";
      if (values.every((value) => Number.isNaN(value))) return 'value must be one of ';
      const allowed = values.map(quoted);
      return allowed.length === 1 ? `value must be ${allowed[0]}` : `value must be one of ${allowed.join(', ')}`;
    }
    case 'const':
      return isCollection(params['allowedValue'])
        ? "'const' failed"
        : `value must be ${quoted(params['allowedValue'])}`;
    case 'pattern':
      return `${shown} does not match pattern ${quoted(params['pattern'])}`;
    case 'format':
      return `${shown} is not valid ${String(params['format'])}`;
    case 'anyOf':
      return "'anyOf' failed";
    case 'oneOf': {
      const passing = params['passingSchemas'] as number[] | null;
      return passing ? `'oneOf' failed, subschemas ${passing.join(', ')} matched` : "'oneOf' failed, none matched";
    }
    case 'not':
      return "'not' failed";
    case 'false schema':
    case 'unevaluatedProperties':
      return 'false schema';
    case 'uniqueItems':
      return `items at ${String(params['j'])} and ${String(params['i'])} are equal`;
    default:
      return 'limit' in params
        ? `${keyword}: got ${sizeOf(data, keyword)}, want ${String(params['limit'])}`
        : (error.message ?? keyword);
  }
}

function sizeOf(data: unknown, keyword: string): string {
  if (keyword.endsWith('Length')) return String(Array.from(String(data)).length);
  if (Array.isArray(data)) return String(data.length);
  return isMap(data) ? String(Object.keys(data).length) : String(data);
}

function typeName(data: unknown): string {
  if (data === null) return 'null';
  return Array.isArray(data) ? 'array' : typeof data;
}

const typeOrder = ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object'];

function inOrder(types: readonly string[]): string[] {
  return types.toSorted((a, b) => typeOrder.indexOf(a) - typeOrder.indexOf(b));
}

function isCollection(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function quoted(value: unknown): string {
  if (typeof value === 'string') return `'${quote(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
  return value === null ? '<nil>' : JSON.stringify(value);
}
