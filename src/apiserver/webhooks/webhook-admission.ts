import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { applyJsonPatch } from '../../api/json-patch.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import { ApiError } from '../../api/status.ts';
import type { MutatingWebhook, ValidatingWebhook } from '../../api/types/admissionregistration-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Collection } from '../admission/lookup.ts';
import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from '../admission/lookup.ts';
import { refusal } from '../admission/refuse.ts';
import type { StoreLookup } from '../admission/store-lookup.ts';
import type { Authorizer } from '../authorization.ts';
import type { Served } from '../kind-index.ts';
import { denial, reviewedRequest, reviewVersions, verdictOf } from './admission-review.ts';
import type { ReviewedRequest, Verdict } from './admission-review.ts';
import { authorizerVariable, conditionsHold } from './conditions.ts';
import { isExempt, matchedVersion } from './match-rules.ts';
import { adopt, replaceObject, shownIn } from './shown-object.ts';
import type { WebhookClient } from './webhook-client.ts';

export interface WebhookAdmissionOptions {
  lookup: StoreLookup;
  client: WebhookClient;
  authorize: Authorizer;
  random: Random;
  log: Logger;
}

function callerOf({ client, random }: WebhookAdmissionOptions): Parameters<typeof shownIn>[0] {
  return { webhooks: client, random };
}

type Webhook = MutatingWebhook | ValidatingWebhook;

/** Dynamic admission: what the webhook configurations of the cluster say who is to be asked. */
export function webhookAdmission(options: WebhookAdmissionOptions): {
  mutating: AdmissionPlugin;
  validating: AdmissionPlugin;
} {
  const { lookup } = options;
  return {
    mutating: mutatingPlugin(options, follow<MutatingWebhook>(lookup, mutatingWebhookConfigurations)),
    validating: validatingPlugin(options, follow<ValidatingWebhook>(lookup, validatingWebhookConfigurations)),
  };
}

/** The webhooks of all configurations, by the configurations' names, as they are at any time. */
function follow<W extends Webhook>(
  lookup: StoreLookup,
  collection: Collection<KubeObject & { webhooks?: W[] }>,
): { all: readonly W[] } {
  const current: { all: readonly W[] } = { all: [] };
  lookup.subscribe(collection, () => {
    const configurations = [...lookup.list(collection)];
    const name = ({ metadata }: KubeObject): string => metadata.name ?? '';
    configurations.sort((a, b) => (name(a) < name(b) ? -1 : 1));
    current.all = configurations.flatMap(({ webhooks = [] }) => webhooks);
  });
  return current;
}

/** Asks one after the other, each with what those before made of the object. */
function mutatingPlugin(
  options: WebhookAdmissionOptions,
  webhooks: { all: readonly MutatingWebhook[] },
): AdmissionPlugin {
  /** What each webhook made of the object in the first round. */
  const rounds = new WeakMap<AdmissionRequest, Map<MutatingWebhook, string>>();
  return {
    name: 'MutatingAdmissionWebhook',
    handles: (request) => webhooks.all.length > 0 && !isExempt(request),
    async mutate(request) {
      const before = rounds.get(request);
      const left = before ?? new Map<MutatingWebhook, string>();
      if (!before) rounds.set(request, left);
      let hasChanged = false;
      for (const webhook of webhooks.all) {
        const isAskedAgain =
          webhook.reinvocationPolicy === 'IfNeeded' && left.get(webhook) !== JSON.stringify(request.object);
        if (before && (!left.has(webhook) || !isAskedAgain)) continue;
        const asked = await ask(options, webhook, request);
        if (!asked) continue;
        if (asked.verdict.patch !== undefined) {
          hasChanged = (await change(options, { webhook, request, ...asked })) || hasChanged;
        }
        left.set(webhook, JSON.stringify(request.object));
      }
      return hasChanged ? 'reinvoke' : undefined;
    },
  };
}

/** Asks all at once. */
function validatingPlugin(
  options: WebhookAdmissionOptions,
  webhooks: { all: readonly ValidatingWebhook[] },
): AdmissionPlugin {
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: (request) => webhooks.all.length > 0 && !isExempt(request),
    async validate(request) {
      await Promise.all(webhooks.all.map((webhook) => ask(options, webhook, request)));
    },
  };
}

interface Asked {
  verdict: Extract<Verdict, { kind: 'allowed' }>;
  /** The version in which the webhook saw the object. */
  served: Served;
  shown: AnyObject | undefined;
}

/** The webhook's consent; undefined when it is not asked, or may be passed over. Throws when it denies. */
async function ask(
  options: WebhookAdmissionOptions,
  webhook: Webhook,
  request: AdmissionRequest,
): Promise<Asked | undefined> {
  const served = await matchedVersion(request, webhook, options.lookup);
  if (!served) return undefined;
  const { objectKind } = request;
  const object = await shownIn(callerOf(options), served, { object: request.object, objectKind });
  const old = await shownIn(callerOf(options), served, { object: request.old, objectKind });
  const review = reviewedRequest(request, { uid: options.random.uuid(), served, object, old });
  if (!(await meetsConditions(options, webhook, { request, review }))) return undefined;
  const verdict = await tolerating(options, webhook, () => call(options.client, webhook, review));
  if (!verdict) return undefined;
  for (const warning of verdict.warnings) request.warn(warning);
  if (verdict.kind === 'denied') throw denial(webhook.name, verdict.status);
  return { verdict, served, shown: object };
}

async function meetsConditions(
  { authorize, log }: WebhookAdmissionOptions,
  { name, matchConditions = [], failurePolicy }: Webhook,
  { request, review }: { request: AdmissionRequest; review: ReviewedRequest },
): Promise<boolean> {
  if (matchConditions.length === 0) return true;
  const { object, oldObject } = review;
  const authorizer = await authorizerVariable(authorize, request);
  try {
    return await conditionsHold(matchConditions, { object, oldObject, request: review, authorizer });
  } catch (error) {
    if (failurePolicy === 'Ignore') {
      log.warn('conditions of a webhook cannot be evaluated', { webhook: name, error });
      return false;
    }
    throw refusal(request, `failed evaluating match conditions of webhook "${name}": ${(error as Error).message}`);
  }
}

async function call(client: WebhookClient, webhook: Webhook, review: ReviewedRequest): Promise<Verdict> {
  const { admissionReviewVersions, clientConfig, timeoutSeconds = 10 } = webhook;
  const version = admissionReviewVersions.find((each) => reviewVersions.includes(each));
  if (version === undefined) throw new Error(`webhook does not accept known AdmissionReview versions`);
  const body = { kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`, request: review };
  return verdictOf(await client.post(clientConfig, body, timeoutSeconds), { uid: review.uid, version });
}

/** A webhook that cannot be asked fails the request or is passed over, as its policy says. */
async function tolerating<T>(
  { log }: WebhookAdmissionOptions,
  { name, failurePolicy }: Webhook,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const reason = `failed calling webhook ${JSON.stringify(name)}: failed to call webhook: ${(error as Error).message}`;
    if (failurePolicy !== 'Ignore') {
      throw ApiError.of('InternalError', `Internal error occurred: ${reason}`, { causes: [{ message: reason }] });
    }
    log.warn('a webhook is passed over', { reason });
    return undefined;
  }
}

/** Puts what the webhook made of the object in its place; true when that is something else. */
async function change(
  options: WebhookAdmissionOptions,
  { webhook, request, verdict, served, shown }: Asked & { webhook: MutatingWebhook; request: AdmissionRequest },
): Promise<boolean> {
  const { object } = request;
  if (!object || !shown) return false;
  const changed = await tolerating(options, webhook, async () => {
    const patched = await adopt(callerOf(options), served, {
      object: applyJsonPatch(shown, verdict.patch),
      objectKind: request.objectKind,
    });
    const { name, namespace } = object.metadata;
    if ((name && patched.metadata.name !== name) || patched.metadata.namespace !== namespace) {
      throw new Error('a webhook may not give the object another name or namespace');
    }
    return patched;
  });
  return changed !== undefined && replaceObject(request, changed);
}
