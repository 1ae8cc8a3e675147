import { resolve } from 'node:path';
import { ComposeError } from './compose-error.ts';
import { type EnvEntries, parseEnvFile } from './dotenv.ts';
import type { ReadContext } from './read-files.ts';
import type { Service } from './model.ts';
import { locate, type Mapping } from './tree.ts';

interface Source {
  variables: Readonly<Record<string, string>>;
  /** What paths that are not resolved are relative to. */
  directory: string;
  context: ReadContext;
  tree: Mapping;
  name: string;
}

/**
 * A service's environment as its containers get it: env files in their order, then `environment`; a variable that is named
 * without a value gets the project environment's, and stays null where that has none.
 */
export function resolveEnvironment(service: Service, source: Source): Service {
  const { env_file: files, ...rest } = withGivenValues(service, source);
  const result: Service = rest;
  if (!files && !service.environment) return result;
  const environment: Record<string, string | null> = {};
  for (const [index, file] of (files ?? []).entries()) {
    const before = { own: service.environment ?? {}, before: environment };
    for (const [key, value] of readEnvFile(file, index, before, source)) {
      // A file may pass a variable on; where there is none, it says nothing.
      const given = value ?? source.variables[key];
      if (given !== undefined) environment[key] = given;
    }
  }
  Object.assign(environment, service.environment);
  const resolved = withValues(environment, source.variables);
  const order = Object.keys(resolved).sort();
  if (order.length === 0) return result;
  return replaceInOrder(service, result, Object.fromEntries(order.map((key) => [key, resolved[key] ?? null])));
}

/** Variables and build arguments without a value get theirs; env files stay as they are named. */
export function withGivenValues(service: Service, { variables }: Source): Service {
  const { build, environment } = service;
  return {
    ...service,
    ...(build?.args && { build: { ...build, args: givenValues(build.args, variables) } }),
    ...(environment && { environment: withValues(environment, variables) }),
  };
}

/** Keeps the canonical order: `environment` stands where it stood, or where the env files did. */
function replaceInOrder(service: Service, result: Service, environment: Record<string, string | null>): Service {
  const ordered: Record<string, unknown> = {};
  for (const key of Object.keys(service)) {
    if (key === 'environment' || (key === 'env_file' && !('environment' in service))) {
      ordered['environment'] = environment;
    } else if (key !== 'env_file') {
      ordered[key] = (result as Record<string, unknown>)[key];
    }
  }
  return ordered;
}

function readEnvFile(
  file: { path: string; required?: boolean; format?: string },
  index: number,
  { own, before }: { own: Record<string, string | null>; before: Record<string, string | null> },
  { variables, directory, context, tree, name }: Source,
): EnvEntries {
  const { required = true, format } = file;
  const path = resolve(directory, file.path);
  const fail = (message: string): ComposeError => {
    const at = ['services', name, 'env_file', index];
    return new ComposeError(message, { position: locate(tree, at), path: at });
  };
  if (format !== undefined && format !== 'raw') throw fail(`unsupported env_file format "${format}"`);
  const text = context.files.read(path);
  if (text === undefined) {
    if (required) throw fail(`env file ${path} not found`);
    return new Map();
  }
  return parseEnvFile(text, {
    file: path,
    lookup: (key) => variables[key] ?? own[key] ?? undefined,
    earlier: (key) => before[key] ?? undefined,
    format,
  });
}

function withValues(
  given: Record<string, string | null>,
  variables: Readonly<Record<string, string>>,
): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      value ?? (Object.hasOwn(variables, key) ? (variables[key] as string) : null),
    ]),
  );
}

/** Of an image's arguments, those that have no value are not passed. */
function givenValues(
  args: Record<string, string | null>,
  variables: Readonly<Record<string, string>>,
): Record<string, string | null> {
  return Object.fromEntries(Object.entries(withValues(args, variables)).filter(([, value]) => value !== null));
}

/** Labels of files, beneath the service's own. */
export function resolveLabels(service: Service, { directory, context, tree, name }: Source): Service {
  const { label_file: files } = service;
  if (!files) return service;
  const labels: Record<string, string> = {};
  for (const [index, given] of files.entries()) {
    const path = resolve(directory, given);
    const text = context.files.read(path);
    if (text === undefined) {
      const at = ['services', name, 'label_file', index];
      throw new ComposeError(`label file ${path} not found`, { position: locate(tree, at), path: at });
    }
    for (const [key, value] of parseEnvFile(text, { file: path, lookup: () => undefined })) labels[key] = value ?? '';
  }
  const all = { ...labels, ...service.labels };
  const entries = Object.entries(service).filter(([key]) => key !== 'label_file' || !service.labels);
  return Object.fromEntries(entries.map((entry) => (entry[0].startsWith('label') ? ['labels', all] : entry)));
}
