import type { Pod } from '../api/types/core-v1.ts';
import type { RuntimeClass } from '../api/types/node-v1.ts';
import type { Client, Resource } from '../client/client.ts';

export const runtimeClasses: Resource<RuntimeClass> = {
  group: 'node.k8s.io',
  version: 'v1',
  plural: 'runtimeclasses',
  kind: 'RuntimeClass',
  namespaced: false,
};

/**
 * Which of the runtime's handlers a pod's class names (KEP-585), as the class says now; empty: the runtime's default.
 * Rejects when there is no such class.
 */
export async function runtimeHandlerOf(client: Client, pod: Pod): Promise<string> {
  const name = pod.spec?.runtimeClassName;
  return name ? (await client.get(runtimeClasses, { name })).handler : '';
}
