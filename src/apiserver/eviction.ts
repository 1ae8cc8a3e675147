import { formatTime } from '../base/clock.ts';
import { labelMatcher } from '../api/label-selector.ts';
import type { AnyObject } from '../api/object.ts';
import { cloneJson } from '../api/plain-json.ts';
import { ApiError, isApiError, notFound } from '../api/status.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts';
import type { DeleteOptions as WireOptions } from '../api/types/meta-v1.ts';
import { admitBody } from './admit.ts';
import { forbiddenObject } from './authorization/forbidden.ts';
import { success } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { checkDeleteOptions } from './delete-options.ts';
import { removeObject } from './delete.ts';
import type { Served } from './kind-index.ts';
import { storeKeyOf } from './kind-index.ts';
import { decodeAs, fieldValidationOf, readBody } from './read-body.ts';
import { decodedOf } from './stored-object.ts';
import { updateObject } from './update-object.ts';

const policyGroup = 'policy';
const evictionTypes: Readonly<Record<string, string>> = {
  'policy/v1': 'io.k8s.api.policy.v1.Eviction',
  'policy/v1beta1': 'io.k8s.api.policy.v1beta1.Eviction',
};
const violates = "Cannot evict pod as it would violate the pod's disruption budget.";
/** Pods that a budget may hold as evicted but not yet gone. */
const mostDisruptedPods = 2000;

/** POST to `pods/<name>/eviction`: a delete that pod disruption budgets may refuse (KEP-85). */
export async function evict(core: Core, request: ResourceRequest): Promise<Outcome> {
  const eviction = await readEviction(request);
  const options = checkDeleteOptions(eviction.deleteOptions ?? {});
  const found = await core.store.get(storeKeyOf(request.served, request.namespace, request.name));
  if (found.kind !== 'found') throw notFound('', 'pods', request.name);
  const pod = decodedOf(found.entry) as unknown as Pod;
  const objectKind = { group: policyGroup, version: 'v1', kind: 'Eviction' };
  const { dryRun } = options;
  await admitBody(core, request, { operation: 'CREATE', object: eviction, old: undefined, dryRun, objectKind });
  if (!isFree(pod)) await spendBudget(core, request, { pod, dryRun });
  const uid = options.uid ?? pod.metadata.uid;
  const resourceVersion = dryRun ? options.resourceVersion : await sayWhy(core, request, { ...options, uid });
  await removeObject(core, { ...request, subresource: '' }, { ...options, uid, resourceVersion });
  return { kind: 'status', status: 201, object: success() };
}

/**
 * Tells of the eviction in the pod's conditions (KEP-3329). Answers the version that the pod must have when it goes,
 * where one was asked for. A pod that is not the one that was meant is left to the delete to refuse.
 */
async function sayWhy(
  core: Core,
  request: ResourceRequest,
  wanted: { uid: string | undefined; resourceVersion: string | undefined },
): Promise<string | undefined> {
  const now = formatTime(core.clock.now());
  let isMeant = true;
  const outcome = await updateObject(
    core,
    { ...request, subresource: 'status', verb: 'update' },
    {
      dryRun: false,
      change(old) {
        const pod = cloneJson(old) as AnyObject & Pod;
        const { uid, resourceVersion } = pod.metadata;
        isMeant = uid === wanted.uid && (wanted.resourceVersion ?? resourceVersion) === resourceVersion;
        if (isMeant) addDisruption(pod, now);
        return pod;
      },
    },
  );
  const isBumped = isMeant && wanted.resourceVersion !== undefined && outcome.kind === 'entry';
  return isBumped ? String(outcome.entry.revision) : wanted.resourceVersion;
}

function addDisruption(pod: Pod, now: string): void {
  const { generation } = pod.metadata;
  const type = 'DisruptionTarget';
  const before = pod.status?.conditions ?? [];
  const known = before.find((condition) => condition.type === type);
  const condition = {
    type,
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastTransitionTime: known?.status === 'True' ? (known.lastTransitionTime ?? now) : now,
    ...(generation !== undefined && { observedGeneration: generation }),
  };
  pod.status = { ...pod.status, conditions: [...before.filter((each) => each !== known), condition] };
}

async function readEviction(request: ResourceRequest): Promise<AnyObject & { deleteOptions?: WireOptions }> {
  const mode = fieldValidationOf(request.request);
  const { value, duplicates } = (await readBody(request.request)).parse(mode);
  const { apiVersion } = (value ?? {}) as { apiVersion?: string };
  const type = evictionTypes[apiVersion || 'policy/v1'];
  if (type === undefined) {
    const text = `the API version in the data (${apiVersion}) does not match the expected API version (policy/v1)`;
    throw ApiError.of('BadRequest', text);
  }
  const eviction = decodeAs(value, { type, mode, duplicates, warn: request.warn });
  const { name } = eviction.metadata ?? {};
  if (name && name !== request.name) {
    throw ApiError.of('BadRequest', 'name in URL does not match name in Eviction object');
  }
  eviction.metadata ??= {};
  eviction.metadata.name ||= request.name;
  eviction.metadata.namespace ||= request.namespace;
  return eviction;
}

/** Pods that have ended, not begun or are on their way out cost no budget. */
function isFree({ status, metadata }: Pod): boolean {
  const phase = status?.phase;
  if (phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending') return true;
  return metadata.deletionTimestamp !== undefined;
}

async function spendBudget(
  core: Core,
  request: ResourceRequest,
  { pod, dryRun }: { pod: Pod; dryRun: boolean },
): Promise<void> {
  const served = core.kinds.find(policyGroup, 'v1', 'poddisruptionbudgets');
  if (!served) return;
  const listed = await core.store.list({ prefix: `${served.prefix}${request.namespace}/` });
  if (listed.kind !== 'entries') return;
  const budgets = listed.entries
    .map((entry) => decodedOf(entry) as unknown as PodDisruptionBudget)
    .filter(({ spec }) => labelMatcher(spec?.selector).matches(pod.metadata.labels));
  if (budgets.length > 1) {
    const text = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw ApiError.of('InternalError', text);
  }
  const [budget] = budgets;
  if (!budget || isUnhealthyAndAllowed(pod, budget)) return;
  const name = budget.metadata.name ?? '';
  const podName = pod.metadata.name ?? '';
  await updateObject(core, budgetRequest(request, served, name), {
    dryRun,
    change(old) {
      const changed = cloneJson(old) as unknown as PodDisruptionBudget;
      take(changed, podName, core.clock.now());
      return changed as unknown as AnyObject;
    },
  }).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
  });
}

/** Pods that are not ready may go without cost, as far as the budget's policy says (KEP-3017). */
function isUnhealthyAndAllowed({ status }: Pod, { spec, status: budget }: PodDisruptionBudget): boolean {
  const isReady = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  if (isReady) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

function take(budget: PodDisruptionBudget, podName: string, now: number): void {
  const name = budget.metadata.name ?? '';
  const { status } = budget;
  if ((status?.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) {
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, 10);
  }
  const allowed = status?.disruptionsAllowed ?? 0;
  if (allowed < 0) {
    throw forbiddenObject(policyGroup, 'poddisruptionbudget', name, 'pdb disruptions allowed is negative');
  }
  const disrupted = status?.disruptedPods ?? {};
  if (Object.keys(disrupted).length > mostDisruptedPods) {
    const text = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbiddenObject(policyGroup, 'poddisruptionbudget', name, text);
  }
  if (!status || allowed === 0) {
    const { desiredHealthy = 0, currentHealthy = 0 } = status ?? {};
    const needs = `needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
    throw tooMany(`The disruption budget ${name} ${needs}`);
  }
  status.disruptionsAllowed = allowed - 1;
  status.disruptedPods = { ...disrupted, [podName]: formatTime(now) };
}

function tooMany(message: string, retryAfterSeconds?: number): ApiError {
  return ApiError.of('TooManyRequests', violates, {
    causes: [{ reason: 'DisruptionBudget', message }],
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}

function budgetRequest(request: ResourceRequest, served: Served, name: string): ResourceRequest {
  const { kind } = served;
  return { ...request, served, kind, group: policyGroup, version: 'v1', name, subresource: 'status', verb: 'update' };
}
