import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { type Chart, ChartError, isLibrary, type Values } from '../chart/chart.ts';
import type { Capabilities } from '../render/capabilities.ts';
import { splitManifests } from '../render/manifests.ts';
import { renderChart } from '../render/render.ts';
import { RenderError } from '../render/render-error.ts';
import { isMap } from '../template/values.ts';
import { coalesceValues } from '../values/coalesce.ts';
import { processDependencies } from '../values/dependencies.ts';
import { validateValues } from '../values/schema.ts';
import { ValuesError } from '../values/values-error.ts';

export type Severity = 'INFO' | 'WARNING' | 'ERROR';

export interface LintMessage {
  severity: Severity;
  path: string;
  text: string;
}

export interface LintOptions {
  values: Values;
  namespace: string;
  capabilities: Capabilities;
  skipSchemaValidation: boolean;
  clock: Clock;
  random: Random;
}

/** What is wrong with a chart, or could be better. A chart that cannot even be loaded is the caller's to tell. */
export async function lintChart(chart: Chart, options: LintOptions): Promise<LintMessage[]> {
  return [
    ...metadataMessages(chart),
    ...valuesMessages(chart),
    ...dependencyMessages(chart),
    ...(await templateMessages(chart, options)),
  ];
}

function metadataMessages({ metadata, raw }: Chart): LintMessage[] {
  const found: LintMessage[] = [];
  const say = (severity: Severity, text: string): void => void found.push({ severity, path: 'Chart.yaml', text });
  const text = raw.find(({ name }) => name === 'Chart.yaml');
  const fields = text ? readYaml(Buffer.from(text.data).toString()) : null;
  if (isMap(fields) && fields['apiVersion'] === undefined)
    say('ERROR', 'apiVersion is required. The value must be either "v1" or "v2"');
  if (isMap(fields) && fields['appVersion'] !== undefined && typeof fields['appVersion'] !== 'string') {
    say('ERROR', `appVersion should be of type string but it's of type ${typeof fields['appVersion']}`);
  }
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(metadata.name))
    say('WARNING', `chart name "${metadata.name}" should be lower-case letters, digits and dashes`);
  if (/^v\d/.test(metadata.version))
    say('WARNING', `version '${metadata.version}' is not strict semantic versioning: it begins with a v`);
  for (const { name, email, url } of metadata.maintainers ?? []) {
    if (!name) say('ERROR', 'each maintainer requires a name');
    if (email && !/^[^@\s]+@[^@\s]+$/.test(email)) say('ERROR', `invalid email '${email}' for maintainer '${name}'`);
    if (url && !isUrl(url)) say('ERROR', `invalid url '${url}' for maintainer '${name}'`);
  }
  for (const source of metadata.sources ?? []) if (!isUrl(source)) say('ERROR', `invalid source URL '${source}'`);
  if (!metadata.icon) say('INFO', 'icon is recommended');
  else if (!isUrl(metadata.icon)) say('ERROR', `invalid icon URL '${metadata.icon}'`);
  if (metadata.apiVersion === 'v1' && metadata.type)
    say('ERROR', "chart type is not valid in apiVersion 'v1'. It is valid in apiVersion 'v2'");
  if (metadata.apiVersion === 'v1' && isMap(fields) && fields['dependencies'] !== undefined) {
    say(
      'ERROR',
      "dependencies are not valid in the Chart file with apiVersion 'v1'. They are valid in apiVersion 'v2'",
    );
  }
  return found;
}

function isUrl(text: string): boolean {
  return URL.canParse(text) && /^(?:https?|data|file|git\+\w+):/.test(text);
}

function valuesMessages({ raw }: Chart): LintMessage[] {
  return raw.some(({ name }) => name === 'values.yaml')
    ? []
    : [{ severity: 'INFO', path: 'values.yaml', text: 'file does not exist' }];
}

function dependencyMessages({ metadata, dependencies }: Chart): LintMessage[] {
  const wanted = (metadata.dependencies ?? []).map(({ name }) => name);
  const there = dependencies.map((subchart) => subchart.metadata.name);
  const missing = wanted.filter((name) => !there.includes(name));
  const extra = there.filter((name) => !wanted.includes(name));
  const say = (severity: Severity, text: string): LintMessage => ({ severity, path: '', text });
  return [
    ...(missing.length > 0
      ? [say('WARNING', `chart directory is missing these dependencies: ${missing.join(',')}`)]
      : []),
    ...(extra.length > 0 ? [say('ERROR', `chart metadata is missing these dependencies: ${extra.join(',')}`)] : []),
  ];
}

async function templateMessages(given: Chart, options: LintOptions): Promise<LintMessage[]> {
  const found: LintMessage[] = [];
  const say = (severity: Severity, path: string, text: string): void => void found.push({ severity, path, text });
  if (given.templates.length === 0 && !isLibrary(given)) say('WARNING', 'templates/', 'directory does not exist');
  for (const { name } of given.templates) {
    if (!/\.(?:ya?ml|tpl|txt)$/.test(name))
      say(
        'ERROR',
        name,
        `file extension '${/\.[^./]*$/.exec(name)?.[0] ?? ''}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt`,
      );
  }
  try {
    const chart = processDependencies(given, options.values);
    if (!options.skipSchemaValidation) await validateValues(chart, coalesceValues(chart, options.values));
    const release = { name: 'test-release', namespace: options.namespace, revision: 1, isUpgrade: false };
    const rendered = await renderChart({
      ...options,
      chart,
      release,
      onLint: (message) => say('INFO', 'templates/', `missing required value: ${message}`),
    });
    for (const [path, text] of rendered) {
      if (path.startsWith(`${chart.metadata.name}/templates/`) && /\.ya?ml$/.test(path))
        found.push(...documentMessages(path.slice(path.indexOf('/') + 1), text));
    }
  } catch (error) {
    if (error instanceof ValuesError) say('ERROR', 'values.yaml', error.message);
    else if (error instanceof RenderError || error instanceof ChartError) say('ERROR', 'templates/', error.message);
    else throw error;
  }
  return found;
}

/** Versions of kinds that Kubernetes took away, with what came instead (Kubernetes' deprecation guide). */
const gone: Readonly<Record<string, string>> = {
  'extensions/v1beta1 Deployment': 'apps/v1',
  'extensions/v1beta1 DaemonSet': 'apps/v1',
  'extensions/v1beta1 ReplicaSet': 'apps/v1',
  'extensions/v1beta1 Ingress': 'networking.k8s.io/v1',
  'extensions/v1beta1 NetworkPolicy': 'networking.k8s.io/v1',
  'networking.k8s.io/v1beta1 Ingress': 'networking.k8s.io/v1',
  'apps/v1beta1 Deployment': 'apps/v1',
  'apps/v1beta1 StatefulSet': 'apps/v1',
  'apps/v1beta2 Deployment': 'apps/v1',
  'apps/v1beta2 DaemonSet': 'apps/v1',
  'apps/v1beta2 StatefulSet': 'apps/v1',
  'batch/v1beta1 CronJob': 'batch/v1',
  'policy/v1beta1 PodDisruptionBudget': 'policy/v1',
  'autoscaling/v2beta1 HorizontalPodAutoscaler': 'autoscaling/v2',
  'autoscaling/v2beta2 HorizontalPodAutoscaler': 'autoscaling/v2',
  'rbac.authorization.k8s.io/v1beta1 ClusterRole': 'rbac.authorization.k8s.io/v1',
  'rbac.authorization.k8s.io/v1beta1 ClusterRoleBinding': 'rbac.authorization.k8s.io/v1',
  'rbac.authorization.k8s.io/v1beta1 Role': 'rbac.authorization.k8s.io/v1',
  'rbac.authorization.k8s.io/v1beta1 RoleBinding': 'rbac.authorization.k8s.io/v1',
  'apiextensions.k8s.io/v1beta1 CustomResourceDefinition': 'apiextensions.k8s.io/v1',
};

function documentMessages(path: string, text: string): LintMessage[] {
  const found: LintMessage[] = [];
  const say = (severity: Severity, message: string): void => void found.push({ severity, path, text: message });
  for (const content of splitManifests(text)) {
    let value: unknown;
    try {
      value = readYaml(content);
    } catch (error) {
      say('ERROR', `unable to parse YAML: ${(error as Error).message}`);
      continue;
    }
    if (value === null) continue;
    const { apiVersion, kind, metadata } = isMap(value) ? value : {};
    if (typeof kind !== 'string' || typeof apiVersion !== 'string') {
      say('ERROR', 'a document has no apiVersion or kind');
      continue;
    }
    const name = isMap(metadata) ? metadata['name'] : undefined;
    if (
      kind !== 'List' &&
      !(isMap(metadata) && metadata['generateName']) &&
      (typeof name !== 'string' || !/^[a-zA-Z0-9.:_-]{1,253}$/.test(name))
    ) {
      say('ERROR', `object name does not conform to Kubernetes naming requirements: ${JSON.stringify(name ?? '')}`);
    }
    const successor = gone[`${apiVersion} ${kind}`];
    if (successor)
      say('WARNING', `${apiVersion} ${kind} is deprecated and not served any more; use ${successor} ${kind}`);
  }
  return found;
}
