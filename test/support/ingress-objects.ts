import type { ConfigMap, Secret, Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { KubeObject } from '../../src/api/object.ts';
import type { HTTPIngressPath, Ingress, IngressClass, IngressSpec } from '../../src/api/types/networking-v1.ts';
import { keyOf } from '../../src/client/informer.ts';
import { classNameOf } from '../../src/network/ingress/class.ts';
import type { ClusterObjects } from '../../src/network/ingress/cluster-objects.ts';

/** Services, slices, secrets and config maps of a test, looked up as the ingress controller does. */
export function clusterObjects(
  ...all: readonly (Service | EndpointSlice | Secret | ConfigMap | IngressClass)[]
): ClusterObjects {
  const of = <T extends (typeof all)[number]>(kind: string, key: string): T | undefined =>
    all.find((object): object is T => object.kind === kind && keyOf(object) === key);
  return {
    service: (key) => of<Service>('Service', key),
    slices: (key) =>
      all.filter((object): object is EndpointSlice => {
        const owner = object.metadata.labels?.['kubernetes.io/service-name'];
        return object.kind === 'EndpointSlice' && `${object.metadata.namespace}/${owner}` === key;
      }),
    secret: (key) => of<Secret>('Secret', key),
    configMap: (key) => of<ConfigMap>('ConfigMap', key),
  };
}

/** Finds the class of an ingress among objects. */
export function classesAmong(objects: readonly KubeObject[]): (ingress: Ingress) => IngressClass | undefined {
  return (ingress) =>
    objects.find(
      (object): object is IngressClass =>
        object.kind === 'IngressClass' && object.metadata.name === classNameOf(ingress),
    );
}

/** A class with these parameters, and the config map that has them. */
export function classWith(name: string, data: Record<string, string>): [IngressClass, ConfigMap] {
  const parameters = { kind: 'ConfigMap', scope: 'Namespace', namespace: 'system', name };
  return [
    { kind: 'IngressClass', metadata: { name }, spec: { controller: 'timonel.dev/ingress', parameters } },
    { kind: 'ConfigMap', metadata: { namespace: 'system', name }, data },
  ];
}

/** A service with port 80 (`http`), and its endpoints. */
export function webService(name: string, ...endpoints: readonly string[]): [Service, EndpointSlice] {
  const [, port = '8080'] = (endpoints[0] ?? '').split(':');
  const metadata = { namespace: 'default', name, labels: { 'kubernetes.io/service-name': name } };
  return [
    { kind: 'Service', metadata, spec: { type: 'ClusterIP', ports: [{ name: 'http', port: 80 }] } },
    {
      kind: 'EndpointSlice',
      metadata,
      addressType: 'IPv4',
      ports: [{ name: 'http', port: Number(port) }],
      endpoints: endpoints.map((endpoint) => ({ addresses: [endpoint.split(':')[0] ?? ''] })),
    },
  ];
}

export function path(path: string, service: string, pathType = 'Prefix'): HTTPIngressPath {
  return { path, pathType, backend: { service: { name: service, port: { number: 80 } } } };
}

/** Ingresses that are made later are younger. */
export function ingressOf(
  name: string,
  spec: IngressSpec,
  annotations: Record<string, string> = {},
  second = 0,
): Ingress {
  const creationTimestamp = `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  return { kind: 'Ingress', metadata: { namespace: 'default', name, uid: name, annotations, creationTimestamp }, spec };
}
