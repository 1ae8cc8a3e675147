import type { AnyObject, KubeObject } from '../api/object.ts';
import { ApiError } from '../api/status.ts';
import type { ApiRequest, ApiResponse } from './handler.ts';

/** Turns a request's bytes into the object they stand for; knows the media types that the server accepts. */
export type DecodeBody = (request: ApiRequest) => Promise<unknown>;

/** JSON only: for servers that are given no other decoder. */
export async function decodeJson(request: ApiRequest): Promise<unknown> {
  const { body } = request;
  if (body.kind === 'none') return undefined;
  if (body.kind === 'object') return body.object;
  const text = Buffer.from(await body.read()).toString();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw ApiError.of('BadRequest', `the object provided is unrecognized: ${(error as Error).message}`);
  }
}

/** The body of a POST to an endpoint that takes one kind. Rejects with 400 for any other. */
export async function readReview<T extends KubeObject>(
  request: ApiRequest,
  decode: DecodeBody,
  expected: { apiVersion: string; kind: string },
): Promise<T> {
  const object = (await decode(request)) as AnyObject | undefined;
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

export function created(object: unknown): ApiResponse {
  return { status: 201, headers: {}, body: { kind: 'object', object } };
}
