import type { AnyObject, KubeObject } from '../api/object.ts';
import { ApiError } from '../api/status.ts';
import { typeOfKind } from '../api/type-lookup.ts';
import type { ApiRequest, ApiResponse } from './handler.ts';
import { formatOf } from './format.ts';
import { readBody } from './read-body.ts';
import { encodeBody, objectHeaders } from './respond.ts';

/** The body of a POST to an endpoint that takes one kind. Rejects with 400 for any other. */
export async function readReview<T extends KubeObject>(
  request: ApiRequest,
  expected: { apiVersion: string; kind: string },
): Promise<T> {
  // There is no table of them.
  formatOf(request, []);
  const object = (await readBody(request)).parse('Ignore').value as AnyObject | undefined;
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    throw ApiError.of('BadRequest', `the body of the request was in an unknown format - expected ${expected.kind}`);
  }
  if (object.kind !== undefined && object.kind !== '' && object.kind !== expected.kind) {
    throw ApiError.of(
      'BadRequest',
      `${object.kind} in version ${JSON.stringify(object.apiVersion)} cannot be handled as a ${expected.kind}`,
    );
  }
  return { ...object, ...expected, metadata: object.metadata ?? {} } as unknown as T;
}

/** The answered review, in the format that the request asks for. */
export function created<T extends KubeObject>(request: ApiRequest, object: T): ApiResponse {
  const format = formatOf(request, []);
  const type = typeOfKind(object.apiVersion ?? '', object.kind ?? '');
  return { status: 201, headers: objectHeaders(format), body: encodeBody(object, format, type) };
}
