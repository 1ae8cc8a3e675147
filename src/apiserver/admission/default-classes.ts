import type { KubeObject } from '../../api/object.ts';
import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { Ingress } from '../../api/types/networking-v1.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { ingressClasses, storageClasses } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { writes } from './refuse.ts';
import { defaultStorageClassAnnotation, ingressClassAnnotation, storageClassAnnotation } from '../../api/well-known.ts';

/** Claims that name no storage class get the default one. */
export function defaultStorageClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    handles: (request) => request.operation === 'CREATE' && writes(request, '', 'persistentvolumeclaims'),
    mutate(request) {
      const claim = request.object as unknown as PersistentVolumeClaim;
      const annotated = claim.metadata.annotations?.[storageClassAnnotation];
      // An empty class is a wish: no class.
      if (!claim.spec || claim.spec.storageClassName !== undefined || annotated !== undefined) return;
      const chosen =
        newest(lookup.list(storageClasses), defaultStorageClassAnnotation) ??
        newest(lookup.list(storageClasses), 'storageclass.beta.kubernetes.io/is-default-class');
      if (chosen?.metadata.name) claim.spec.storageClassName = chosen.metadata.name;
    },
  };
}

/** Ingresses that name no class get the default one. */
export function defaultIngressClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    handles: (request) => request.operation === 'CREATE' && writes(request, 'networking.k8s.io', 'ingresses'),
    mutate(request) {
      const ingress = request.object as unknown as Ingress;
      const annotated = ingress.metadata.annotations?.[ingressClassAnnotation];
      if (ingress.spec?.ingressClassName !== undefined || annotated !== undefined) return;
      const chosen = newest(lookup.list(ingressClasses), 'ingressclass.kubernetes.io/is-default-class');
      if (chosen?.metadata.name) (ingress.spec ??= {}).ingressClassName = chosen.metadata.name;
    },
  };
}

/** Of several defaults the youngest, then the first by name. */
function newest<T extends KubeObject>(candidates: Iterable<T>, annotation: string): T | undefined {
  const defaults = [...candidates].filter((c) => c.metadata.annotations?.[annotation] === 'true');
  const age = (c: T): string => c.metadata.creationTimestamp ?? '';
  return defaults.sort((a, b) =>
    age(a) === age(b) ? ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1) : age(a) < age(b) ? 1 : -1,
  )[0];
}
