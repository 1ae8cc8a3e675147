import type { AnyObject } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import { ApiError } from '../../api/status.ts';
import type { AdmissionResponse } from '../../api/types/admission-v1.ts';
import type { GroupVersionKind, GroupVersionResource, Status } from '../../api/types/meta-v1.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { Served } from '../kind-index.ts';

/** The request of an AdmissionReview, as CEL and webhooks see it. */
export type ReviewedRequest = Record<string, unknown> & { uid: string };

const optionsKinds: Readonly<Record<string, string | undefined>> = {
  CREATE: 'CreateOptions',
  UPDATE: 'UpdateOptions',
  DELETE: 'DeleteOptions',
};

/** The request as it is shown to others, in the version that they want to see (admission.k8s.io/v1). */
export function reviewedRequest(
  request: AdmissionRequest,
  shown: { uid: string; served: Served; object: AnyObject | undefined; old: AnyObject | undefined },
): ReviewedRequest {
  const { operation, subresource, namespace, name, user, dryRun, objectKind, versions } = request;
  const { uid, served, object, old } = shown;
  const own = versions?.served ?? served;
  const options = optionsKinds[operation];
  const isNamespace = request.kind.group === '' && request.kind.plural === 'namespaces';
  return {
    uid,
    kind: objectKind ?? kindOf(served),
    resource: resourceOf(served),
    ...(subresource !== '' && { subResource: subresource }),
    requestKind: objectKind ?? kindOf(own),
    requestResource: resourceOf(own),
    ...(subresource !== '' && { requestSubResource: subresource }),
    ...(name !== '' && { name }),
    ...(isNamespace ? { namespace: name } : namespace !== '' && { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid !== undefined && { uid: user.uid }),
      groups: user.groups,
      ...(user.extra && { extra: user.extra }),
    },
    object: object ?? null,
    oldObject: old ?? null,
    dryRun,
    options: options ? { kind: options, apiVersion: 'meta.k8s.io/v1' } : null,
  };
}

function kindOf({ version, kind }: Served): GroupVersionKind {
  return { group: version.group, version: version.version, kind: kind.kind };
}

function resourceOf({ version, kind }: Served): GroupVersionResource {
  return { group: version.group, version: version.version, resource: kind.plural };
}

/** What a webhook decided. */
export type Verdict =
  | { kind: 'allowed'; warnings: readonly string[]; patch: unknown }
  | { kind: 'denied'; warnings: readonly string[]; status: Status };

/** The first of these that the webhook knows is spoken with it. */
export const reviewVersions: readonly string[] = ['v1', 'v1beta1'];

/**
 * Reads a webhook's answer to the review with this `uid`. Throws for what is no answer to it: a wrong uid or version, a
 * patch that is no JSON, or of a type that is not said.
 */
export function verdictOf(answer: unknown, { uid, version }: { uid: string; version: string }): Verdict {
  if (!isJsonObject(answer)) throw new Error('the answer is no AdmissionReview');
  const apiVersion = `admission.k8s.io/${version}`;
  if (!isJsonObject(answer.response)) throw new Error('webhook response was absent');
  const response: AdmissionResponse = answer.response;
  if (version === 'v1') {
    if (answer.apiVersion !== apiVersion || answer.kind !== 'AdmissionReview') {
      const got = `${String(answer.apiVersion)}, Kind=${String(answer.kind)}`;
      throw new Error(`expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${got}`);
    }
    if (response.uid !== uid) throw new Error(`expected response.uid=${quoted(uid)}, got ${quoted(response.uid)}`);
  }
  const warnings = Array.isArray(response.warnings) ? response.warnings.map(String) : [];
  if (response.allowed !== true) return { kind: 'denied', warnings, status: response.status ?? {} };
  return { kind: 'allowed', warnings, patch: patchOf(response, version) };
}

function patchOf({ patch, patchType }: AdmissionResponse, version: string): unknown {
  if (!patch) return undefined;
  if (patchType !== 'JSONPatch' && (version === 'v1' || patchType !== undefined)) {
    throw new Error(`webhook returned response.patch, but response.patchType is ${quoted(patchType)}, not "JSONPatch"`);
  }
  return JSON.parse(Buffer.from(patch, 'base64').toString('utf8')) as unknown;
}

function quoted(text: string | undefined): string {
  return JSON.stringify(text ?? '');
}

/** The failure that a denied request is answered with: the webhook's own, as far as it is one. */
export function denial(name: string, { code, status, ...given }: Status): ApiError {
  const deniedBy = `admission webhook ${JSON.stringify(name)} denied the request`;
  const explained = given.message || given.reason;
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    ...given,
    status: !status || status === 'Success' ? 'Failure' : status,
    message: explained ? `${deniedBy}: ${explained}` : `${deniedBy} without explanation`,
    code: code === undefined || code < 400 ? 400 : code,
  });
}
