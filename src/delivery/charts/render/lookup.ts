import type { KubeObject } from '../../../api/object.ts';
import { ApiError, isApiError } from '../../../api/status.ts';
import type { Client, Resource } from '../../../client/client.ts';
import { resourceApiVersion, type ResourceMapper } from '../../apply/resource-mapper.ts';
import { UnknownKindError } from '../../apply/errors.ts';
import { Pause } from '../template/pause.ts';
import { emptyMap, type GoMap } from '../template/values.ts';
import { copyValues } from '../values/coalesce.ts';

/**
 * The template function `lookup` over a cluster: an object, or a list where the name is empty; what is not there is an
 * empty map. Each answer is fetched once: rendering pauses for it (`template/pause.ts`) and starts over.
 */
export function createLookup(
  client: Client,
  mapper: ResourceMapper,
): (apiVersion: string, kind: string, namespace: string, name: string) => GoMap {
  const answers = new Map<string, { value: GoMap } | { error: Error }>();
  return (apiVersion, kind, namespace, name) => {
    const key = JSON.stringify([apiVersion, kind, namespace, name]);
    const answer = answers.get(key);
    if (!answer) {
      throw new Pause(async () => {
        answers.set(key, await fetch(client, mapper, { apiVersion, kind, namespace, name }));
      });
    }
    if ('error' in answer) throw answer.error;
    // Templates may change what they get.
    return copyValues(answer.value);
  };
}

async function fetch(
  client: Client,
  mapper: ResourceMapper,
  place: { apiVersion: string; kind: string; namespace: string; name: string },
): Promise<{ value: GoMap } | { error: Error }> {
  const { apiVersion, kind, namespace, name } = place;
  try {
    const resource = await mapper.resourceOf(apiVersion, kind);
    if (name !== '') return { value: (await client.get(resource, { name, namespace })) as unknown as GoMap };
    return { value: await list(client, resource, namespace) };
  } catch (error) {
    // A kind that is not there (yet) has no objects.
    if (isApiError(error, 'NotFound') || error instanceof UnknownKindError) return { value: emptyMap() };
    if (error instanceof ApiError) return { error: new Error(error.message, { cause: error }) };
    throw error;
  }
}

async function list(client: Client, resource: Resource, namespace: string): Promise<GoMap> {
  const { items, metadata } = await client.list(resource, namespace === '' ? {} : { namespace });
  const apiVersion = resourceApiVersion(resource);
  const typed = items.map((item: KubeObject) => ({ apiVersion, kind: resource.kind, ...item }));
  return { apiVersion, kind: `${resource.kind}List`, metadata: { ...metadata }, items: typed };
}
