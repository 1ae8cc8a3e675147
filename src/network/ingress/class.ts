import type { Ingress, IngressClass } from '../../api/types/networking-v1.ts';
import { ingressClassAnnotation } from '../../api/well-known.ts';

/** `spec.controller` of the ingress classes that are ours. */
export const ingressController = 'timonel.dev/ingress';

/** Manifests written for ingress-nginx are served as long as nobody else claims the class. */
const adoptedClass = 'nginx';

/** The name of its class, by the field or the older annotation. */
export function classNameOf({ spec, metadata }: Ingress): string | undefined {
  return spec?.ingressClassName ?? metadata.annotations?.[ingressClassAnnotation];
}

/** Whether we serve an ingress, by its class. */
export function isOurs(ingress: Ingress, classOf: (name: string) => IngressClass | undefined): boolean {
  const name = classNameOf(ingress);
  if (name === undefined) return false;
  const found = classOf(name);
  return found ? found.spec?.controller === ingressController : name === adoptedClass;
}
