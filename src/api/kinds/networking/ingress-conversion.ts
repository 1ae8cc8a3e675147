import type { HTTPIngressPath, Ingress, IngressBackend, IngressSpec } from '../../types/networking-v1.ts';

/** A backend as the beta versions wrote it. */
interface OldBackend {
  serviceName?: string;
  servicePort?: number | string;
  resource?: IngressBackend['resource'];
}

type OldSpec = Omit<IngressSpec, 'defaultBackend'> & { backend?: OldBackend; defaultBackend?: IngressBackend };

/** Beta versions said `backend`, `serviceName` and `servicePort`, and matched paths as the controller pleased. */
export function fromV1beta1(ingress: Ingress): void {
  const spec: OldSpec | undefined = ingress.spec;
  if (!spec) return;
  if (spec.backend) {
    spec.defaultBackend = newBackend(spec.backend);
    delete spec.backend;
  }
  for (const path of paths(ingress)) {
    path.pathType ??= 'ImplementationSpecific';
    if (path.backend) path.backend = newBackend(path.backend);
  }
}

export function toV1beta1(ingress: Ingress): void {
  const spec: OldSpec | undefined = ingress.spec;
  if (!spec) return;
  if (spec.defaultBackend) {
    spec.backend = oldBackend(spec.defaultBackend);
    delete spec.defaultBackend;
  }
  for (const path of paths(ingress)) if (path.backend) path.backend = oldBackend(path.backend);
}

function paths({ spec }: Ingress): HTTPIngressPath[] {
  return (spec?.rules ?? []).flatMap((rule) => rule.http?.paths ?? []);
}

function newBackend({ serviceName, servicePort, resource }: OldBackend): IngressBackend {
  if (serviceName === undefined && servicePort === undefined) return { ...(resource && { resource }) };
  const port = typeof servicePort === 'number' ? { number: servicePort } : { name: servicePort ?? '' };
  return { service: { name: serviceName ?? '', port }, ...(resource && { resource }) };
}

function oldBackend({ service, resource }: IngressBackend): OldBackend {
  if (!service) return { ...(resource && { resource }) };
  const servicePort = service.port?.name || service.port?.number;
  return { serviceName: service.name, ...(servicePort && { servicePort }), ...(resource && { resource }) };
}
