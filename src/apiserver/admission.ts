import type { ResourceKind } from '../api/kind.ts';
import type { AnyObject } from '../api/object.ts';
import type { User } from './handler.ts';

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
}

/** One admission plugin. Mutators run first, in order; validators after the schema's and the kind's own validation. Rejects with ApiError. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Answers quickly which requests it wants to see. */
  handles(request: AdmissionRequest): boolean;
  mutate?(request: AdmissionRequest): void | Promise<void>;
  validate?(request: AdmissionRequest): void | Promise<void>;
}
