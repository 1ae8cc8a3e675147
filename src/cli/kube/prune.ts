import type { KubeObject } from '../../api/object.ts';
import type { Resource } from '../../client/client.ts';
import { wellKnown } from './well-known.ts';
import type { Kube } from './session.ts';
import { lastAppliedAnnotation } from '../../api/well-known.ts';

/** The kinds that `kubectl apply --prune` looks at, when it is not told others. */
const kinds = [
  ...['configmaps', 'namespaces', 'persistentvolumeclaims', 'persistentvolumes', 'pods'],
  ...['replicationcontrollers', 'secrets', 'services', 'jobs', 'cronjobs', 'ingresses', 'daemonsets', 'deployments'],
  ...['replicasets', 'statefulsets'],
];

interface Found {
  resource: Resource;
  object: KubeObject;
}

/** What was applied once, has the labels, and is not among the objects that were applied now. */
export async function prunable(kube: Kube, kept: readonly Found[], selector: string | undefined): Promise<Found[]> {
  const uids = new Set(kept.map(({ object }) => object.metadata.uid));
  const namespaces = new Set(kept.flatMap(({ object }) => object.metadata.namespace ?? []));
  const lists = await Promise.all(
    kinds.flatMap((kind) => {
      const resource = wellKnown(kind);
      if (!resource) return [];
      return (resource.namespaced ? [...namespaces] : [undefined]).map(async (namespace) => {
        const { items } = await kube.client.list(resource, {
          ...(namespace !== undefined && { namespace }),
          ...(selector && { labelSelector: selector }),
        });
        return items.map((object) => ({ resource, object }));
      });
    }),
  );
  return lists.flat().filter(({ object: { metadata } }) => {
    return (
      metadata.annotations?.[lastAppliedAnnotation] !== undefined &&
      !metadata.deletionTimestamp &&
      !uids.has(metadata.uid)
    );
  });
}
