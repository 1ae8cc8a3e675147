import { createHash } from 'node:crypto';
import type { KubeObject } from '../../../api/object.ts';
import type { PodTemplateSpec } from '../../../api/types/core-v1.ts';
import { ComposeError } from '../compose-error.ts';
import { checkContainerNames } from '../consistency.ts';
import type { Project } from '../model.ts';
import type { Mapping } from '../tree.ts';
import { checkAddresses } from './addresses.ts';
import { aliasesOf, nameServicesOf } from './discovery.ts';
import { fileObjectsOf } from './files.ts';
import { refuseUnsupported } from './key-effects.ts';
import { configFilesAnnotation, configHashAnnotation, objectName, projectLabels } from './names.ts';
import { policiesOf } from './networks.ts';
import { publishedServiceOf } from './ports.ts';
import { Problems } from './problems.ts';
import { type Scope, serviceScope, type TranslateOptions } from './scope.ts';
import { claimsOf } from './volumes.ts';
import { type Workload, workloadOf } from './workload.ts';

/** A project as a cluster runs it. */
export interface Translation {
  namespace: string;
  /** The namespace itself, and everything in it but the workloads. */
  base: KubeObject[];
  /** By the names of their services. */
  workloads: Record<string, Workload>;
  /** What is not quite as it is elsewhere, each with file, line and key. */
  warnings: string[];
}

/**
 * The Kubernetes objects of a project. Pure but for the contents of secrets and configs, which `options.files` reads. Throws
 * {@link ComposeError} that names every key that a cluster cannot honour, unless `lenient`. docs/compose.md has what
 * becomes of each key; the Compose Specification says what each means.
 */
export function translate(project: Project, tree: Mapping, options: TranslateOptions): Translation {
  const problems = new Problems(tree, options);
  const scope: Scope = { project, problems, options };
  const namespace = namespaceOf(project.name);
  checkContainerNames(project, tree);
  refuseUnsupported(project, problems);
  checkAddresses(scope);
  const aliases = aliasesOf(scope);
  const workloads: Record<string, Workload> = {};
  const published: KubeObject[] = [];
  for (const name of Object.keys(project.services)) {
    const service = serviceScope(scope, name);
    workloads[name] = withHash(inNamespace(workloadOf(service, aliases), namespace));
    const ports = publishedServiceOf(service);
    if (ports) published.push(ports);
  }
  const placed = [
    ...fileObjectsOf(scope),
    ...claimsOf(scope),
    ...policiesOf(scope),
    ...nameServicesOf(scope),
    ...published,
  ];
  const base = [namespaceObject(namespace, scope), ...placed.map((object) => inNamespace(object, namespace))];
  return { namespace, base, workloads, warnings: problems.finish() };
}

function namespaceObject(name: string, { project, options: { configFiles = [] } }: Scope): KubeObject {
  const annotations = configFiles.length > 0 && { [configFilesAnnotation]: configFiles.join(',') };
  const metadata = { name, labels: projectLabels(project.name), ...(annotations && { annotations }) };
  return { apiVersion: 'v1', kind: 'Namespace', metadata };
}

const reserved = /^(?:default$|kube-)/;

/** A project's namespace has its name, where that can be one. */
export function namespaceOf(project: string): string {
  const name = objectName(project);
  if (!reserved.test(name)) return name;
  throw new ComposeError(
    `a project cannot be called ${project}: the namespace ${name} is the cluster's own. Choose another name with -p`,
  );
}

function inNamespace<T extends KubeObject>(object: T, namespace: string): T {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

/** Tells the pods of one version from those of another; how many there are does not count. */
function withHash(workload: Workload): Workload {
  const { template } = workload.spec as { template: PodTemplateSpec };
  const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex');
  const annotations = { ...template.metadata?.annotations, [configHashAnnotation]: hash };
  const marked = { ...template, metadata: { ...template.metadata, annotations } };
  return { ...workload, spec: { ...workload.spec, template: marked } };
}
