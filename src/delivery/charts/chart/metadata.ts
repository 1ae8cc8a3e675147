import { isMap } from '../template/values.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { parseVersion } from '../functions/semver.ts';
import {
  ChartError,
  type ChartFile,
  type ChartLock,
  type ChartMetadata,
  type Dependency,
  type Maintainer,
  textOf,
} from './chart.ts';

/** Reads `Chart.yaml`. An apiVersion that is missing is v1, as it was for Helm 2. */
export function readMetadata(file: ChartFile): ChartMetadata {
  const fields = mapOf(file, 'Chart.yaml');
  const metadata = { ...pick(fields, metadataFields, 'Chart.yaml') } as unknown as ChartMetadata;
  metadata.apiVersion ??= 'v1';
  if (fields['dependencies'] !== undefined)
    metadata.dependencies = dependenciesOf(fields['dependencies'], 'Chart.yaml');
  if (fields['maintainers'] !== undefined) metadata.maintainers = maintainersOf(fields['maintainers']);
  return metadata;
}

/** Reads `requirements.yaml`, where charts of apiVersion v1 have their dependencies. */
export function readRequirements(file: ChartFile): Dependency[] | undefined {
  const { dependencies } = mapOf(file, 'requirements.yaml');
  return dependencies === undefined || dependencies === null
    ? undefined
    : dependenciesOf(dependencies, 'requirements.yaml');
}

export function readLock(file: ChartFile): ChartLock {
  const { generated, digest, dependencies } = mapOf(file, file.name);
  return {
    generated: typeof generated === 'string' ? generated : '',
    digest: typeof digest === 'string' ? digest : '',
    dependencies: dependenciesOf(dependencies ?? [], file.name),
  };
}

/** Reads a YAML map; nothing at all is an empty one. */
function mapOf(file: ChartFile, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = readYaml(textOf(file));
  } catch (error) {
    throw new ChartError(`cannot load ${name}: ${(error as Error).message}`, error);
  }
  if (value === null) return {};
  if (!isMap(value)) throw new ChartError(`cannot load ${name}: it is not a map`);
  return value;
}

type FieldType = 'string' | 'boolean' | 'strings' | 'stringMap' | 'any';

const metadataFields: Readonly<Record<string, FieldType>> = {
  name: 'string',
  home: 'string',
  sources: 'strings',
  version: 'string',
  description: 'string',
  keywords: 'strings',
  icon: 'string',
  apiVersion: 'string',
  condition: 'string',
  tags: 'string',
  appVersion: 'string',
  deprecated: 'boolean',
  annotations: 'stringMap',
  kubeVersion: 'string',
  type: 'string',
};

const dependencyFields: Readonly<Record<string, FieldType>> = {
  name: 'string',
  version: 'string',
  repository: 'string',
  condition: 'string',
  tags: 'strings',
  enabled: 'boolean',
  'import-values': 'any',
  alias: 'string',
};

/** The known fields, each of its type; unknown ones are passed over, as Helm does. */
function pick(
  from: Record<string, unknown>,
  fields: Readonly<Record<string, FieldType>>,
  where: string,
): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(fields)) {
    const value = from[name];
    if (value === undefined || value === null) continue;
    if (!isOfType(value, type)) throw new ChartError(`cannot load ${where}: ${name} must be ${typeNames[type]}`);
    picked[name] = value;
  }
  return picked;
}

const typeNames: Readonly<Record<FieldType, string>> = {
  string: 'a string (quote it where it looks like a number)',
  boolean: 'true or false',
  strings: 'a list of strings',
  stringMap: 'a map of strings',
  any: 'a value',
};

function isOfType(value: unknown, type: FieldType): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'stringMap':
      return isMap(value) && Object.values(value).every((item) => typeof item === 'string');
    case 'any':
      return true;
  }
}

function dependenciesOf(value: unknown, where: string): Dependency[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw new ChartError(`cannot load ${where}: dependencies must be a list`);
  return (value as unknown[]).map((item) => {
    if (!isMap(item)) throw new ChartError(`cannot load ${where}: a dependency must be a map`);
    return { repository: '', ...pick(item, dependencyFields, where) } as unknown as Dependency;
  });
}

function maintainersOf(value: unknown): Maintainer[] {
  if (!Array.isArray(value)) throw new ChartError('cannot load Chart.yaml: maintainers must be a list');
  return (value as unknown[]).map((item) => {
    if (!isMap(item)) throw new ChartError('cannot load Chart.yaml: a maintainer must be a map');
    return pick(item, { name: 'string', email: 'string', url: 'string' }, 'Chart.yaml') as unknown as Maintainer;
  });
}

/** @throws ChartError in Helm's words for what makes a chart unusable */
export function validateMetadata(metadata: ChartMetadata): void {
  const fail = (message: string): never => {
    throw new ChartError(`validation: ${message}`);
  };
  const { name, version, apiVersion, type, dependencies = [] } = metadata;
  if (apiVersion !== 'v1' && apiVersion !== 'v2')
    fail(`chart.metadata.apiVersion "${String(apiVersion)}" is not valid: it must be v1 or v2`);
  if (!name) fail('chart.metadata.name is required');
  if (/[/\\]/.test(name) || name === '.' || name === '..') fail(`chart.metadata.name "${name}" is invalid`);
  if (!version) fail('chart.metadata.version is required');
  if (!isVersion(version)) fail(`chart.metadata.version "${version}" is invalid`);
  if (type !== undefined && type !== '' && type !== 'application' && type !== 'library') {
    fail('chart.metadata.type must be application or library');
  }
  const seen = new Set<string>();
  for (const dependency of dependencies) {
    const key = dependency.alias || dependency.name;
    if (!dependency.name) fail('a dependency has no name');
    if (dependency.alias && !/^[a-zA-Z0-9_-]+$/.test(dependency.alias)) {
      fail(`dependency "${dependency.name}" has disallowed characters in the alias`);
    }
    if (seen.has(key)) fail(`more than one dependency with name or alias "${key}"`);
    seen.add(key);
  }
}

export function isVersion(text: string): boolean {
  try {
    parseVersion(text);
    return true;
  } catch {
    return false;
  }
}
