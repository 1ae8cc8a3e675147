import { parseBody } from '../../api/body.ts';
import { isJsonObject, type JsonObject } from '../../api/plain-json.ts';
import { nearest } from '../compose/schema/nearest.ts';
import { KustomizeError } from './kustomize-error.ts';

/** A kustomization.yaml (https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/), as it is written. */
export interface Kustomization {
  kind: 'Kustomization' | 'Component';
  resources: readonly string[];
  components: readonly string[];
  configMapGenerator: readonly GeneratorArgs[];
  secretGenerator: readonly GeneratorArgs[];
  generatorOptions: GeneratorOptions;
  patches: readonly PatchArgs[];
  namespace: string;
  namePrefix: string;
  nameSuffix: string;
  labels: readonly LabelArgs[];
  commonAnnotations: Readonly<Record<string, string>>;
  replicas: readonly { name: string; count: number }[];
  images: readonly ImageArgs[];
}

export interface GeneratorOptions {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  disableNameSuffixHash?: boolean;
  immutable?: boolean;
}

export interface GeneratorArgs {
  name: string;
  namespace?: string;
  behavior?: 'create' | 'merge' | 'replace';
  literals?: string[];
  /** `path`, or `key=path`. */
  files?: string[];
  envs?: string[];
  env?: string;
  /** Of a Secret. */
  type?: string;
  options?: GeneratorOptions;
}

export interface PatchTarget {
  group?: string;
  version?: string;
  kind?: string;
  /** Regular expressions that match as a whole. */
  name?: string;
  namespace?: string;
  labelSelector?: string;
  annotationSelector?: string;
}

/** One of `path` and `patch`. */
export interface PatchArgs {
  path?: string;
  patch?: string;
  target?: PatchTarget;
  options?: { allowNameChange?: boolean; allowKindChange?: boolean };
}

export interface LabelArgs {
  pairs: Record<string, string>;
  includeSelectors?: boolean;
  includeTemplates?: boolean;
}

export interface ImageArgs {
  name: string;
  newName?: string;
  newTag?: string;
  digest?: string;
  tagSuffix?: string;
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string';
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isMap: Check = isJsonObject;
const isMaps: Check = (value) => Array.isArray(value) && value.every(isJsonObject);

const known: Readonly<Record<string, { check: Check; form: string }>> = {
  apiVersion: { check: isText, form: 'a text' },
  kind: { check: isText, form: 'a text' },
  metadata: { check: isMap, form: 'a mapping' },
  resources: { check: isTexts, form: 'a list of paths' },
  bases: { check: isTexts, form: 'a list of paths' },
  components: { check: isTexts, form: 'a list of paths' },
  configMapGenerator: { check: isMaps, form: 'a list of mappings' },
  secretGenerator: { check: isMaps, form: 'a list of mappings' },
  generatorOptions: { check: isMap, form: 'a mapping' },
  patches: { check: isMaps, form: 'a list of mappings' },
  patchesStrategicMerge: { check: isTexts, form: 'a list of paths or patches' },
  patchesJson6902: { check: isMaps, form: 'a list of mappings' },
  namespace: { check: isText, form: 'a text' },
  namePrefix: { check: isText, form: 'a text' },
  nameSuffix: { check: isText, form: 'a text' },
  labels: { check: isMaps, form: 'a list of mappings' },
  commonLabels: { check: isMap, form: 'a mapping' },
  commonAnnotations: { check: isMap, form: 'a mapping' },
  replicas: { check: isMaps, form: 'a list of mappings' },
  images: { check: isMaps, form: 'a list of mappings' },
  // The order of what is applied is the cluster's matter.
  sortOptions: { check: isMap, form: 'a mapping' },
};

/** Fields that kustomize knows and that have no meaning here: what they ask for is not dropped in silence. */
const unsupported = [
  ...['transformers', 'generators', 'validators', 'configurations', 'crds', 'openapi', 'replacements', 'vars'],
  ...['helmCharts', 'helmGlobals', 'helmChartInflationGenerator', 'buildMetadata', 'inventory'],
];

const entryFields: Readonly<Record<string, readonly string[]>> = {
  configMapGenerator: ['name', 'namespace', 'behavior', 'literals', 'files', 'envs', 'env', 'options'],
  secretGenerator: ['name', 'namespace', 'behavior', 'literals', 'files', 'envs', 'env', 'options', 'type'],
  patches: ['path', 'patch', 'target', 'options'],
  patchesJson6902: ['path', 'patch', 'target', 'options'],
  labels: ['pairs', 'includeSelectors', 'includeTemplates'],
  replicas: ['name', 'count'],
  images: ['name', 'newName', 'newTag', 'digest', 'tagSuffix'],
};

/** Reads a kustomization; `source` is its name in errors. @throws KustomizeError */
export function parseKustomization(text: string, source: string): Kustomization {
  let raw: unknown;
  try {
    raw = parseBody(Buffer.from(text), 'application/yaml', 'Ignore').value;
  } catch (cause) {
    throw new KustomizeError(source, (cause as Error).message.replace(/^couldn't get version\/kind; /, ''), cause);
  }
  if (!isJsonObject(raw ?? {})) throw new KustomizeError(source, 'is not a mapping');
  return read((raw ?? {}) as JsonObject, source);
}

function read(raw: JsonObject, source: string): Kustomization {
  for (const [key, value] of Object.entries(raw)) {
    if (unsupported.includes(key)) throw new KustomizeError(source, `${key}: is not supported`);
    const field = Object.hasOwn(known, key) ? known[key] : undefined;
    if (!field) {
      const like = nearest(key, Object.keys(known));
      throw new KustomizeError(source, `${key}: there is no such field${like ? ` (${like}?)` : ''}`);
    }
    if (value !== null && !field.check(value)) throw new KustomizeError(source, `${key}: must be ${field.form}`);
    if (Array.isArray(value)) checkEntries(key, value, source);
  }
  const { kind = 'Kustomization' } = raw;
  if (kind !== 'Kustomization' && kind !== 'Component') {
    throw new KustomizeError(source, `kind: must be Kustomization or Component, not ${String(kind)}`);
  }
  const list = <T>(key: string): readonly T[] => (raw[key] as readonly T[] | null | undefined) ?? [];
  const text = (key: string): string => (raw[key] as string | null | undefined) ?? '';
  return {
    kind,
    resources: [...list<string>('resources'), ...list<string>('bases')],
    components: list('components'),
    configMapGenerator: list('configMapGenerator'),
    secretGenerator: list('secretGenerator'),
    generatorOptions: (raw['generatorOptions'] as GeneratorOptions | null | undefined) ?? {},
    patches: [
      ...list<string>('patchesStrategicMerge').map((each) => (each.includes('\n') ? { patch: each } : { path: each })),
      ...list<PatchArgs>('patches'),
      ...list<PatchArgs>('patchesJson6902'),
    ],
    ...{ namespace: text('namespace'), namePrefix: text('namePrefix'), nameSuffix: text('nameSuffix') },
    labels: [
      ...list<LabelArgs>('labels').map((each, i) => ({ ...each, pairs: texts(each.pairs, `${source}: labels[${i}]`) })),
      ...(raw['commonLabels']
        ? [{ pairs: texts(raw['commonLabels'], `${source}: commonLabels`), includeSelectors: true }]
        : []),
    ],
    commonAnnotations: texts(raw['commonAnnotations'], `${source}: commonAnnotations`),
    ...{ replicas: list('replicas'), images: list('images') },
  };
}

function checkEntries(key: string, entries: readonly unknown[], source: string): void {
  const fields = entryFields[key];
  if (!fields) return;
  for (const [index, entry] of entries.entries()) {
    const where = `${key}[${index}]`;
    for (const field of Object.keys(entry as JsonObject)) {
      if (fields.includes(field)) continue;
      const like = nearest(field, fields);
      const isKnown = key === 'labels' && field === 'fields';
      const what = isKnown ? 'is not supported' : `there is no such field${like ? ` (${like}?)` : ''}`;
      throw new KustomizeError(source, `${where}.${field}: ${what}`);
    }
    if (fields[0] === 'name' && typeof (entry as JsonObject)['name'] !== 'string') {
      throw new KustomizeError(source, `${where}: name is missing`);
    }
  }
}

function texts(value: unknown, where: string): Record<string, string> {
  for (const [key, each] of Object.entries((value ?? {}) as JsonObject)) {
    // YAML makes booleans of `y` and `on`, and numbers of digits.
    if (typeof each !== 'string') throw new KustomizeError(where, `${key}: must be a text: put it in quotes`);
  }
  return (value ?? {}) as Record<string, string>;
}
