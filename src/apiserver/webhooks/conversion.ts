import { deepFreeze } from '../../api/object.ts';
import type { AnyObject } from '../../api/object.ts';
import { cloneJson, isJsonObject } from '../../api/plain-json.ts';
import { ApiError, invalid } from '../../api/status.ts';
import type { ConversionResponse } from '../../api/types/apiextensions-v1.ts';
import type { Core } from '../core.ts';
import type { Served } from '../kind-index.ts';
import { copyInVersion, isConverted, rememberConverted, toStorage } from '../stored-object.ts';

type Caller = Pick<Core, 'webhooks' | 'random'>;

const timeoutSeconds = 30;
const reviewVersions: readonly string[] = ['v1', 'v1beta1'];

/**
 * Has objects (frozen, as they are stored) converted to the version that a request names, all in one call, so that
 * `objectInVersion` and `copyInVersion` find them. Does nothing for kinds that convert by themselves.
 */
export async function prepareConversions(caller: Caller, served: Served, objects: readonly AnyObject[]): Promise<void> {
  if (!served.version.webhook) return;
  const pending = objects.filter((object) => object.apiVersion !== served.apiVersion && !isConverted(object, served));
  if (pending.length === 0) return;
  const converted = await convert(caller, served, { objects: pending, apiVersion: served.apiVersion });
  pending.forEach((object, i) => rememberConverted(object, served, converted[i] as AnyObject));
}

/** A copy of a stored object in the version that a request names. */
export async function inVersion(caller: Caller, served: Served, object: AnyObject): Promise<AnyObject> {
  await prepareConversions(caller, served, [object]);
  return copyInVersion(object, served);
}

/**
 * The object in the version that is stored, filled in. It is given away. Rejects with Invalid for one that a webhook
 * would have to convert and that breaks its own version's schema.
 */
export async function intoStorage(caller: Caller, served: Served, object: AnyObject): Promise<AnyObject> {
  const { kind, version } = served;
  if (version.webhook && object.apiVersion !== served.storageApiVersion) {
    const causes = version.custom?.validate(object) ?? [];
    if (causes.length > 0) throw invalid(kind.group, kind.kind, object.metadata.name ?? '', causes);
  }
  return toStorage(await storageForm(caller, served, object), served);
}

/** What is stored, in the version that is stored now: it may have been another when the object was written. */
export async function currentForm(caller: Caller, served: Served, stored: AnyObject): Promise<AnyObject> {
  if (!served.version.webhook) return stored;
  return deepFreeze(await storageForm(caller, served, stored));
}

/** As {@link intoStorage}, with nothing filled in. */
export async function storageForm(caller: Caller, served: Served, object: AnyObject): Promise<AnyObject> {
  const apiVersion = served.storageApiVersion;
  if (!served.version.webhook || object.apiVersion === apiVersion) return object;
  const [converted] = await convert(caller, served, { objects: [object], apiVersion });
  return converted as AnyObject;
}

/** Calls the webhook of the definition (ConversionReview). Rejects with 500 and what the webhook did wrong. */
async function convert(
  { webhooks, random }: Caller,
  { kind, version }: Served,
  { objects, apiVersion }: { objects: readonly AnyObject[]; apiVersion: string },
): Promise<AnyObject[]> {
  const { clientConfig, conversionReviewVersions = [] } = version.webhook ?? {};
  const from = objects[0]?.apiVersion ?? '';
  try {
    const known = conversionReviewVersions.find((each) => reviewVersions.includes(each));
    if (!webhooks || !clientConfig || known === undefined) throw new Error('there is no webhook that could be called');
    const uid = random.uuid();
    const review = {
      kind: 'ConversionReview',
      apiVersion: `apiextensions.k8s.io/${known}`,
      request: { uid, desiredAPIVersion: apiVersion, objects },
    };
    return convertedObjects(await webhooks.post(clientConfig, review, timeoutSeconds), { uid, objects, apiVersion });
  } catch (error) {
    const reason = (error as Error).message;
    const text = `conversion webhook for ${from}, Kind=${kind.kind} failed: ${reason}`;
    throw ApiError.of('InternalError', text, { causes: [{ message: text }] });
  }
}

/** Throws for an answer that is none to this question, or says that it failed. */
function convertedObjects(
  answer: unknown,
  asked: { uid: string; objects: readonly AnyObject[]; apiVersion: string },
): AnyObject[] {
  if (!isJsonObject(answer) || !isJsonObject(answer.response)) throw new Error('the answer has no response');
  const { uid, result, convertedObjects: converted = [] }: ConversionResponse = answer.response;
  if (uid !== asked.uid) throw new Error(`expected response.uid=${asked.uid}, got ${uid ?? ''}`);
  if (result?.status !== 'Success') throw new Error(result?.message ?? 'the webhook gives no reason');
  if (converted.length !== asked.objects.length) {
    throw new Error(`expected ${asked.objects.length} converted objects, got ${converted.length}`);
  }
  return converted.map((object, i) => withOwnMetadata(object, asked.objects[i] as AnyObject, asked.apiVersion));
}

/** Of the metadata, labels and annotations are the webhook's to change, and no others. */
function withOwnMetadata(converted: Record<string, unknown>, original: AnyObject, apiVersion: string): AnyObject {
  if (converted.apiVersion !== apiVersion || converted.kind !== original.kind) {
    const got = `${String(converted.apiVersion)}, Kind=${String(converted.kind)}`;
    throw new Error(`expected ${apiVersion}, Kind=${original.kind ?? ''}, got ${got}`);
  }
  const given = isJsonObject(converted.metadata) ? (converted.metadata as AnyObject['metadata']) : {};
  const { name, namespace, uid } = original.metadata;
  for (const [field, value] of Object.entries({ name, namespace, uid })) {
    if ((given as Record<string, unknown>)[field] !== value) throw new Error(`metadata.${field} must not change`);
  }
  const { labels: _, annotations: __, ...own } = cloneJson(original.metadata);
  const { labels, annotations } = given;
  const metadata = { ...own, ...(labels && { labels }), ...(annotations && { annotations }) };
  return { ...converted, metadata };
}
