import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { AnyObject } from '../api/object.ts';
import { ApiError } from '../api/status.ts';
import type { Status } from '../api/types/meta-v1.ts';
import type { Entry, Store } from '../store/store.ts';
import type { AdmissionPlugin } from './admission.ts';
import type { ResolvedRequest } from './endpoint.ts';
import type { KindIndex, Served } from './kind-index.ts';
import type { WebhookClient } from './webhooks/webhook-client.ts';

/** What everything that reads and writes objects works with. */
export interface Core {
  store: Store;
  kinds: KindIndex;
  clock: Clock;
  random: Random;
  log: Logger;
  admission: readonly AdmissionPlugin[];
  hooks: readonly WriteHook[];
  /** Calls the webhooks that convert custom resources; absent: those are not converted. */
  webhooks?: WebhookClient;
}

/** A resolved request on its way through the registry. */
export interface ResourceRequest extends ResolvedRequest {
  served: Served;
  /** Adds a `Warning` header to the answer. */
  warn: (text: string) => void;
  /** Rejects with Forbidden unless the user may do this, too, with the object of the request. */
  authorize: (verb: string) => Promise<void>;
}

/**
 * What a kind allocates from the cluster with its objects: addresses, ports. Called after validation, before the
 * commit, and told how that went. `object` may be changed. Throws ApiError to refuse.
 */
export interface WriteHook {
  group: string;
  plural: string;
  /** `old` is undefined for a create. */
  prepare(object: AnyObject, old: AnyObject | undefined): Reservation;
  /** It is stored with a time of deletion. */
  marked?(object: AnyObject): void;
  deleted(object: AnyObject): void;
}

export interface Reservation {
  /** The object is stored: what the old one had and the new one has not is free again. */
  commit(): void;
  /** The object is not stored: what was reserved for it is free again. */
  release(): void;
}

/** What a request on stored objects comes to; objects are in the storage version. */
export type Outcome =
  | { kind: 'entry'; status: number; entry: Entry }
  /** Not stored: a dry run, or the last state of a deleted object. */
  | { kind: 'object'; status: number; object: AnyObject }
  | { kind: 'status'; status: number; object: Status }
  /** An object of another kind, such as Scale, as it goes out. `type` is its schema's. */
  | { kind: 'other'; status: number; object: AnyObject; type: string };

/** Throws unless `dryRun` is absent or `All`. */
export function isDryRun(values: readonly string[]): boolean {
  const wrong = values.find((value) => value !== 'All');
  if (wrong === undefined) return values.length > 0;
  const message = `Unsupported value: ${JSON.stringify(wrong)}: supported values: "All"`;
  const causes = [{ reason: 'FieldValueNotSupported', message, field: 'dryRun' }];
  throw ApiError.of('Invalid', ` "" is invalid: dryRun: ${message}`, { causes });
}

export function storeFailure(error: Error, log: Logger): ApiError {
  log.error('the store refused a commit', { error });
  return ApiError.of('InternalError', `Internal error occurred: ${error.message}`, {
    causes: [{ message: error.message }],
  });
}

/** The object's own status and success, as a write that leaves no object answers. */
export function success(details?: Status['details']): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', ...(details && { details }) };
}
