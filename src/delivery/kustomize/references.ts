import type { AnyObject } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import { changeField, type FieldPath } from './field-paths.ts';
import { isNamespaced, type KustomizeResource } from './resource.ts';

/** Where a pod's spec names others, by the kind that is named. */
const inPods: Readonly<Record<string, readonly FieldPath[]>> = {
  ConfigMap: [
    'volumes[]/configMap/name',
    'volumes[]/projected/sources[]/configMap/name',
    ...inContainers('envFrom[]/configMapRef/name', 'env[]/valueFrom/configMapKeyRef/name'),
  ],
  Secret: [
    'volumes[]/secret/secretName',
    'volumes[]/projected/sources[]/secret/name',
    'volumes[]/csi/nodePublishSecretRef/name',
    'imagePullSecrets[]/name',
    ...inContainers('envFrom[]/secretRef/name', 'env[]/valueFrom/secretKeyRef/name'),
  ],
  ServiceAccount: ['serviceAccountName', 'serviceAccount'],
  PersistentVolumeClaim: ['volumes[]/persistentVolumeClaim/claimName'],
  PriorityClass: ['priorityClassName'],
};

function inContainers(...paths: readonly FieldPath[]): FieldPath[] {
  return ['containers[]', 'initContainers[]', 'ephemeralContainers[]'].flatMap((each) =>
    paths.map((path) => `${each}/${path}`),
  );
}

const podSpecs = ['spec', 'spec/template/spec', 'spec/jobTemplate/spec/template/spec'];

/** Where other kinds name others: by the kind that names, and the one that is named. */
const elsewhere: readonly { by: string; of: string; path: FieldPath }[] = [
  { by: 'Ingress', of: 'Service', path: 'spec/rules[]/http/paths[]/backend/service/name' },
  { by: 'Ingress', of: 'Service', path: 'spec/defaultBackend/service/name' },
  { by: 'Ingress', of: 'Service', path: 'spec/rules[]/http/paths[]/backend/serviceName' },
  { by: 'Ingress', of: 'Secret', path: 'spec/tls[]/secretName' },
  { by: 'Ingress', of: 'IngressClass', path: 'spec/ingressClassName' },
  { by: 'StatefulSet', of: 'Service', path: 'spec/serviceName' },
  { by: 'ServiceAccount', of: 'Secret', path: 'imagePullSecrets[]/name' },
  { by: 'ServiceAccount', of: 'Secret', path: 'secrets[]/name' },
  { by: 'PersistentVolumeClaim', of: 'PersistentVolume', path: 'spec/volumeName' },
  { by: 'PersistentVolumeClaim', of: 'StorageClass', path: 'spec/storageClassName' },
  { by: 'PersistentVolume', of: 'StorageClass', path: 'spec/storageClassName' },
  { by: 'StatefulSet', of: 'StorageClass', path: 'spec/volumeClaimTemplates[]/spec/storageClassName' },
  { by: 'MutatingWebhookConfiguration', of: 'Service', path: 'webhooks[]/clientConfig/service/name' },
  { by: 'ValidatingWebhookConfiguration', of: 'Service', path: 'webhooks[]/clientConfig/service/name' },
  { by: 'APIService', of: 'Service', path: 'spec/service/name' },
];

/** References that say themselves of which kind they are. */
const typed: readonly { by: readonly string[]; path: FieldPath }[] = [
  { by: ['HorizontalPodAutoscaler'], path: 'spec/scaleTargetRef' },
  { by: ['RoleBinding', 'ClusterRoleBinding'], path: 'roleRef' },
  { by: ['RoleBinding', 'ClusterRoleBinding'], path: 'subjects[]' },
];

/**
 * After resources got new names, what refers to them by the old ones. `before` are the same resources in the same order.
 * A name that none of them had belongs to somebody else, and stays. Pure.
 */
export function followRenames(
  before: readonly KustomizeResource[],
  after: readonly KustomizeResource[],
): KustomizeResource[] {
  const names = new Map<string, string>();
  for (const [index, { object }] of after.entries()) {
    const old = before[index]?.object;
    const name = object.metadata.name ?? '';
    if (old && old.metadata.name !== name) names.set(keyOf(object, old.metadata.name ?? ''), name);
  }
  if (names.size === 0) return [...after];
  return after.map((resource) => ({ ...resource, object: followed(resource.object, names) }));
}

function keyOf(object: AnyObject, name: string): string {
  return [object.kind, isNamespaced(object) ? (object.metadata.namespace ?? '') : '*', name].join('/');
}

function followed(object: AnyObject, names: ReadonlyMap<string, string>): AnyObject {
  const nameFor = (kind: string, name: unknown, namespace = object.metadata.namespace ?? ''): unknown =>
    names.get(`${kind}/${namespace}/${String(name)}`) ?? names.get(`${kind}/*/${String(name)}`) ?? name;
  const rename = (whole: unknown, path: FieldPath, kind: string): unknown =>
    changeField(whole, path, (found) => (typeof found === 'string' ? nameFor(kind, found) : found));
  let made: unknown = object;
  for (const root of podSpecs) {
    for (const [kind, paths] of Object.entries(inPods)) {
      for (const path of paths) made = rename(made, `${root}/${path}`, kind);
    }
  }
  for (const { by, of, path } of elsewhere) if (object.kind === by) made = rename(made, path, of);
  for (const { by, path } of typed) {
    if (!by.includes(object.kind ?? '')) continue;
    made = changeField(made, path, (found) => {
      if (!isJsonObject(found) || typeof found['name'] !== 'string' || typeof found['kind'] !== 'string') return found;
      const namespace = typeof found['namespace'] === 'string' ? found['namespace'] : undefined;
      const name = nameFor(found['kind'], found['name'], namespace);
      return name === found['name'] ? found : { ...found, name };
    });
  }
  return made as AnyObject;
}
