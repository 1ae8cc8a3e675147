import type { KubeObject } from '../../api/object.ts';
import type { ObjectName, Resource } from '../../client/client.ts';

/** A text that is no manifest: `web.yaml:12: …`. */
export class ManifestError extends Error {
  readonly source: string;
  readonly line: number;

  constructor(source: string, line: number, message: string) {
    super(`${source}:${line}: ${message}`);
    this.name = 'ManifestError';
    this.source = source;
    this.line = line;
  }
}

/** A kind that the API server does not serve. */
export class UnknownKindError extends Error {
  readonly apiVersion: string;
  readonly kind: string;

  constructor(apiVersion: string, kind: string) {
    super(
      `no matches for kind "${kind}" in version "${apiVersion}": the server does not serve it ` +
        `(is its CustomResourceDefinition installed?)`,
    );
    this.name = 'UnknownKindError';
    this.apiVersion = apiVersion;
    this.kind = kind;
  }
}

export type ApplyAction = 'created' | 'configured' | 'unchanged' | 'deleted';

/** What was done about one object. */
export interface Applied {
  action: ApplyAction;
  resource: Resource;
  name: ObjectName;
  /** As the server has it now; of a deleted one, as it was asked for. */
  object: KubeObject;
}

/** An object could not be applied; `applied` tells what was done before. */
export class ApplyError extends Error {
  readonly applied: readonly Applied[];

  constructor(message: string, applied: readonly Applied[], cause: unknown) {
    super(message, { cause });
    this.name = 'ApplyError';
    this.applied = applied;
  }
}

/** One object to wait for. */
export interface WaitTarget {
  resource: Resource;
  name: ObjectName;
}

export interface Unready extends WaitTarget {
  /** It failed, rather than not being ready in time. */
  failed: boolean;
  reason: string;
}

/** What was not ready in the end, each with its reason. */
export class WaitError extends Error {
  readonly unready: readonly Unready[];
  readonly timedOut: boolean;
  /** Lines that tell why, as far as events and logs do. */
  readonly explanation: readonly string[];

  constructor(unready: readonly Unready[], timeoutMs: number | undefined, explanation: readonly string[]) {
    const list = unready.map((each) => `${describeTarget(each)}: ${each.reason}`).join('; ');
    super(timeoutMs === undefined ? list : `not ready after ${timeoutMs / 1000} s: ${list}`);
    this.name = 'WaitError';
    this.unready = unready;
    this.timedOut = timeoutMs !== undefined;
    this.explanation = explanation;
  }
}

/** `Deployment shop/web` */
export function describeTarget({ resource, name }: WaitTarget): string {
  return `${resource.kind} ${name.namespace ? `${name.namespace}/` : ''}${name.name}`;
}
