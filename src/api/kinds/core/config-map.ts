import type { ConfigMap } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, tooLong } from '../../field-errors.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { decodedLength, largestData, validateDataKeys, validateImmutableData } from './data-validation.ts';

export const configMap = defineKind<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  scope: 'Namespaced',
  validate,
  validateUpdate: (object, old) => validateImmutableData(object, old, ['data', 'binaryData']),
  columns: [
    nameColumn,
    column('Data', ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length),
    ageColumn,
  ],
});

function validate({ data, binaryData }: ConfigMap): StatusCause[] {
  const causes = [...validateDataKeys(data, 'data'), ...validateDataKeys(binaryData, 'binaryData')];
  let total = 0;
  for (const key in data) {
    total += Buffer.byteLength(data[key]!);
    if (binaryData?.[key] !== undefined) {
      causes.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    }
  }
  for (const key in binaryData) total += decodedLength(binaryData[key]!);
  if (total > largestData) causes.push(tooLong('[]', largestData));
  return causes;
}
