import { decodeStruct, type Shape } from '../functions/go-struct.ts';
import { parseTime } from '../functions/go-time.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { parseVersion } from '../functions/semver.ts';
import { utc } from '../functions/time-zones.ts';
import { ChartError, type ChartFile, type ChartLock, type ChartMetadata, type Dependency, textOf } from './chart.ts';

/** Reads `Chart.yaml`, without what says nothing (`type: ""`). An apiVersion that is missing is v1, as it was for Helm 2. */
export function readMetadata(file: ChartFile): ChartMetadata {
  const given = Object.entries(read(file, metadataShape)).filter(([, value]) => value !== '' && value !== false);
  const metadata = Object.fromEntries(given) as unknown as ChartMetadata;
  metadata.apiVersion ??= 'v1';
  if (metadata.dependencies) metadata.dependencies = withRepository(metadata.dependencies);
  return metadata;
}

/** Reads `requirements.yaml`, where charts of apiVersion v1 have their dependencies. */
export function readRequirements(file: ChartFile): Dependency[] | undefined {
  const { dependencies } = read(file, requirementsShape);
  return dependencies === undefined ? undefined : withRepository(dependencies);
}

export function readLock(file: ChartFile): ChartLock {
  const { generated, digest, dependencies } = read(file, lockShape) as Partial<ChartLock>;
  if (generated !== undefined) checkTime(file, generated);
  return { generated: generated ?? '', digest: digest ?? '', dependencies: withRepository(dependencies) };
}

function checkTime(file: ChartFile, text: string): void {
  try {
    parseTime('2006-01-02T15:04:05Z07:00', text, utc);
  } catch (error) {
    throw unloadable(file, `error unmarshaling JSON: while decoding JSON: ${(error as Error).message}`, error);
  }
}

function unloadable(file: ChartFile, message: string, cause: unknown): ChartError {
  return new ChartError(`cannot load ${file.name}: ${message}`, cause);
}

const strings: Shape = { list: 'string' };

const maintainer: Shape = { struct: 'chart.Maintainer', fields: { name: 'string', email: 'string', url: 'string' } };

const dependency: Shape = {
  struct: 'chart.Dependency',
  fields: {
    name: 'string',
    version: 'string',
    repository: 'string',
    condition: 'string',
    tags: strings,
    enabled: 'bool',
    'import-values': { list: 'any' },
    alias: 'string',
  },
};

/** `Chart.yaml` as Helm decodes it. */
export const metadataShape = {
  struct: 'chart.Metadata',
  fields: {
    name: 'string',
    home: 'string',
    sources: strings,
    version: 'string',
    description: 'string',
    keywords: strings,
    maintainers: { list: maintainer },
    icon: 'string',
    apiVersion: 'string',
    condition: 'string',
    tags: 'string',
    appVersion: 'string',
    deprecated: 'bool',
    annotations: { map: 'string' },
    kubeVersion: 'string',
    dependencies: { list: dependency },
    type: 'string',
  },
} as const;

const requirementsShape = { struct: 'chart.Metadata', fields: { dependencies: { list: dependency } } } as const;

const lockShape = {
  struct: 'chart.Lock',
  fields: { generated: 'string', digest: 'string', dependencies: { list: dependency } },
} as const;

/** Reads YAML into a Go struct's fields. @throws ChartError */
function read(file: ChartFile, shape: Parameters<typeof decodeStruct>[1]): Record<string, unknown> {
  try {
    return decodeStruct(readYaml(textOf(file)), shape);
  } catch (error) {
    throw unloadable(file, (error as Error).message, error);
  }
}

function withRepository(found: unknown): Dependency[] {
  const dependencies = (found ?? []) as (Dependency | null)[];
  // One that is null is found when all has been read.
  return dependencies.map((given) => given && { ...given, repository: given.repository ?? '' }) as Dependency[];
}

/** @throws ChartError in Helm's words for what makes a chart unusable */
export function validateMetadata(metadata: ChartMetadata): void {
  const fail = (message: string): never => {
    throw new ChartError(`validation: ${message}`);
  };
  const { name, version, apiVersion, type, maintainers = [], dependencies = [] } = metadata;
  if (apiVersion !== 'v1' && apiVersion !== 'v2')
    fail(`chart.metadata.apiVersion "${String(apiVersion)}" is not valid: it must be v1 or v2`);
  if (!name) fail('chart.metadata.name is required');
  if (/[/\\]/.test(name) || name === '.' || name === '..') fail(`chart.metadata.name "${name}" is invalid`);
  if (!version) fail('chart.metadata.version is required');
  if (!isVersion(version)) fail(`chart.metadata.version "${version}" is invalid`);
  if (type !== undefined && type !== '' && type !== 'application' && type !== 'library') {
    fail('chart.metadata.type must be application or library');
  }
  const holdsNothing = (list: readonly unknown[]): boolean => list.includes(null);
  if (holdsNothing(maintainers)) fail('maintainers must not contain empty or null nodes');
  const seen = new Set<string>();
  for (const dependency of dependencies) {
    if (holdsNothing([dependency])) fail('dependencies must not contain empty or null nodes');
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
