import type { Secret } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, required, tooLong } from '../../field-errors.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { immutable } from '../immutable.ts';
import { decodedLength, largestData, validateDataKeys, validateImmutableData } from './data-validation.ts';
import { serviceAccountNameAnnotation } from '../../well-known.ts';

export const secret = defineKind<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  scope: 'Namespaced',
  defaults: (object) => {
    mergeStringData(object);
    object.type ||= 'Opaque';
  },
  validate,
  validateUpdate: (object, old) => [
    ...immutable('type', object.type, old.type),
    ...validateImmutableData(object, old, ['data']),
  ],
  columns: [
    nameColumn,
    column('Type', ({ type }) => type ?? ''),
    column('Data', ({ data }) => Object.keys(data ?? {}).length),
    ageColumn,
  ],
  selectableFields: { type: ({ type }) => type ?? '' },
});

/** `stringData` is for writing only: its values, encoded, replace those of the same key in `data`. */
function mergeStringData(object: Secret): void {
  if (!object.stringData) return;
  const data = (object.data ??= {});
  for (const [key, value] of Object.entries(object.stringData)) data[key] = Buffer.from(value).toString('base64');
  delete object.stringData;
}

const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function validate({ metadata, data, type = '' }: Secret): StatusCause[] {
  const causes = validateDataKeys(data, 'data');
  let total = 0;
  for (const key in data) total += decodedLength(data[key]!);
  if (total > largestData) causes.push(tooLong('data', largestData));
  if (type === 'kubernetes.io/service-account-token' && !metadata.annotations?.[serviceAccountNameAnnotation]) {
    causes.push(required(`metadata.annotations[${serviceAccountNameAnnotation}]`, ''));
  }
  if (type === 'kubernetes.io/basic-auth' && data?.username === undefined && data?.password === undefined) {
    causes.push(required('data[username]', ''), required('data[password]', ''));
  }
  for (const key of requiredKeys[type] ?? []) {
    if (data?.[key] === undefined) causes.push(required(`data[${key}]`, ''));
    else if (key.startsWith('.dockerc') && !isJson(data[key])) {
      causes.push(invalidValue(`data[${key}]`, '<secret contents redacted>', 'invalid character in JSON'));
    }
  }
  return causes;
}

function isJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString());
    return true;
  } catch {
    return false;
  }
}
