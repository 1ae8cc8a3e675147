import type { AnyObject } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import { adding, changeField, type FieldPath } from './field-paths.ts';
import { KustomizeError } from './kustomize-error.ts';
import type { ImageArgs, Kustomization, LabelArgs } from './kustomization.ts';
import { isCalled, isNamespaced, type KustomizeResource, renamed } from './resource.ts';

type Transform = (resources: readonly KustomizeResource[]) => KustomizeResource[];

const changeEach =
  (change: (object: AnyObject, resource: KustomizeResource) => AnyObject): Transform =>
  (resources) =>
    resources.map((resource) => ({ ...resource, object: change(resource.object, resource) }));

const changed = (object: AnyObject, path: FieldPath, change: (found: unknown) => unknown): AnyObject =>
  changeField(object, path, change) as AnyObject;

const workloads = ['Deployment', 'ReplicaSet', 'DaemonSet', 'StatefulSet'];
const templated = [...workloads, 'ReplicationController', 'Job', 'PodTemplate'];

/** Puts what is namespaced into a namespace, and service accounts of bindings with it. */
export function setNamespace(namespace: string): Transform {
  if (namespace === '') return (resources) => [...resources];
  return (resources) => {
    const accounts = new Set(
      resources.filter(({ object }) => object.kind === 'ServiceAccount').map(({ object }) => object.metadata.name),
    );
    const subject = (found: unknown): unknown => {
      if (!isJsonObject(found) || found['kind'] !== 'ServiceAccount') return found;
      const isOurs = found['name'] === 'default' || accounts.has(found['name'] as string);
      return isOurs ? { ...found, namespace } : found;
    };
    return changeEach((object) => {
      if (object.kind === 'Namespace') return changed(object, 'metadata/name', () => namespace);
      const placed = isNamespaced(object) ? changed(object, 'metadata/namespace', () => namespace) : object;
      const isBinding = object.kind === 'RoleBinding' || object.kind === 'ClusterRoleBinding';
      return isBinding ? changed(placed, 'subjects[]', subject) : placed;
    })(resources);
  };
}

/** Names that are others' as well stay as they are. */
const fixedNames = new Set(['Namespace', 'CustomResourceDefinition', 'APIService']);

export function setNames({ namePrefix, nameSuffix }: Pick<Kustomization, 'namePrefix' | 'nameSuffix'>): Transform {
  return (resources) =>
    resources.map((resource) =>
      fixedNames.has(resource.object.kind ?? '')
        ? resource
        : renamed(resource, `${namePrefix}${resource.object.metadata.name}${nameSuffix}`),
    );
}

/** Where labels go besides the metadata, and whether the mapping is made there. */
function labelPaths(kind: string, { includeSelectors, includeTemplates }: LabelArgs): [FieldPath, boolean][] {
  const templates: [FieldPath, boolean][] = [
    ...(templated.includes(kind) ? ([['spec/template/metadata/labels', true]] as [FieldPath, boolean][]) : []),
    ...(kind === 'CronJob'
      ? ([
          ['spec/jobTemplate/metadata/labels', true],
          ['spec/jobTemplate/spec/template/metadata/labels', true],
        ] as [FieldPath, boolean][])
      : []),
    ...(kind === 'StatefulSet'
      ? ([['spec/volumeClaimTemplates[]/metadata/labels', true]] as [FieldPath, boolean][])
      : []),
  ];
  if (!includeSelectors) return includeTemplates ? templates : [];
  const spread = 'spec/template/spec/topologySpreadConstraints[]/labelSelector/matchLabels';
  const affinity = ['podAffinity', 'podAntiAffinity'].flatMap((each) => [
    `spec/template/spec/affinity/${each}/preferredDuringSchedulingIgnoredDuringExecution[]/podAffinityTerm/labelSelector/matchLabels`,
    `spec/template/spec/affinity/${each}/requiredDuringSchedulingIgnoredDuringExecution[]/labelSelector/matchLabels`,
  ]);
  const selectors: Record<string, [FieldPath, boolean][]> = {
    Service: [['spec/selector', true]],
    ReplicationController: [['spec/selector', true]],
    Job: [['spec/selector/matchLabels', false]],
    CronJob: [['spec/jobTemplate/spec/selector/matchLabels', false]],
    PodDisruptionBudget: [['spec/selector/matchLabels', false]],
    NetworkPolicy: [
      ['spec/podSelector/matchLabels', false],
      ['spec/ingress[]/from[]/podSelector/matchLabels', false],
      ['spec/egress[]/to[]/podSelector/matchLabels', false],
    ],
  };
  if (!workloads.includes(kind)) return [...templates, ...(selectors[kind] ?? [])];
  const inner = [spread, ...affinity].map((path): [FieldPath, boolean] => [path, false]);
  return [...templates, ['spec/selector/matchLabels', true], ...inner];
}

export function setLabels(labels: readonly LabelArgs[]): Transform {
  return changeEach((object) =>
    labels.reduce((whole, args) => {
      const paths: [FieldPath, boolean][] = [['metadata/labels', true], ...labelPaths(object.kind ?? '', args)];
      return paths.reduce((part, [path, create]) => changed(part, path, adding(args.pairs, create)), whole);
    }, object),
  );
}

export function setAnnotations(pairs: Readonly<Record<string, string>>): Transform {
  if (Object.keys(pairs).length === 0) return (resources) => [...resources];
  return changeEach((object) => {
    const { kind = '' } = object;
    const paths = [
      'metadata/annotations',
      ...(templated.includes(kind) ? ['spec/template/metadata/annotations'] : []),
      ...(kind === 'CronJob'
        ? ['spec/jobTemplate/metadata/annotations', 'spec/jobTemplate/spec/template/metadata/annotations']
        : []),
    ];
    return paths.reduce((part, path) => changed(part, path, adding(pairs, true)), object);
  });
}

const scalable = new Set(['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet']);

/** @throws KustomizeError when there is nothing of a name to scale */
export function setReplicas(replicas: Kustomization['replicas'], where: string): Transform {
  return (resources) => {
    for (const [index, { name }] of replicas.entries()) {
      if (resources.some((each) => scalable.has(each.object.kind ?? '') && isCalled(each, name))) continue;
      throw new KustomizeError(where, `replicas[${index}]: there is no workload ${name}`);
    }
    return changeEach((object, resource) => {
      const found = scalable.has(object.kind ?? '') ? replicas.find(({ name }) => isCalled(resource, name)) : undefined;
      return found ? changed(object, 'spec/replicas', () => found.count) : object;
    })(resources);
  };
}

export function setImages(images: readonly ImageArgs[]): Transform {
  if (images.length === 0) return (resources) => [...resources];
  return changeEach((object) => withImages(object, images) as AnyObject);
}

function withImages(value: unknown, images: readonly ImageArgs[]): unknown {
  if (Array.isArray(value)) return value.map((item) => withImages(item, images));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    const made = withImages(inner, images);
    if (!/^(?:initC|ephemeralC|c)ontainers$/.test(key) || !Array.isArray(made)) return [key, made];
    return [
      key,
      made.map((container: unknown) =>
        isJsonObject(container) && typeof container['image'] === 'string'
          ? { ...container, image: images.reduce(replacedImage, container['image']) }
          : container,
      ),
    ];
  });
  return Object.fromEntries(entries);
}

/** `name[:tag][@digest]`: a digest goes in place of a tag, a new tag in place of both. */
function replacedImage(image: string, { name, newName, newTag, digest, tagSuffix }: ImageArgs): string {
  const [, base = '', tag = '', oldDigest = ''] = /^(.*?)(:[^:/@]+)?(@.+)?$/.exec(image) ?? [];
  if (base !== name) return image;
  const made = newName ?? base;
  if (digest) return `${made}${newTag ? `:${newTag}` : ''}@${digest}`;
  if (newTag !== undefined) return `${made}:${newTag}${tagSuffix ?? ''}`;
  if (tagSuffix !== undefined && tag !== '') return `${made}${tag}${tagSuffix}`;
  return `${made}${tag}${oldDigest}`;
}
