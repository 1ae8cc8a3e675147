import type { ResourceKind } from '../api/kind.ts';
import type { AnyObject } from '../api/object.ts';
import type { GroupVersionKind } from '../api/types/meta-v1.ts';
import type { User } from './handler.ts';
import type { KindIndex, Served } from './kind-index.ts';

/** A write on its way in, after decoding and defaulting to the storage version, before validation. */
export interface AdmissionRequest {
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  kind: ResourceKind;
  /** '' for the main resource. */
  subresource: string;
  namespace: string;
  name: string;
  /** The new object (CREATE, UPDATE), for mutating plugins to change in place. */
  object: AnyObject | undefined;
  /** The stored object (UPDATE, DELETE), frozen. */
  old: AnyObject | undefined;
  user: User;
  dryRun: boolean;
  /** Adds a `Warning` header to the answer. */
  warn: (message: string) => void;
  /** For those who show the request to others; absent: only the server's own plugins look at it. */
  versions?: {
    /** As the URL names it. */
    served: Served;
    /** All that is served beside it. */
    kinds: KindIndex;
  };
  /** Set when `object` is of another kind than the resource: options of a connection, an eviction, a scale. */
  objectKind?: GroupVersionKind;
}

/** One admission plugin. Mutators run first, in order; validators after the schema's and the kind's own validation. Rejects with ApiError. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Answers quickly which requests it wants to see. */
  handles(request: AdmissionRequest): boolean;
  /** `reinvoke`: the object is another one, and everybody has to look at it again, once. */
  mutate?(request: AdmissionRequest): void | Promise<void | 'reinvoke'>;
  validate?(request: AdmissionRequest): void | Promise<void>;
}
