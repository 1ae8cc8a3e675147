import { compileJsonPath, type JsonPath } from '../json-path.ts';
import { nameColumn, since } from '../kinds/columns.ts';
import type { PrinterColumn } from '../kind.ts';
import type { AnyObject } from '../object.ts';
import type { CustomResourceColumnDefinition } from '../types/apiextensions-v1.ts';

const ageOnly: CustomResourceColumnDefinition = {
  name: 'Age',
  type: 'date',
  description: 'Time since the object was created.',
  jsonPath: '.metadata.creationTimestamp',
};

/** The columns of `kubectl get` for a custom resource: its name, and what the definition says, else its age. */
export function customColumns(
  definitions: readonly CustomResourceColumnDefinition[] | undefined,
): PrinterColumn<AnyObject>[] {
  const own = definitions && definitions.length > 0 ? definitions : [ageOnly];
  return [nameColumn, ...own.map(customColumn)];
}

function customColumn(definition: CustomResourceColumnDefinition): PrinterColumn<AnyObject> {
  const { name, type, format, priority, description, jsonPath } = definition;
  let path: JsonPath | undefined;
  return {
    name,
    type: type as PrinterColumn<AnyObject>['type'],
    ...(format !== undefined && { format }),
    priority: (priority ?? 0) as 0 | 1,
    ...(description !== undefined && { description }),
    value: (object, now) => {
      path ??= compileJsonPath(jsonPath);
      return cell(path(object)[0], type, now);
    },
  };
}

/** A cell as apiextensions' table convertor fills it; null where there is nothing to show. */
function cell(value: unknown, type: string, now: number): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date': {
      if (typeof value !== 'string') return null;
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : since(value, now);
    }
    default:
      return typeof value === 'string' ? value : JSON.stringify(value);
  }
}
