import { isJsonObject, jsonEquals, type JsonObject } from './plain-json.ts';

/** What of another server's Swagger document becomes part of ours: what is below a path. */
export interface RemoteDescription {
  /** `/apis/<group>/<version>`. */
  prefix: string;
  /** A whole Swagger 2.0 document. */
  description: JsonObject;
}

const kindsKey = 'x-kubernetes-group-version-kind';
/** What paths refer to, in parts of the document with these names. */
const sections = ['definitions', 'parameters'] as const;
type Section = (typeof sections)[number];

/**
 * One Swagger 2.0 document of ours and of others, as kube-aggregator makes it: their paths below their prefix with what
 * those refer to. A definition that has our name and differs from ours gets a number (`_v2`).
 */
export function mergeOpenApiV2(own: JsonObject, others: readonly RemoteDescription[]): JsonObject {
  const merged: JsonObject & Record<Section | 'paths', JsonObject> = {
    ...own,
    paths: { ...partOf(own, 'paths') },
    definitions: { ...partOf(own, 'definitions') },
    parameters: { ...partOf(own, 'parameters') },
  };
  for (const { prefix, description } of others) add(merged, description, prefix);
  const { parameters, ...rest } = merged;
  return Object.keys(parameters).length > 0 ? merged : rest;
}

function add(merged: Record<Section | 'paths', JsonObject>, description: JsonObject, prefix: string): void {
  const isOurs = (path: string): boolean => path === prefix || path.startsWith(`${prefix}/`);
  const paths = Object.entries(partOf(description, 'paths')).filter(([path]) => isOurs(path));
  const names = new Map<string, string>();
  const taken: { section: Section; target: string; value: unknown }[] = [];
  for (const { section, name, value } of reachable(description, paths)) {
    const target = targetName(merged[section], name, value);
    names.set(referenceTo(section, name), referenceTo(section, target));
    taken.push({ section, target, value });
  }
  for (const { section, target, value } of taken) {
    const known = merged[section][target];
    merged[section][target] = known === undefined ? renamed(value, names) : withKindsOf(known, value);
  }
  for (const [path, item] of paths) merged.paths[path] ??= renamed(item, names);
}

interface Reached {
  section: Section;
  name: string;
  value: unknown;
}

function* reachable(description: JsonObject, from: unknown): Iterable<Reached> {
  const seen = new Set<string>();
  const queue = [...referencesIn(from)];
  for (let reference = queue.pop(); reference !== undefined; reference = queue.pop()) {
    if (seen.has(reference)) continue;
    seen.add(reference);
    const [, section = '', name = ''] = /^#\/([^/]+)\/(.+)$/.exec(reference) ?? [];
    const known = sections.find((each) => each === section);
    const value = known && partOf(description, known)[name];
    if (!known || value === undefined) continue;
    yield { section: known, name, value };
    queue.push(...referencesIn(value));
  }
}

function* referencesIn(value: unknown): Iterable<string> {
  if (Array.isArray(value)) {
    for (const item of value) yield* referencesIn(item);
  } else if (isJsonObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      if (key === '$ref' && typeof inner === 'string') yield inner;
      else yield* referencesIn(inner);
    }
  }
}

/** The name itself where it is free or means the same; otherwise the first number that is. */
function targetName(section: JsonObject, name: string, value: unknown): string {
  const isFree = (candidate: string): boolean => {
    const known = section[candidate];
    return known === undefined || jsonEquals(withoutKinds(known), withoutKinds(value));
  };
  let candidate = name;
  for (let n = 2; !isFree(candidate); n++) candidate = `${name}_v${n}`;
  return candidate;
}

function withoutKinds(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const { [kindsKey]: _, ...rest } = value;
  return rest;
}

/** DeleteOptions and WatchEvent are kinds of every group that is served. */
function withKindsOf(known: unknown, other: unknown): unknown {
  if (!isJsonObject(known) || !isJsonObject(other)) return known;
  const [ours, theirs] = [known, other].map((value) => value[kindsKey]);
  if (!Array.isArray(theirs)) return known;
  const all: unknown[] = Array.isArray(ours) ? ours : [];
  const more = theirs.filter((kind) => !all.some((each) => jsonEquals(each, kind)));
  return more.length === 0 ? known : { ...known, [kindsKey]: [...all, ...more] };
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const isReference = key === '$ref' && typeof inner === 'string';
      return [key, isReference ? (names.get(inner) ?? inner) : renamed(inner, names)];
    }),
  );
}

function referenceTo(section: Section, name: string): string {
  return `#/${section}/${name}`;
}

function partOf(document: JsonObject, key: string): JsonObject {
  const part = document[key];
  return isJsonObject(part) ? part : {};
}
