/** What a YAML document is made of, once aliases and merge keys are resolved. */
export type Value = null | boolean | number | string | Value[] | Mapping;
export interface Mapping {
  [key: string]: Value;
}

/** Where a value stands: the file as the user named it, and the line, from 1. */
export interface Position {
  file: string;
  line: number;
}

/** `['services', 'web', 'ports', 0]` */
export type Path = readonly (string | number)[];

/** `!reset` takes a key of earlier files away, `!override` puts its value in their place without merging. */
export type MergeTag = 'reset' | 'override';

type Container = Value[] | Mapping;

/** Positions and tags belong to the container that holds a value: scalars have no identity of their own. */
const positions = new WeakMap<Container, Map<string | number, Position>>();
const tags = new WeakMap<Container, Map<string | number, MergeTag>>();

export function isMapping(value: Value | undefined): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isContainer(value: Value | undefined): value is Container {
  return typeof value === 'object' && value !== null;
}

/** A scalar as a text, a container as JSON: for what is looked at as words, and for messages. */
export function textOf(value: Value | undefined): string {
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return String(value ?? '');
}

export function mark(container: Container, key: string | number, position: Position | undefined): void {
  if (!position) return;
  let known = positions.get(container);
  if (!known) positions.set(container, (known = new Map()));
  known.set(key, position);
}

export function positionIn(container: Container, key: string | number): Position | undefined {
  return positions.get(container)?.get(key);
}

export function markTag(container: Container, key: string | number, tag: MergeTag): void {
  let known = tags.get(container);
  if (!known) tags.set(container, (known = new Map()));
  known.set(key, tag);
}

export function tagIn(container: Container, key: string | number): MergeTag | undefined {
  return tags.get(container)?.get(key);
}

/** Mappings that files list as `KEY=VALUE`. */
const pairLists = new WeakSet<Mapping>();

export function markPairList(mapping: Mapping): void {
  pairLists.add(mapping);
}

export function isPairList(mapping: Mapping): boolean {
  return pairLists.has(mapping);
}

/** Sets a key in a container with the position (and tag) that it has in another one. */
export function carry(target: Mapping, key: string, value: Value, source: Container, sourceKey: string | number): void {
  target[key] = value;
  mark(target, key, positionIn(source, sourceKey));
  const tag = tagIn(source, sourceKey);
  if (tag) markTag(target, key, tag);
}

/** A new list with the positions of the lists that it is made of. */
export function concatenate(...lists: Value[][]): Value[] {
  const all: Value[] = [];
  for (const list of lists) {
    list.forEach((value, index) => {
      mark(all, all.length, positionIn(list, index));
      all.push(value);
    });
  }
  return all;
}

/** The position of what a path names, or of the nearest thing around it that has one. */
export function locate(root: Value, path: Path): Position | undefined {
  let at: Value | undefined = root;
  let found: Position | undefined;
  for (const key of path) {
    if (!isContainer(at)) break;
    found = positionIn(at, key) ?? found;
    at = (at as Record<string | number, Value>)[key];
  }
  return found;
}

/** `services.web.ports[0]` */
export function pathText(path: Path): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');
}

/** Every scalar replaced by what `change` makes of it; positions and tags stay. */
export function mapScalars(value: Value, change: (scalar: Value, path: Path) => Value, path: Path = []): Value {
  if (Array.isArray(value)) {
    const list: Value[] = [];
    value.forEach((inner, index) => {
      list.push(mapScalars(inner, change, [...path, index]));
      mark(list, index, positionIn(value, index));
    });
    return list;
  }
  if (isMapping(value)) {
    const mapping: Mapping = {};
    for (const [key, inner] of Object.entries(value))
      carry(mapping, key, mapScalars(inner, change, [...path, key]), value, key);
    if (isPairList(value)) markPairList(mapping);
    return mapping;
  }
  return change(value, path);
}
