import type { FieldValidation } from './body.ts';
import type { AnyObject, KubeObject } from './object.ts';
import type { JSONSchemaProps, WebhookConversion } from './types/apiextensions-v1.ts';
import type { StatusCause } from './types/meta-v1.ts';

/** What the pure rules of a kind may know of the world: handed in, never read. */
export interface RuleContext {
  /** Epoch milliseconds. */
  now: number;
  /** The user that makes the request, for rules that record it. */
  user?: {
    name: string;
    uid?: string;
    groups: readonly string[];
    extra?: Readonly<Record<string, readonly string[]>>;
  };
}

/**
 * One file tells all about one kind: this is what it tells. The generic handler serves any kind from it, so a kind adds
 * only what is its own. Every function here is pure. `T` is the object in the storage version.
 */
export interface ResourceKind<T extends KubeObject = AnyObject> {
  /** API group of the storage version; '' is the core group. */
  group: string;
  kind: string;
  /** Lower-case plural, as in URLs: `deployments`. */
  plural: string;
  singular: string;
  shortNames?: readonly string[];
  /** `kubectl get all` and other groupings. */
  categories?: readonly string[];
  scope: 'Namespaced' | 'Cluster';
  /** Every version that serves this kind, the storage version first. A version may live in another group (extensions/v1beta1). */
  versions: readonly KindVersion[];
  /** Verbs that discovery lists; default: all eight. */
  verbs?: readonly Verb[];
  /** Served subresources; `status` gives a kind the split between spec writes and status writes. */
  subresources?: readonly Subresource[];
  /** True (default when there is a status subresource or `hasGeneration`): metadata.generation counts changes outside metadata and status. */
  hasGeneration?: boolean;
  /** Fills what the user left out, in place, in the storage version. */
  defaults?: (object: T) => void;
  /** Called once, in place, before validation of a create: clear what a client may not set (status), allocate generated fields. */
  prepareForCreate?: (object: T, context: RuleContext) => void;
  /** Called in place before validation of an update: carry over what this update may not touch. `subresource` is '' for the main resource. */
  prepareForUpdate?: (object: T, old: T, subresource: string, context: RuleContext) => void;
  /** Rules beyond the schema. Returns causes as upstream words them: `spec.replicas` / `Invalid value: -1: must be ...`. */
  validate?: (object: T) => StatusCause[];
  /** Further rules, for new objects alone. */
  validateCreate?: (object: T) => StatusCause[];
  validateUpdate?: (object: T, old: T, subresource: string) => StatusCause[];
  /** Texts for `Warning` headers on create and update. */
  warnings?: (object: T, old?: T) => string[];
  /** Name rule for metadata.name; default: a DNS subdomain. */
  validateName?: (name: string) => string | undefined;
  /** The columns of `kubectl get`, as upstream prints them; default: Name and Age. */
  columns?: readonly PrinterColumn<T>[];
  /** Field selectors beyond metadata.name and metadata.namespace. */
  selectableFields?: Readonly<Record<string, (object: T) => string>>;
  /** Called in place when a delete marks an object, for finalizers that its end must wait for. */
  prepareForDelete?: (object: T, context: Pick<RuleContext, 'now'>) => void;
  /** Grace on delete: seconds before the object may go, or undefined for at once. Pods have this. */
  gracefulDeletion?: (object: T, requestedSeconds: number | undefined) => GraceDecision;
  /** Where `kubectl scale` and the autoscaler look; gives the kind a `scale` subresource. */
  scale?: { specReplicas: string; statusReplicas: string; labelSelector: (object: T) => string };
  /** Propagation when a delete names none; default: background. */
  defaultPropagation?: 'Orphan' | 'Background';
  /** May a PUT create the object? Default false. */
  allowCreateOnUpdate?: boolean;
  /** May an update leave out resourceVersion? Default true, as for nearly every kind upstream. */
  allowUnconditionalUpdate?: boolean;
}

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface KindVersion {
  group: string;
  version: string;
  /** Key in the generated schema: `io.k8s.api.apps.v1.Deployment`. */
  type: string;
  /** From this version to the storage version and back, in place; absent: the same shape. Defaults of this version are applied by `toStorage`. */
  toStorage?: (object: AnyObject) => void;
  fromStorage?: (object: AnyObject) => void;
  /** Set for a custom resource that others convert: then `toStorage` and `fromStorage` work on what has been converted. */
  webhook?: WebhookConversion;
  /** Sent as a `Warning` header on every request to this version. */
  deprecation?: string;
  /** Set for a custom resource: its definition's schema stands in for the generated one. */
  custom?: CustomVersion;
}

/** What a version of a custom resource has of its own. */
export interface CustomVersion {
  /** Fits a parsed value to the schema, in place: see `decodeObject`. */
  decode: (raw: unknown, mode: FieldValidation) => { object: AnyObject; problems: string[] };
  /** As `decode`, of what is applied: without defaults, which the user did not say. */
  decodeApplied: CustomVersion['decode'];
  /** Causes for what breaks the schema and its rules; `old` is the state that is replaced. */
  validate: (object: AnyObject, old?: AnyObject) => StatusCause[];
  /** As the definition states it; undefined: anything goes. */
  schema: JSONSchemaProps | undefined;
  listKind: string;
}

export interface Subresource {
  /** `status`, `scale`, `binding`, `eviction`, `token`, `log`, `exec`, `finalize`, `approval`, `ephemeralcontainers` … */
  name: string;
  /** For discovery, where it is not the kind itself: `Scale` of `autoscaling/v1`. */
  kind?: string;
  group?: string;
  version?: string;
  verbs: readonly string[];
}

export interface PrinterColumn<T extends KubeObject> {
  name: string;
  type: 'string' | 'integer' | 'number' | 'date' | 'boolean';
  format?: string;
  /** 0 shows always, 1 with `-o wide`. */
  priority: 0 | 1;
  description?: string;
  /** The cell. `now` is epoch milliseconds, for ages. Null shows as nothing. */
  value: (object: T, now: number) => string | number | boolean | null;
}

/** What a delete means for an object with grace. */
export type GraceDecision =
  | { kind: 'now' }
  /** Set deletionTimestamp (now + seconds) and deletionGracePeriodSeconds, and wait for whoever holds the object. */
  | { kind: 'graceful'; seconds: number };
