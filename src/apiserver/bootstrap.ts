import { formatTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { AnyObject, KubeObject } from '../api/object.ts';
import { jsonEquals } from '../api/plain-json.ts';
import type { Endpoints, Service, ServicePort } from '../api/types/core-v1.ts';
import type { EndpointSlice } from '../api/types/discovery-v1.ts';
import type { ObjectMeta } from '../api/types/meta-v1.ts';
import type { IngressClass } from '../api/types/networking-v1.ts';
import type { StorageClass } from '../api/types/storage-v1.ts';
import type { Entry, Operation, Store } from '../store/store.ts';
import type { WriteHook } from './core.ts';
import { familyOf } from '../base/ip-address.ts';
import { firstServiceAddress } from './ip-range.ts';
import { decodedOf, encoder, managedTextOf } from './stored-object.ts';
import { defaultStorageClassAnnotation, serviceNameLabel } from '../api/well-known.ts';

/** An address and port that a service of the cluster's own leads to. */
export interface Backend {
  address: string;
  port: number;
}

export interface SystemServices {
  serviceCidr: string;
  /** Where nodes and pods reach this API server: behind `default/kubernetes`. */
  advertise: Backend;
  /** The cluster's DNS server: behind `kube-system/kube-dns`; absent: there is none. */
  dns?: readonly SystemAddress[];
}

/** One of a service's addresses, and where it leads; of two, each is of a family of its own. */
export interface SystemAddress {
  serviceAddress: string;
  endpoint: Backend;
}

/**
 * Writes the services that lead to the cluster's own parts, with their endpoints: those that are missing, and those
 * that lead elsewhere by now. All in one commit, none when nothing changed.
 */
export async function writeSystemServices(
  options: SystemServices & { store: Store; clock: Clock; random: Random },
): Promise<void> {
  const { store } = options;
  const wanted = wantedObjects(options);
  for (;;) {
    const operations: Operation[] = [];
    for (const [key, object] of wanted) {
      const found = await store.get(key);
      const operation = operationFor({
        key,
        object,
        entry: found.kind === 'found' ? found.entry : undefined,
        ...options,
      });
      if (operation) operations.push(operation);
    }
    if (operations.length === 0) return;
    const result = await store.commit(operations);
    if (result.kind === 'committed') return;
    if (result.kind === 'failed') throw result.error;
    // Another server did the same at the same time: see what it left.
  }
}

/**
 * Writes the system services again whenever somebody deletes one of their objects, and takes their addresses again:
 * without them no pod finds the API server. Answers the function that stops it.
 */
export function keepSystemServices(
  options: SystemServices & { store: Store; clock: Clock; random: Random; log: Logger; allocator: WriteHook },
): () => void {
  const { store, log, allocator } = options;
  const wanted = wantedObjects(options);
  const restore = async (object: AnyObject): Promise<void> => {
    await writeSystemServices(options);
    // By now whoever deleted the service has given its address back.
    if (object.kind === 'Service') allocator.prepare(structuredClone(object), undefined).commit();
  };
  const watches = wanted.map(([key, object]) =>
    store.watch(
      { prefix: key.slice(0, key.lastIndexOf('/') + 1), afterRevision: store.revision },
      {
        events(events) {
          if (!events.some((event) => event.kind === 'delete' && event.entry.key === key)) return;
          restore(object).catch((error: unknown) => log.warn('a system service could not be restored', { error }));
        },
        progress() {},
        ended() {},
      },
    ),
  );
  return () => watches.forEach((watch) => watch.close());
}

/** Writes the storage class that a cluster with a provisioner of its own has, unless one of its name is there. */
export async function writeDefaultStorageClass(
  options: ClassOptions & {
    provisioner: string;
  },
): Promise<void> {
  const storageClass: StorageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: defaultClassMetadata('standard', defaultStorageClassAnnotation, options),
    provisioner: options.provisioner,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  };
  await writeMissing('/storage.k8s.io/storageclasses/standard', storageClass, options);
}

/** Writes the ingress class that a cluster with an ingress controller of its own has, unless one of its name is there. */
export async function writeDefaultIngressClass(
  options: ClassOptions & { name: string; controller: string },
): Promise<void> {
  const { name } = options;
  const metadata = defaultClassMetadata(name, 'ingressclass.kubernetes.io/is-default-class', options);
  const ingressClass: IngressClass = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { ...metadata, generation: 1 },
    spec: { controller: options.controller },
  };
  await writeMissing(`/networking.k8s.io/ingressclasses/${name}`, ingressClass, options);
}

interface ClassOptions {
  store: Store;
  clock: Clock;
  random: Random;
}

function defaultClassMetadata(name: string, annotation: string, { clock, random }: ClassOptions): ObjectMeta {
  const creationTimestamp = formatTime(clock.now());
  return { name, annotations: { [annotation]: 'true' }, uid: random.uuid(), creationTimestamp };
}

async function writeMissing(key: string, object: KubeObject, { store }: ClassOptions): Promise<void> {
  if ((await store.get(key)).kind === 'found') return;
  const encode = encoder(object as AnyObject);
  const result = await store.commit([{ kind: 'put', key, expectedRevision: 0, encode }]);
  // A conflict: another server has written it.
  if (result.kind === 'failed') throw result.error;
}

function operationFor(options: {
  key: string;
  object: AnyObject;
  entry: Entry | undefined;
  clock: Clock;
  random: Random;
}): Operation | undefined {
  const { key, object, entry, clock, random } = options;
  if (!entry) {
    const metadata = { ...object.metadata, uid: random.uuid(), creationTimestamp: formatTime(clock.now()) };
    return { kind: 'put', key, expectedRevision: 0, encode: encoder({ ...object, metadata }) };
  }
  const old = decodedOf(entry);
  // A service keeps what it was given, and what others changed about it; its endpoints are ours alone.
  const next = object.kind === 'Service' ? old : { ...object, metadata: { ...old.metadata } };
  if (jsonEquals(next, old)) return undefined;
  return { kind: 'put', key, expectedRevision: entry.revision, encode: encoder(next, managedTextOf(entry)) };
}

function wantedObjects({ serviceCidr, advertise, dns }: SystemServices): [key: string, object: AnyObject][] {
  const objects = systemService({
    namespace: 'default',
    name: 'kubernetes',
    labels: { component: 'apiserver', provider: 'kubernetes' },
    addresses: [{ serviceAddress: firstServiceAddress(serviceCidr), endpoint: advertise }],
    ports: [{ name: 'https', port: 443, protocol: 'TCP' }],
  });
  if (dns) {
    const labels = {
      'k8s-app': 'kube-dns',
      'kubernetes.io/cluster-service': 'true',
      'kubernetes.io/name': 'CoreDNS',
    };
    const ports = [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ];
    objects.push(...systemService({ namespace: 'kube-system', name: 'kube-dns', labels, addresses: dns, ports }));
  }
  return objects;
}

function systemService(options: {
  namespace: string;
  name: string;
  labels: Record<string, string>;
  addresses: readonly SystemAddress[];
  ports: readonly ServicePort[];
}): [key: string, object: AnyObject][] {
  const { namespace, name, labels, addresses, ports } = options;
  const clusterIPs = addresses.map(({ serviceAddress }) => serviceAddress);
  const [{ endpoint: backend }] = addresses as [SystemAddress];
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels },
    spec: {
      clusterIP: clusterIPs[0] as string,
      clusterIPs,
      internalTrafficPolicy: 'Cluster',
      ipFamilies: clusterIPs.map(familyOf),
      ipFamilyPolicy: clusterIPs.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ports: ports.map((port) => ({ ...port, targetPort: backend.port })),
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
    status: { loadBalancer: {} },
  };
  const endpointPorts = ports.map((port) => ({
    name: port.name ?? '',
    port: backend.port,
    protocol: port.protocol ?? '',
  }));
  const endpoints: Endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    // The slice beside it is written here too, so nobody needs to derive one.
    metadata: { name, namespace, labels: { ...labels, 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: [{ ip: backend.address }], ports: endpointPorts }],
  };
  const slices = addresses.map(({ endpoint: { address } }, i): [key: string, object: AnyObject] => {
    const slice: EndpointSlice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        ...{ name: i === 0 ? name : `${name}-${familyOf(address).toLowerCase()}`, namespace },
        labels: { [serviceNameLabel]: name },
      },
      addressType: familyOf(address),
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: endpointPorts,
    };
    const key = `/discovery.k8s.io/endpointslices/${namespace}/${slice.metadata.name}`;
    return [key, slice as unknown as AnyObject];
  });
  return [
    [`/core/services/${namespace}/${name}`, service as unknown as AnyObject],
    [`/core/endpoints/${namespace}/${name}`, endpoints as unknown as AnyObject],
    ...slices,
  ];
}
