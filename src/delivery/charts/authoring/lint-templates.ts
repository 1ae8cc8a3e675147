import { type NameCheck, dns1035Label, dnsLabel, dnsSubdomain, pathSegmentName } from '../../../api/names.ts';
import { type Chart, ChartError, crdsOf, isLibrary, textOf } from '../chart/chart.ts';
import { decodeStruct } from '../functions/go-struct.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { RenderError } from '../render/render-error.ts';
import { type Rendered, renderChart } from '../render/render.ts';
import { quote } from '../template/quote.ts';
import { isMap } from '../template/values.ts';
import { coalesceValues } from '../values/coalesce.ts';
import { processDependencies } from '../values/dependencies.ts';
import { validateValues } from '../values/schema.ts';
import { ValuesError } from '../values/values-error.ts';
import { deprecationOf } from './deprecated-versions.ts';
import type { LintOptions } from './lint.ts';
import { Findings, type LintMessage } from './lint-message.ts';

const directory = 'templates/';
/** What is looked at of an object. */
const shape = {
  struct: 'rules.k8sYamlStruct',
  fields: {
    apiVersion: 'string',
    kind: 'string',
    metadata: { struct: 'rules.k8sYamlMetadata', fields: { namespace: 'string', name: 'string' } },
  },
} as const;

interface Document {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** What Helm's linter says of templates and what they give (pkg/chart/v2/lint/rules/template.go). */
export async function templateMessages(chart: Chart, options: LintOptions): Promise<LintMessage[]> {
  const findings = new Findings();
  const rendered = await render(chart, options, findings);
  if (!rendered) return findings.messages;
  const minor = Number(/^v?\d+\.(\d+)/.exec(options.capabilities.kubeVersion)?.[1] ?? 0);
  for (const { name } of chart.templates) {
    findings.say('ERROR', name, extensionProblem(name));
    if (!/\.ya?ml$/i.test(name)) continue;
    const text = rendered.get(`${chart.metadata.name}/${name}`) ?? '';
    if (text.trim() === '') continue;
    findings.say('WARNING', name, indentProblem(text));
    for (const content of documentsIn(text)) {
      const document = read(content, name, findings);
      if (document === 'unreadable') return findings.messages;
      if (!document) continue;
      findings.say('WARNING', name, nameProblem(document));
      findings.say('WARNING', name, deprecationOf(document.apiVersion, document.kind, minor));
      findings.say('ERROR', name, selectorProblem(document, text));
      findings.say('ERROR', name, listProblem(document, content));
    }
  }
  return findings.messages;
}

/** Undefined when there is nothing more to say. */
async function render(given: Chart, options: LintOptions, findings: Findings): Promise<Rendered | undefined> {
  try {
    const chart = processDependencies(given, options.values);
    if (!options.skipSchemaValidation) await validateValues(chart, coalesceValues(chart, options.values));
    const release = { name: 'test-release', namespace: options.namespace, revision: 1, isUpgrade: false };
    const onLint = (message: string): void => findings.say('INFO', directory, `missing required value: ${message}`);
    return await renderChart({ ...options, chart, release, onLint });
  } catch (error) {
    if (!(error instanceof ValuesError || error instanceof RenderError || error instanceof ChartError)) throw error;
    findings.say('ERROR', directory, error.message);
    return undefined;
  }
}

/** What Helm's linter says of files in `crds/`. */
export function crdMessages(chart: Chart): LintMessage[] {
  const findings = new Findings();
  for (const { file } of crdsOf(chart)) {
    for (const content of documentsIn(textOf(file))) {
      const document = read(content, file.name, findings);
      if (document === 'unreadable') return findings.messages;
      if (!document) continue;
      const isOurs = document.apiVersion.startsWith('apiextensions.k8s.io');
      findings.say('ERROR', file.name, isOurs ? undefined : "apiVersion is not in 'apiextensions.k8s.io'");
      const isKind = document.kind === 'CustomResourceDefinition';
      findings.say('ERROR', file.name, isKind ? undefined : "object kind is not 'CustomResourceDefinition'");
    }
  }
  return findings.messages;
}

/** As Kubernetes' decoder takes a stream apart: a document keeps its indent. */
function documentsIn(text: string): string[] {
  return text.split(/(?:^|\n)---[^\n]*\n?/);
}

function read(content: string, path: string, findings: Findings): Document | 'unreadable' | undefined {
  try {
    const value = readYaml(content);
    if (value === null) return undefined;
    const {
      apiVersion = '',
      kind = '',
      metadata,
    } = decodeStruct(value, shape) as Partial<Document> & {
      metadata?: { name?: string };
    };
    return { apiVersion, kind, name: metadata?.name ?? '' };
  } catch (error) {
    findings.say('ERROR', path, `unable to parse YAML: ${(error as Error).message}`);
    return 'unreadable';
  }
}

function extensionProblem(name: string): string | undefined {
  const extension = /\.[^./]*$/.exec(name)?.[0] ?? '';
  if (/^\.(?:ya?ml|tpl|txt)$/.test(extension)) return undefined;
  return `file extension '${extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt`;
}

function indentProblem(text: string): string | undefined {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '') ?? '';
  if (!/^[ \t]/.test(line)) return undefined;
  return `document starts with an illegal indent: ${quote(line)}, which may cause parsing problems`;
}

/** How names of kinds are checked that are no subdomains. */
const nameChecks: Readonly<Record<string, NameCheck>> = {
  service: dns1035Label,
  namespace: dnsLabel,
  certificatesigningrequest: () => [],
  role: pathSegmentName,
  clusterrole: pathSegmentName,
  rolebinding: pathSegmentName,
  clusterrolebinding: pathSegmentName,
};

function nameProblem({ kind, name }: Document): string | undefined {
  const check = nameChecks[kind.toLowerCase()] ?? dnsSubdomain;
  const problems = check(name).map((problem) => `metadata.name: Invalid value: ${quote(name)}: ${problem}`);
  if (problems.length === 0) return undefined;
  const all = problems.length === 1 ? problems.join('') : `[${problems.join(', ')}]`;
  return `object name does not conform to Kubernetes naming requirements: ${quote(name)}: ${all}`;
}

function selectorProblem({ kind, name }: Document, text: string): string | undefined {
  if (!['Deployment', 'ReplicaSet', 'DaemonSet', 'StatefulSet'].includes(kind)) return undefined;
  if (/matchLabels|matchExpressions/.test(text)) return undefined;
  return `a ${kind} must contain matchLabels or matchExpressions, and ${quote(name)} does not`;
}

function listProblem({ kind }: Document, content: string): string | undefined {
  const value = readYaml(content);
  const items: unknown = kind === 'List' && isMap(value) ? value['items'] : undefined;
  if (!Array.isArray(items)) return undefined;
  const isKept = items.some((item: unknown) => {
    const metadata = isMap(item) ? item['metadata'] : undefined;
    const annotations = isMap(metadata) ? metadata['annotations'] : undefined;
    return isMap(annotations) && annotations['helm.sh/resource-policy'] !== undefined;
  });
  return isKept ? "annotation 'helm.sh/resource-policy' within List objects are ignored" : undefined;
}

/** A library may be without templates of its own. */
export function missingTemplates(chart: Chart | undefined, hasTemplates: boolean): LintMessage[] {
  if (hasTemplates || (chart && isLibrary(chart))) return [];
  return [{ severity: 'WARNING', path: directory, text: 'directory does not exist' }];
}
