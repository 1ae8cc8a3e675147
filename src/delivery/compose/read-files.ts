import { dirname, relative, resolve } from 'node:path';
import { ComposeError } from './compose-error.ts';
import { parseEnvFile } from './dotenv.ts';
import { applyExtends } from './extends.ts';
import type { ProjectFiles } from './files.ts';
import { interpolateTree, type Lookup } from './interpolate.ts';
import { modernise, withNamedVolumes } from './legacy.ts';
import { mergeFiles } from './merge.ts';
import { absolutePath, resolvePaths } from './paths.ts';
import { ComposeSchema } from './schema/validate.ts';
import schema from './schema/compose-spec.json' with { type: 'json' };
import {
  carry,
  isMapping,
  locate,
  type Mapping,
  mapScalars,
  type Position,
  positionIn,
  tagIn,
  textOf,
  type Value,
} from './tree.ts';
import { parseComposeYaml } from './yaml-file.ts';

export interface ReadContext {
  files: ProjectFiles;
  /** Positions name files relative to this directory. */
  workingDirectory: string;
  home: string;
  interpolate: boolean;
  resolvePaths: boolean;
  warn: (message: string, position?: Position) => void;
  /** By service, of those that come from included files: the variables that these know. Filled while they are read. */
  includedVariables?: Map<string, Readonly<Record<string, string>>>;
}

export interface Scope {
  directory: string;
  /** The project's own directory: where paths are not resolved, they become relative to it. */
  root: string;
  variables: Readonly<Record<string, string>>;
  /** Files that are being included: a file within itself is a circle. */
  including: readonly string[];
}

const composeSchema = new ComposeSchema(schema);

/** A file as it is written: its documents. */
export interface ParsedFile {
  path: string;
  documents: Mapping[];
}

export function parseFile(path: string, text: string | undefined, context: ReadContext): ParsedFile {
  const content = text ?? context.files.read(path);
  if (content === undefined) throw new ComposeError(missingFile(path));
  return { path, documents: parseComposeYaml(content, shown(path, context)) };
}

/** Resolved as a path, an address has lost a slash. */
function missingFile(path: string): string {
  const [, scheme, rest] = /\/(oci|https?|git|ssh):\/(.*)$/.exec(path) ?? [];
  if (scheme === undefined) return `open ${path}: no such file or directory`;
  return `open ${scheme}://${rest}: files of registries and repositories are not read: fetch it first`;
}

/** Compose files as one tree: read, interpolated, extended, with what they include, merged, and checked by the schema. */
export function readTree(sources: readonly ParsedFile[], scope: Scope, context: ReadContext): Mapping {
  let merged: Mapping = {};
  for (const source of sources) {
    for (const tree of readDocuments(source, scope, context)) merged = mergeFiles(merged, tree);
  }
  composeSchema.check(merged);
  return merged;
}

function readDocuments({ path, documents }: ParsedFile, scope: Scope, context: ReadContext): Mapping[] {
  return documents.flatMap((raw) => {
    const tree = prepare(raw, scope, context);
    const read = (other: string): Mapping | undefined => readExtended(resolve(scope.directory, other), scope, context);
    refuseNoServices(tree);
    const extended = withNamedVolumes(raw, applyExtends(tree, path, read));
    // Not merged here: what the file resets may be of the files before it.
    return [...includedTrees(extended, scope, context), withoutInclude(extended)];
  });
}

/** `services:` without any, also in a file that other files are merged with. */
function refuseNoServices(tree: Mapping): void {
  if (!('services' in tree) || isMapping(tree.services) || tagIn(tree, 'services') === 'reset') return;
  throw new ComposeError('must be a mapping', { position: positionIn(tree, 'services'), path: ['services'] });
}

/** Everything that concerns one file alone. */
function prepare(raw: Mapping, scope: Scope, context: ReadContext): Mapping {
  const warnings = new Set<string>();
  const lookup: Lookup = (name) => (Object.hasOwn(scope.variables, name) ? scope.variables[name] : undefined);
  const onUnset = (name: string): void => {
    if (warnings.has(name)) return;
    warnings.add(name);
    context.warn(`The ${JSON.stringify(name)} variable is not set. Defaulting to a blank string.`);
  };
  const interpolated = context.interpolate ? interpolateTree(raw, { lookup, onUnset }) : raw;
  const modern = modernise(interpolated, context.warn);
  const directory = shownDirectory(scope, context);
  return directory === '' ? modern : resolvePaths(modern, { directory, home: context.home });
}

/** What paths of a file begin with. Empty: they stay as they are written. */
function shownDirectory({ directory, root }: Scope, { resolvePaths: isResolved }: ReadContext): string {
  return isResolved ? directory : relative(root, directory);
}

function readExtended(path: string, scope: Scope, context: ReadContext): Mapping | undefined {
  const text = context.files.read(path);
  if (text === undefined) return undefined;
  const [raw = {}] = parseComposeYaml(text, shown(path, context));
  return prepare(raw, { ...scope, directory: dirname(path) }, context);
}

/**
 * What a file includes lies beneath it, and is overridden by it (docker compose since 5.3). Two included files that
 * define one name must mean the same thing by it (Compose Specification, "Include").
 */
function includedTrees(tree: Mapping, scope: Scope, context: ReadContext): Mapping[] {
  const { include } = tree;
  if (!Array.isArray(include)) return [];
  let merged: Mapping = {};
  for (const [index, entry] of include.entries()) {
    const included = readIncluded(entry, scope, context, (message) => {
      const path = ['include', index];
      return new ComposeError(message, { position: locate(tree, path), path });
    });
    refuseConflicts(merged, included, tree, index);
    merged = mergeFiles(merged, included);
  }
  return [merged];
}

function readIncluded(
  entry: Value,
  scope: Scope,
  context: ReadContext,
  fail: (message: string) => ComposeError,
): Mapping {
  const given: Mapping = isMapping(entry) ? entry : { path: entry };
  const paths = listOf(given.path).map((path) => absolute(path, scope, context));
  const [first] = paths;
  if (first === undefined) throw fail('path is required');
  const circle = paths.find((path) => scope.including.includes(path));
  if (circle) throw fail(`include cycle detected: ${[...scope.including, circle].join(' includes ')}`);
  const directory =
    typeof given.project_directory === 'string' ? absolute(given.project_directory, scope, context) : dirname(first);
  const variables = includedVariables(given, directory, scope, context);
  const missing = paths.find((path) => context.files.read(path) === undefined);
  if (missing) throw fail(missingFile(missing));
  const inner: Scope = { directory, root: scope.root, variables, including: [...scope.including, ...paths] };
  const sources = paths.map((path) => parseFile(path, undefined, context));
  const tree = readTree(sources, inner, context);
  const { includedVariables: known } = context;
  for (const name of Object.keys(isMapping(tree.services) ? tree.services : {})) {
    // What is included further down has said so already.
    if (!known?.has(name)) known?.set(name, variables);
  }
  return withVariables(withContexts(tree, shownDirectory(inner, context) || '.'), variables);
}

/** An image that is built without a context has the included project's directory for it. */
function withContexts(tree: Mapping, directory: string): Mapping {
  const { services } = tree;
  if (!isMapping(services)) return tree;
  for (const service of Object.values(services)) {
    if (isMapping(service) && isMapping(service.build)) service.build.context ??= directory;
  }
  return tree;
}

/** Variables that services name without a value get it here: who includes the files does not know theirs. */
function withVariables(tree: Mapping, variables: Readonly<Record<string, string>>): Mapping {
  return mapScalars(tree, (scalar, [section, , key, name]) => {
    if (section !== 'services' || key !== 'environment') return scalar;
    if (typeof name === 'string') return scalar === null ? (variables[name] ?? null) : scalar;
    const value = typeof scalar === 'string' && !scalar.includes('=') ? variables[scalar] : undefined;
    return value === undefined ? scalar : `${textOf(scalar)}=${value}`;
  }) as Mapping;
}

/** An included project's own env files (by default its `.env`) give what the including one leaves unset. */
function includedVariables(
  given: Mapping,
  directory: string,
  scope: Scope,
  context: ReadContext,
): Record<string, string> {
  const named = listOf(given.env_file ?? null).map((path) => absolute(path, scope, context));
  const own: Record<string, string> = {};
  for (const path of named.length > 0 ? named : [`${directory}/.env`]) {
    const text = context.files.read(path);
    if (text === undefined && named.length > 0) throw new ComposeError(`env file ${path} not found`);
    const lookup: Lookup = (name) => scope.variables[name];
    const file = shown(path, context);
    for (const [name, value] of parseEnvFile(text ?? '', { file, lookup, earlier: (key) => own[key] })) {
      if (value !== null) own[name] = value;
    }
  }
  return { ...own, ...scope.variables };
}

function refuseConflicts(known: Mapping, added: Mapping, tree: Mapping, index: number): void {
  for (const section of ['services', 'networks', 'volumes', 'configs', 'secrets']) {
    const [before, after] = [known[section], added[section]];
    if (!isMapping(before) || !isMapping(after)) continue;
    const twice = Object.keys(after).find(
      (name) => name in before && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
    );
    if (twice === undefined) continue;
    const path = ['include', index];
    const message = `imported compose file defines conflicting ${section}.${twice}`;
    throw new ComposeError(message, { position: locate(tree, path), path });
  }
}

function withoutInclude(tree: Mapping): Mapping {
  const result: Mapping = {};
  for (const [key, value] of Object.entries(tree)) if (key !== 'include') carry(result, key, value, tree, key);
  return result;
}

function listOf(value: Value | undefined): Value[] {
  return Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
}

function absolute(value: Value, scope: Scope, context: ReadContext): string {
  return absolutePath(textOf(value), { directory: scope.directory, home: context.home });
}

function shown(path: string, { workingDirectory }: ReadContext): string {
  const short = relative(workingDirectory, path);
  return short === '' || short.startsWith('../..') ? path : short;
}
