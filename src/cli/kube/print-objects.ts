import { readFileSync } from 'node:fs';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import { encodeJson } from '../../delivery/charts/functions/json.ts';
import { IndexError } from '../../api/json-path.ts';
import { CliError } from '../errors.ts';

/** Prints objects as `-o` asks, in kubectl's formats. */
export interface ObjectPrinter {
  /** One object, or a list of them. */
  print(object: AnyObject): string;
}

const formats =
  'custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml';

/** The printer of `-o FORMAT`; undefined for tables (none, and `wide`). Rejects with CliError. */
export async function objectPrinter(
  format: string | undefined,
  options: { showManagedFields?: boolean; noHeaders?: boolean } = {},
): Promise<ObjectPrinter | undefined> {
  if (format === undefined || format === '' || format === 'wide') return undefined;
  const [name = '', argument] = divide(format);
  const clean = (object: AnyObject): AnyObject => (options.showManagedFields ? object : withoutManagedFields(object));
  switch (name) {
    case 'json':
      return { print: (object) => `${encodeJson(clean(object), { indent: '    ' })}\n` };
    case 'yaml': {
      const { emitYaml } = await import('../../delivery/charts/functions/yaml-emit.ts');
      return { print: (object) => emitYaml(clean(object)) };
    }
    case 'name': {
      const { shownName } = await import('./resource-finder.ts');
      return {
        print: (object) =>
          itemsOf(object)
            .map(({ apiVersion = '', kind = '', metadata }) => {
              const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
              return `${shownName({ kind, group }, metadata.name ?? '')}\n`;
            })
            .join(''),
      };
    }
    case 'jsonpath':
    case 'jsonpath-file': {
      const { compileJsonPathTemplate } = await import('../../delivery/inspect/json-path-template.ts');
      const text = textOf(name, argument);
      const template = made(`jsonpath ${text}`, () => compileJsonPathTemplate(text, { isStrict: true }));
      return { print: (object) => executed(text, () => template(clean(object))) };
    }
    case 'jsonpath-as-json': {
      const { compileRelaxedPath } = await import('../../delivery/inspect/json-path-template.ts');
      const text = textOf(name, argument);
      const path = made(`jsonpath ${text}`, () => compileRelaxedPath(text));
      return { print: (object) => `${encodeJson(path(clean(object)), { indent: '    ' })}\n` };
    }
    case 'custom-columns':
    case 'custom-columns-file':
      return customColumns(name, argument, options.noHeaders ?? false);
    case 'go-template':
    case 'go-template-file':
    case 'template':
    case 'templatefile':
      return goTemplate(name, argument, clean);
    default:
      throw new CliError(
        `unable to match a printer suitable for the output format "${name}", allowed formats are: ${formats}`,
      );
  }
}

function divide(format: string): string[] {
  const at = format.indexOf('=');
  return at < 0 ? [format] : [format.slice(0, at), format.slice(at + 1)];
}

function textOf(name: string, argument: string | undefined): string {
  if (!argument) throw new CliError(`template format specified but no template given`);
  return name.endsWith('file') ? readFileSync(argument, 'utf8') : argument;
}

/** What is wrong says all. */
function asTold<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new CliError((error as Error).message, { cause: error });
  }
}

function made<T>(format: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new CliError(`error parsing ${format}, ${(error as Error).message}`, { cause: error });
  }
}

/** A path to what a list does not have is an error, as scripts expect. */
function executed(template: string, print: () => string): string {
  try {
    return print();
  } catch (error) {
    if (!(error instanceof IndexError)) throw error;
    throw new CliError(
      `error executing jsonpath ${JSON.stringify(template)}: Error executing template: ${error.message}.`,
      { cause: error },
    );
  }
}

async function customColumns(name: string, argument: string | undefined, noHeaders: boolean): Promise<ObjectPrinter> {
  const { parseCustomColumns, parseCustomColumnsFile } = await import('../../delivery/inspect/custom-columns.ts');
  const { createColumns } = await import('../../delivery/inspect/columns.ts');
  const text = name === 'custom-columns' ? (argument ?? '') : textOf(name, argument);
  const parse = name === 'custom-columns' ? parseCustomColumns : parseCustomColumnsFile;
  const { header, row } = asTold(() => parse(text));
  const columns = createColumns();
  let withHeader = !noHeaders;
  return {
    print(object) {
      const rows = [...(withHeader ? [header] : []), ...itemsOf(object).map(row)];
      withHeader = false;
      return columns
        .lines(rows)
        .map((line) => `${line}\n`)
        .join('');
    },
  };
}

async function goTemplate(
  name: string,
  argument: string | undefined,
  clean: (object: AnyObject) => AnyObject,
): Promise<ObjectPrinter> {
  const { parseTemplates } = await import('../../delivery/charts/template/engine.ts');
  const { goFunction } = await import('../../delivery/charts/template/function.ts');
  const functions = {
    base64decode: goFunction(['string'], (text) => Buffer.from(text, 'base64').toString()),
    exists: goFunction(['any', '...any'], (value, ...keys) => {
      const at = (from: unknown, key: unknown): unknown =>
        typeof from === 'object' && from !== null ? (from as Record<string, unknown>)[String(key)] : undefined;
      return keys.reduce(at, value) !== undefined;
    }),
  };
  const text = textOf(name.replace('templatefile', 'file'), argument);
  const templates = made(`template ${text}`, () => parseTemplates([{ name: 'output', text }], functions));
  return { print: (object) => templates.execute('output', structuredClone(clean(object))) };
}

/** The items of a list, or the object itself. */
function itemsOf(object: AnyObject): AnyObject[] {
  const { items, kind } = object;
  return kind?.endsWith('List') && Array.isArray(items) ? (items as AnyObject[]) : [object];
}

function withoutManagedFields(object: AnyObject): AnyObject {
  const { items } = object;
  if (object.kind?.endsWith('List') && Array.isArray(items)) {
    return { ...object, items: (items as AnyObject[]).map(withoutManagedFields) };
  }
  const { managedFields, ...metadata } = (object as KubeObject).metadata ?? {};
  void managedFields;
  return { ...object, metadata };
}
