import type { Ingress, IngressClass } from '../../api/types/networking-v1.ts';

/** `spec.controller` of the ingress classes that are ours. */
export const ingressController = 'timonel.dev/ingress';

const legacyAnnotation = 'kubernetes.io/ingress.class';
/** Manifests written for ingress-nginx are served as long as nobody else claims the class. */
const adoptedClass = 'nginx';

/** Whether we serve an ingress: by its class, or the older annotation, which names one too. */
export function isOurs(ingress: Ingress, classOf: (name: string) => IngressClass | undefined): boolean {
  const name = ingress.spec?.ingressClassName ?? ingress.metadata.annotations?.[legacyAnnotation];
  if (name === undefined) return false;
  const found = classOf(name);
  return found ? found.spec?.controller === ingressController : name === adoptedClass;
}
