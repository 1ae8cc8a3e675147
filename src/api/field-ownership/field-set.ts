import type { JsonObject } from '../plain-json.ts';

/**
 * A set of fields in the form of FieldsV1: each key is a path element (`f:name` a field, `k:{"name":"a"}` an item of a
 * list by its keys, `v:"a"` an item of a set), and a node is in the set when it has no children or the child `.`.
 * Never changed once made.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

const itself = '.';
const member: FieldSet = {};

function isMember(set: FieldSet): boolean {
  return Object.hasOwn(set, itself) || isLeaf(set);
}

function isLeaf(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** A node of what is left of its parts; undefined when that is nothing. */
function node(children: [string, FieldSet][], isIn: boolean): FieldSet | undefined {
  if (children.length === 0) return isIn ? member : undefined;
  return Object.fromEntries(isIn ? [[itself, member] as [string, FieldSet], ...children] : children);
}

function childrenOf(set: FieldSet): [string, FieldSet][] {
  return Object.entries(set).filter(([element]) => element !== itself);
}

/** `a` itself when there is nothing new in `b`. In this module `undefined` is the empty set. */
export function union(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b || a === b) return a ?? b;
  let merged: Record<string, FieldSet> | undefined;
  for (const element in b) {
    if (element === itself) continue;
    const known = Object.hasOwn(a, element) ? a[element] : undefined;
    const child = known ? (union(known, b[element]) as FieldSet) : (b[element] as FieldSet);
    if (child !== known) (merged ??= isMember(a) ? { [itself]: member, ...a } : { ...a })[element] = child;
  }
  if (!isMember(b) || isMember(a)) return merged ?? a;
  return { [itself]: member, ...(merged ?? a) };
}

export function difference(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return a;
  const children = childrenOf(a).flatMap(([element, child]): [string, FieldSet][] => {
    const other = Object.hasOwn(b, element) ? b[element] : undefined;
    const left = difference(child, other);
    return left ? [[element, left]] : [];
  });
  return node(children, isMember(a) && !isMember(b));
}

/** As {@link difference}, and what is below a member of `b` goes too: it does not exist any more. */
export function recursiveDifference(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return a;
  if (isMember(b)) return undefined;
  const children = childrenOf(a).flatMap(([element, child]): [string, FieldSet][] => {
    const left = recursiveDifference(child, Object.hasOwn(b, element) ? b[element] : undefined);
    return left ? [[element, left]] : [];
  });
  return node(children, isMember(a));
}

export function intersection(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return undefined;
  const children = childrenOf(a).flatMap(([element, child]): [string, FieldSet][] => {
    const both = intersection(child, Object.hasOwn(b, element) ? b[element] : undefined);
    return both ? [[element, both]] : [];
  });
  return node(children, isMember(a) && isMember(b));
}

/** The members below a set, as upstream's messages write and order paths: `.spec.containers[name="a"].image`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  const children = childrenOf(set)
    .map(([element, child]): [string, FieldSet] => [prefix + elementText(element), child])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const own = children.filter(([, child]) => isMember(child)).map(([path]) => path);
  return [...own, ...children.flatMap(([path, child]) => pathsOf(child, path))];
}

/** An element of a path as people read it: `.name`, `[name="web"]`, `[=1]`. */
export function elementText(element: string): string {
  const content = element.slice(2);
  if (element.startsWith('f:')) return `.${content}`;
  if (element.startsWith('v:')) return `[=${content}]`;
  if (!element.startsWith('k:')) return `[${content}]`;
  const keys = Object.entries(JSON.parse(content) as JsonObject);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}

/**
 * False when a set, given as the text of its FieldsV1, certainly has no member in common with another: some element
 * on the way to each member does not occur in it. Cheaper than reading the text.
 */
export function mayIntersect(text: string, set: FieldSet): boolean {
  if (isMember(set)) return true;
  for (const element in set) {
    if (text.includes(JSON.stringify(element)) && mayIntersect(text, set[element] as FieldSet)) return true;
  }
  return false;
}
