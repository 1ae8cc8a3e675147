import { labelMatcher } from '../../api/label-selector.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { ParamKind, ParamRef } from '../../api/types/admissionregistration-v1.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { Collection, Lookup } from '../admission/lookup.ts';
import type { Served } from '../kind-index.ts';
import { inVersion } from '../webhooks/conversion.ts';
import type { Bound, PolicyOptions } from './bound-policies.ts';

/**
 * The objects that a policy is evaluated with, once for each: null where it has no params. `isMissing`: there are none
 * where there must be some. Rejects where the kind of the params is not served.
 */
export async function paramsOf(
  { lookup, client, random }: PolicyOptions,
  { policy, binding, request }: Evaluated,
): Promise<{ isMissing: boolean; params: readonly (AnyObject | null)[] }> {
  const { paramKind } = policy.spec ?? {};
  const { paramRef } = binding.spec ?? {};
  if (!paramKind || !paramRef) return { isMissing: false, params: [null] };
  const served = servedKind(paramKind, request);
  const namespace = served.kind.scope === 'Namespaced' ? paramRef.namespace || request.namespace : '';
  const found = await find(lookup, { collection: served.kind, namespace, paramRef });
  const params = await Promise.all(
    found.map((each) => inVersion({ webhooks: client, random }, served, each as AnyObject)),
  );
  if (params.length > 0) return { isMissing: false, params };
  return { isMissing: paramRef.parameterNotFoundAction !== 'Allow', params: [] };
}

type Evaluated = Bound & { request: AdmissionRequest };

function servedKind({ apiVersion, kind }: ParamKind, { versions }: AdmissionRequest): Served {
  const served = versions?.kinds.all.find((each) => each.apiVersion === apiVersion && each.kind.kind === kind);
  if (!served || served.isVirtual) {
    throw new Error(`failed to find resource referenced by paramKind: '${apiVersion ?? ''}, Kind=${kind ?? ''}'`);
  }
  return served;
}

async function find(
  lookup: Lookup,
  { collection, namespace, paramRef }: { collection: Collection; namespace: string; paramRef: ParamRef },
): Promise<KubeObject[]> {
  if (paramRef.name) {
    const object = await lookup.fresh(collection, namespace, paramRef.name);
    return object ? [object] : [];
  }
  const matcher = labelMatcher(paramRef.selector ?? {});
  const all = await lookup.freshList(collection, namespace);
  return all.filter(({ metadata }) => matcher.matches(metadata.labels ?? {}));
}
