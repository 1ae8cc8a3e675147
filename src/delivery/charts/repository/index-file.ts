import { satisfies, compareVersions, parseVersion } from '../functions/semver.ts';
import { emitYaml } from '../functions/yaml-emit.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { ChartError, type ChartMetadata } from '../chart/chart.ts';
import { isMap } from '../template/values.ts';

/** One version of a chart in a repository. */
export interface IndexEntry extends ChartMetadata {
  urls: string[];
  created?: string;
  digest?: string;
}

/** `index.yaml` of a chart repository (Helm documentation, "The Chart Repository Guide"): newest versions first. */
export interface RepositoryIndex {
  entries: Record<string, IndexEntry[]>;
}

/** What is shorter is read as a whole, in no time that matters. */
const shortIndex = 64 * 1024;

/**
 * An index as block YAML, version by version: the indexes of large repositories are longer than a text of YAML may be,
 * and what one version has that is hard to read does not make all others slow. As a whole where it has another form.
 */
function readIndexYaml(text: string): unknown {
  const start = /^entries: *\n/m.exec(text);
  if (text.length < shortIndex || !start) return readYaml(text);
  const from = start.index + start[0].length;
  const after = /^[^ \n#]/m.exec(text.slice(from));
  const end = after ? from + after.index : text.length;
  const head = readYaml(text.slice(0, start.index) + text.slice(end));
  const entries: Record<string, unknown[]> = {};
  for (const chart of text.slice(from, end).split(/^(?=  [^ \n#-])/m)) {
    const [name, versions] = chartIn(chart);
    if (name === undefined) return readYaml(text);
    entries[name] = versions;
  }
  return isMap(head) ? { ...head, entries } : head;
}

/** `  name:`, and its versions as items of a list; no name where it is anything else. */
function chartIn(text: string): [string | undefined, unknown[]] {
  const [, name, indent = ''] = /^  ([\w./-]+): *\n( +)- /.exec(text) ?? [];
  if (name === undefined || indent.length > 4) return [undefined, []];
  const items = text.slice(text.indexOf('\n') + 1).split(indent.length === 2 ? /^(?=  - )/m : /^(?=    - )/m);
  const lists = items.map((item) => readYaml(item));
  return lists.every((list) => Array.isArray(list)) ? [name, lists.flat()] : [undefined, []];
}

/** Reads an index; entries that make no sense are left out. @throws ChartError when it is none */
export function parseIndex(text: string, source: string): RepositoryIndex {
  let value: unknown;
  try {
    // Large repositories keep JSON, which is much quicker to read.
    value = /^\s*\{/.test(text) ? JSON.parse(text) : readIndexYaml(text);
  } catch (error) {
    throw new ChartError(
      `${source} is no chart repository: its index.yaml cannot be read: ${(error as Error).message}`,
      error,
    );
  }
  if (!isMap(value) || typeof value['apiVersion'] !== 'string') {
    throw new ChartError(`${source} is no chart repository: its index.yaml has no apiVersion`);
  }
  const entries: RepositoryIndex['entries'] = {};
  for (const [name, versions] of Object.entries(isMap(value['entries']) ? value['entries'] : {})) {
    const list = (Array.isArray(versions) ? (versions as unknown[]) : []).filter(isEntry);
    if (list.length > 0)
      entries[name] = list.toSorted((a, b) => compareVersions(parseVersion(b.version), parseVersion(a.version)));
  }
  return { entries };
}

function isEntry(value: unknown): value is IndexEntry {
  if (!isMap(value) || typeof value['name'] !== 'string' || typeof value['version'] !== 'string') return false;
  return isSemantic(value['version']) && Array.isArray(value['urls']);
}

function isSemantic(version: string): boolean {
  try {
    parseVersion(version);
    return true;
  } catch {
    return false;
  }
}

/** The newest version in a range; without one the newest that is no pre-release. Undefined when there is none. */
export function newestIn<T extends { version: string }>(versions: readonly T[], range = ''): T | undefined {
  const exact = versions.find(({ version }) => version === range);
  if (exact) return exact;
  const sorted = versions.toSorted((a, b) => compareVersions(parseVersion(b.version), parseVersion(a.version)));
  return sorted.find(({ version }) => isIn(range === '' ? '*' : range, version));
}

function isIn(range: string, version: string): boolean {
  try {
    return satisfies(range, version);
  } catch (error) {
    throw new ChartError(`${JSON.stringify(range)} is no version and no range of versions`, error);
  }
}

/** An index as a file. */
export function formatIndex({ entries }: RepositoryIndex, generated: string, format: 'yaml' | 'json'): string {
  const index = { apiVersion: 'v1', entries, generated };
  return format === 'json' ? JSON.stringify(index) : emitYaml(index);
}

/** Both indexes together; where both have a version, the first one's stays. */
export function mergeIndexes(first: RepositoryIndex, second: RepositoryIndex): RepositoryIndex {
  const entries: RepositoryIndex['entries'] = { ...first.entries };
  for (const [name, versions] of Object.entries(second.entries)) {
    const own = entries[name] ?? [];
    const added = versions.filter(({ version }) => !own.some((other) => other.version === version));
    entries[name] = [...own, ...added].toSorted((a, b) =>
      compareVersions(parseVersion(b.version), parseVersion(a.version)),
    );
  }
  return { entries };
}
