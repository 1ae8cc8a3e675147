import { ComposeError } from './compose-error.ts';
import { type MergeRule, mergeRuleOf } from './merge-rules.ts';
import {
  carry,
  isMapping,
  isPairList,
  type Mapping,
  mark,
  markPairList,
  markTag,
  type Path,
  type Position,
  positionIn,
  tagIn,
  type Value,
  textOf,
} from './tree.ts';

/**
 * Merges a later file over an earlier one, key by key, by the rules of the Compose Specification ("Merge"): mappings
 * merge, lists grow, the rest is replaced; `!reset` takes a key away, `!override` replaces without merging.
 */
export function mergeFiles(base: Mapping, over: Mapping): Mapping {
  return mergeMappings(base, over, []);
}

/** Merges one service over another: for `extends`. */
export function mergeServices(base: Mapping, over: Mapping, name: string): Mapping {
  return mergeMappings(base, over, ['services', name]);
}

/** What one file says twice in a list, or under `!reset`, comes to its final form. */
export function settle(tree: Mapping): Mapping {
  return mergeMappings({}, tree, []);
}

function mergeMappings(base: Mapping, over: Mapping, path: Path): Mapping {
  const result: Mapping = {};
  for (const [key, value] of Object.entries(base)) carry(result, key, value, base, key);
  for (const [key, value] of Object.entries(over)) {
    const tag = tagIn(over, key);
    if (tag === 'reset') {
      delete result[key];
      continue;
    }
    const at = [...path, key];
    const previous = tag === 'override' ? undefined : result[key];
    const merged = mergeValues(previous, value, at, positionIn(over, key));
    // A key that only adds to a mapping leaves the mapping where it was.
    if (isMapping(value) && isMapping(previous)) result[key] = merged;
    else carry(result, key, merged, over, key);
  }
  return result;
}

/** `previous` is undefined where there is nothing to merge with: the value is only settled. */
function mergeValues(previous: Value | undefined, value: Value, path: Path, position: Position | undefined): Value {
  const rule = mergeRuleOf(path);
  if (value === null && previous !== undefined && !isReplacedByNull(rule, path)) return previous;
  switch (rule?.kind) {
    case 'replace':
      return value;
    case 'pairs':
      return mergePairs(previous, value, path, position);
    case 'named':
      return mergeNamed(previous, value, rule.whole, path);
    case 'list':
      return rule.ofPairs
        ? mergeUnique(asPairList(previous), asPairList(value) ?? value, rule.identify)
        : mergeUnique(previous, value, rule.identify);
    case 'build':
      return mergeBuild(previous, value, path);
    case 'logging':
      return mergeLogging(previous, value, path);
    case 'ulimit':
      return isMapping(previous) && isMapping(value) ? mergeMappings(previous, value, path) : value;
    case undefined:
      return mergeByShape(previous, value, path, position);
  }
}

/** Commands are, and what names a variable: without a value it has the environment's. */
function isReplacedByNull(rule: MergeRule | undefined, path: Path): boolean {
  return rule?.kind === 'replace' || mergeRuleOf(path.slice(0, -1))?.kind === 'pairs';
}

function mergeByShape(previous: Value | undefined, value: Value, path: Path, position: Position | undefined): Value {
  if (isMapping(value)) {
    if (previous !== undefined && previous !== null && !isMapping(previous)) {
      throw new ComposeError('cannot override another kind of value with a mapping', { position, path });
    }
    return mergeMappings(previous ?? {}, value, path);
  }
  if (Array.isArray(value)) {
    const kept = withoutReset(value).map((item, index) => settleItem(item, [...path, index]));
    // What is there already says nothing more the second time.
    return Array.isArray(previous)
      ? mergeUnique(previous, withMarks(kept, value), (item) => JSON.stringify(item))
      : withMarks(kept, value);
  }
  return value;
}

function settleItem(item: Value, path: Path): Value {
  return isMapping(item) ? mergeMappings({}, item, path) : item;
}

function withMarks(list: Value[], from: Value[]): Value[] {
  list.forEach((_, index) => mark(list, index, positionIn(from, index)));
  return list;
}

function withoutReset(list: Value[]): Value[] {
  return list.some((_, index) => tagIn(list, index) === 'reset')
    ? list.filter((_, index) => tagIn(list, index) !== 'reset')
    : [...list];
}

/** `KEY=VALUE` lists as mappings; a key without a value is null. What is neither is left for the schema to refuse. */
function pairsOf(value: Value): Mapping | undefined {
  if (isMapping(value)) return value;
  if (!Array.isArray(value)) return undefined;
  const mapping: Mapping = {};
  for (const [index, item] of value.entries()) {
    if (typeof item !== 'string') return undefined;
    const text = item;
    const at = text.indexOf('=');
    const key = at < 0 ? text : text.slice(0, at);
    if (key === '__proto__') continue;
    mapping[key] = at < 0 ? null : text.slice(at + 1);
    mark(mapping, key, positionIn(value, index));
    const tag = tagIn(value, index);
    if (tag) markTag(mapping, key, tag);
  }
  return mapping;
}

function mergePairs(previous: Value | undefined, value: Value, path: Path, position: Position | undefined): Value {
  if (previous === undefined && Array.isArray(value) === false) {
    const settled = mergeByShape(undefined, value, path, position);
    // Of a service that is extended, or of a file that is included.
    if (isMapping(value) && isPairList(value)) markPairList(settled as Mapping);
    return settled;
  }
  const over = pairsOf(value);
  const base = previous === undefined || previous === null ? {} : pairsOf(previous);
  if (!over || !base) return value;
  const merged = mergeMappings(base, over, path);
  // Docker compose has a list of what it merges, and of what is a list in one file.
  if (previous !== undefined || Array.isArray(value) || isPairList(over)) markPairList(merged);
  return merged;
}

function mergeNamed(previous: Value | undefined, value: Value, whole: Value, path: Path): Value {
  const over = namedOf(value, whole);
  const base = previous === undefined || previous === null ? {} : namedOf(previous, whole);
  return over && base ? mergeMappings(base, over, path) : value;
}

function namedOf(value: Value, whole: Value): Mapping | undefined {
  if (isMapping(value)) return value;
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) return undefined;
  const mapping: Mapping = {};
  for (const [index, item] of value.entries()) {
    mapping[item as string] = whole === null ? null : structuredClone(whole);
    mark(mapping, item as string, positionIn(value, index));
  }
  return mapping;
}

function mergeUnique(previous: Value | undefined, value: Value, identify: (item: Value) => string | undefined): Value {
  const lists = [previous, value].filter((each) => each !== undefined && each !== null);
  if (lists.some((each) => isMapping(each))) return value;
  // A lone value where only a list may stand is for the schema to refuse.
  if (lists.length < 2 && !Array.isArray(value)) return value ?? previous ?? null;
  const all = lists.map((each) => (Array.isArray(each) ? withMarks(withoutReset(each), each) : [each as Value]));
  const result: Value[] = [];
  const places = new Map<string, number>();
  for (const list of all) {
    list.forEach((item, index) => {
      const identity = identify(item);
      const known = identity === undefined ? undefined : places.get(identity);
      const place = known ?? result.length;
      result[place] = item;
      mark(result, place, positionIn(list, index));
      if (identity !== undefined) places.set(identity, place);
    });
  }
  return result;
}

/** A mapping as a list of `KEY=VALUE`, several for a key that has a list. */
function asPairList(value: Value | undefined): Value | undefined {
  if (!isMapping(value)) return value;
  const list: Value[] = [];
  for (const [key, given] of Object.entries(value)) {
    for (const each of Array.isArray(given) ? given : [given]) {
      list.push(`${key}=${textOf(each)}`);
      mark(list, list.length - 1, positionIn(value, key));
    }
  }
  return list;
}

function mergeBuild(previous: Value | undefined, value: Value, path: Path): Value {
  const asMapping = (each: Value): Mapping | undefined =>
    typeof each === 'string' ? { context: each } : isMapping(each) ? each : undefined;
  const over = asMapping(value);
  const base = previous === undefined || previous === null ? {} : asMapping(previous);
  if (!over || !base) return value;
  if (previous === undefined && typeof value === 'string') return value;
  return mergeMappings(base, over, path);
}

/** Options of a driver mean nothing to another one. */
function mergeLogging(previous: Value | undefined, value: Value, path: Path): Value {
  if (!isMapping(value) || !isMapping(previous)) return mergeByShape(undefined, value, path, undefined);
  const isSame = previous.driver === value.driver || value.driver === undefined || previous.driver === undefined;
  return isSame ? mergeMappings(previous, value, path) : value;
}
