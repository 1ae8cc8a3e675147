import { basename } from 'node:path';
import { checkConsistency } from './consistency.ts';
import { ComposeError } from './compose-error.ts';
import { substitute } from './interpolate.ts';
import type { Project, Service } from './model.ts';
import { type Canonical, canonicalise, dropEmptyDockerfiles, fillContexts, normalise } from './normalise.ts';
import { type ParsedFile, parseFile, type ReadContext, readTree } from './read-files.ts';
import { resolveEnvironment, resolveLabels, withGivenValues } from './service-environment.ts';
import { unknownModes } from './short-syntax.ts';
import { locate, type Mapping } from './tree.ts';

export interface LoadOptions extends ReadContext {
  /** Absolute paths; `text` where the file is not on the disk (standard input). */
  sources: readonly { path: string; text?: string | undefined }[];
  /** What relative paths of the files are relative to. Absolute. */
  directory: string;
  /** `-p`, or `COMPOSE_PROJECT_NAME`; else the file's own `name`, else the directory's. */
  name?: string | undefined;
  environment: Readonly<Record<string, string>>;
  profiles: readonly string[];
  /** Services that were asked for: their profiles count as active. */
  services?: readonly string[];
  normalise?: boolean;
  consistency?: boolean;
  /** Reads env files into `environment`. Off: they stay as they are named. */
  resolveEnvironment?: boolean;
  /** Keeps networks, volumes and the like that no service uses. */
  allResources?: boolean;
}

export interface LoadedProject {
  project: Project;
  /** The merged file, which knows where every value stands. */
  tree: Mapping;
  /** Paths of the files that it was read from. */
  files: string[];
}

/** Reads a project: files, environment, profiles. Throws {@link ComposeError}. */
export function loadProject(given: LoadOptions): LoadedProject {
  const includedVariables = new Map<string, Readonly<Record<string, string>>>();
  const options = { ...given, includedVariables };
  const { tree, name, variables } = loadTree(options);
  const model = canonicalise(tree);
  fillContexts(model, options.resolvePaths ? options.directory : '.');
  if (options.normalise !== false) normalise(model, name);
  dropEmptyDockerfiles(model);
  const all = model.services;
  model.services = enabledServices(all, options);
  const disabled = Object.fromEntries(Object.entries(all).filter(([key]) => !(key in model.services)));
  if (options.consistency !== false) checkConsistency(model, tree);
  warnOfModes(model, tree, options.warn);
  for (const [key, service] of Object.entries(model.services)) {
    const known = includedVariables.get(key) ?? variables;
    const source = { variables: known, directory: options.directory, context: options, tree, name: key };
    const withEnvironment = options.resolveEnvironment === false ? withGivenValues : resolveEnvironment;
    model.services[key] = resolveLabels(withEnvironment(service, source), source);
  }
  if (!options.allResources) dropUnused(model);
  const files = options.sources.map(({ path }) => path);
  return { tree, files, project: { name, directory: options.directory, ...model, disabled, environment: variables } };
}

/** The merged tree alone: for what is printed without a model. */
export function loadTree(options: LoadOptions): { tree: Mapping; name: string; variables: Record<string, string> } {
  const sources = options.sources.map(({ path, text }) => parseFile(path, text, options));
  const name = options.name || nameInFiles(sources, options.environment) || nameOf(basename(options.directory));
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(name)) {
    const rule = 'must consist only of lowercase alphanumeric characters, hyphens, and underscores';
    throw new ComposeError(
      `invalid project name ${JSON.stringify(name)}: ${rule} as well as start with a letter or number`,
    );
  }
  const variables = { ...options.environment, COMPOSE_PROJECT_NAME: name };
  const { directory } = options;
  const scope = { directory, root: directory, variables, including: sources.map(({ path }) => path) };
  const tree = readTree(sources, scope, options);
  if (Object.keys(tree).length === 0) throw new ComposeError('empty compose file');
  return { tree, name, variables };
}

/** Files may use their project's name: it is found before anything else is interpolated. The last file's counts. */
function nameInFiles(sources: readonly ParsedFile[], environment: Readonly<Record<string, string>>): string {
  const names = sources.flatMap(({ documents }) => documents.map(({ name }) => name));
  const last = names.findLast((name) => typeof name === 'string' && name !== '');
  return typeof last === 'string' ? nameOf(substitute(last, { lookup: (name) => environment[name] })) : '';
}

/** A name as a project's, also a directory's: lower case, without what a name cannot have (Compose's NormalizeProjectName). */
function nameOf(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');
  if (name === '') throw new ComposeError('the project name must not be empty: give one with --project-name');
  return name;
}

/** An option of a short mount that means nothing is passed over, as docker compose does, but not in silence. */
function warnOfModes({ services }: Canonical, tree: Mapping, warn: LoadOptions['warn']): void {
  for (const name of Object.keys(services)) {
    const { volumes } = (tree.services as Mapping)[name] as Mapping;
    if (!Array.isArray(volumes)) continue;
    for (const [index, volume] of volumes.entries()) {
      const [mode] = typeof volume === 'string' ? unknownModes(volume) : [];
      if (mode === undefined) continue;
      const path = ['services', name, 'volumes', index];
      warn(new ComposeError(`${mode} is no option of a mount`, { position: locate(tree, path), path }).message);
    }
  }
}

function enabledServices(all: Record<string, Service>, options: LoadOptions): Record<string, Service> {
  const asked = options.services ?? [];
  const active = new Set([...options.profiles, ...asked.flatMap((name) => all[name]?.profiles ?? [])]);
  const isEnabled = ([name, { profiles }]: [string, Service]): boolean =>
    !profiles || active.has('*') || asked.includes(name) || profiles.some((profile) => active.has(profile));
  return Object.fromEntries(Object.entries(all).filter(isEnabled));
}

/** What no service uses is not made (Compose's WithoutUnnecessaryResources). */
function dropUnused(model: Canonical): void {
  const services = Object.values(model.services);
  const used = {
    networks: new Set(services.flatMap(({ networks }) => Object.keys(networks ?? {}))),
    volumes: new Set(services.flatMap(({ volumes = [] }) => volumes.map(({ source }) => source ?? ''))),
    secrets: new Set([
      ...services.flatMap(({ secrets = [] }) => secrets.map(({ source }) => source)),
      ...services.flatMap(({ build }) => ((build?.secrets ?? []) as { source: string }[]).map(({ source }) => source)),
    ]),
    configs: new Set(services.flatMap(({ configs = [] }) => configs.map(({ source }) => source))),
    models: new Set(services.flatMap(({ models }) => Object.keys(models ?? {}))),
  };
  for (const [kind, names] of Object.entries(used)) {
    const section = model[kind as keyof typeof used] as Record<string, unknown>;
    for (const key of Object.keys(section)) if (!names.has(key)) delete section[key];
  }
}
