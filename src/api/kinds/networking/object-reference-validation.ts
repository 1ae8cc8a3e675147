import { invalidValue, required } from '../../field-errors.ts';
import { dnsSubdomain, pathSegmentName } from '../../names.ts';
import type { StatusCause } from '../../types/meta-v1.ts';

/** References to objects of any kind: resource backends of ingresses, and the parameters of their classes. */
export function validateObjectReference(
  { apiGroup, kind = '', name = '' }: { apiGroup?: string; kind?: string; name?: string },
  path: string,
): StatusCause[] {
  return [
    ...(apiGroup === undefined
      ? []
      : dnsSubdomain(apiGroup).map((text) => invalidValue(`${path}.apiGroup`, apiGroup, text))),
    ...Object.entries({ kind, name }).flatMap(([field, value]) =>
      value === ''
        ? [required(`${path}.${field}`, '')]
        : pathSegmentName(value).map((text) => invalidValue(`${path}.${field}`, value, text)),
    ),
  ];
}
