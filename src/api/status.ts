import type { Status, StatusCause, StatusDetails } from './types/meta-v1.ts';

/** `metav1.StatusReason`: why a request failed, for machines. */
export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'ServerTimeout'
  | 'Timeout'
  | 'TooManyRequests'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'Expired'
  | 'ServiceUnavailable';

const codes: Record<StatusReason, number> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  ServerTimeout: 500,
  Timeout: 504,
};

/** The HTTP status that goes with a reason. */
export function statusCodeOf(reason: StatusReason): number {
  return codes[reason];
}

/** A failed API request: carries the `Status` object that is (or was) the answer's body. Thrown by server and client alike. */
export class ApiError extends Error {
  readonly status: Status;

  constructor(status: Status) {
    super(status.message ?? status.reason ?? 'unknown error');
    this.name = 'ApiError';
    this.status = status;
  }

  static of(reason: StatusReason, message: string, details?: StatusDetails): ApiError {
    return new ApiError({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details && { details }),
      code: codes[reason],
    });
  }

  get reason(): StatusReason | undefined {
    return this.status.reason as StatusReason | undefined;
  }

  get code(): number {
    return this.status.code ?? 500;
  }
}

/** True when `error` is an ApiError with one of `reasons`. */
export function isApiError(error: unknown, ...reasons: StatusReason[]): error is ApiError {
  return error instanceof ApiError && (reasons.length === 0 || reasons.some((reason) => reason === error.reason));
}

/** `pods "web" not found`, as upstream says it; `resource` is the plural with its group: `deployments.apps`. */
export function notFound(group: string, resource: string, name: string): ApiError {
  return ApiError.of('NotFound', `${qualified(group, resource)} "${name}" not found`, { name, group, kind: resource });
}

export function alreadyExists(group: string, resource: string, name: string): ApiError {
  const details = { name, group, kind: resource };
  return ApiError.of('AlreadyExists', `${qualified(group, resource)} "${name}" already exists`, details);
}

export function conflict(group: string, resource: string, name: string, message: string): ApiError {
  const text = `Operation cannot be fulfilled on ${qualified(group, resource)} "${name}": ${message}`;
  return ApiError.of('Conflict', text, { name, group, kind: resource });
}

/** 422 with one cause for each field error; `kind` is the kind's name (`Pod`), as upstream has it in this one status. */
export function invalid(group: string, kind: string, name: string, causes: StatusCause[]): ApiError {
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return ApiError.of('Invalid', `${kind}${group && `.${group}`} "${name}" is invalid: ${list}`, {
    name,
    group,
    kind,
    causes,
  });
}

function qualified(group: string, resource: string): string {
  return group === '' ? resource : `${resource}.${group}`;
}
