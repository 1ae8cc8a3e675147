import type {
  ConfigMap,
  Container,
  EphemeralContainer,
  EnvVar,
  FileKeySelector,
  Pod,
  Secret,
} from '../api/types/core-v1.ts';
import { fieldValue, resourceValue, type NodeFacts } from './downward-api.ts';
import { variableOfFile } from './env-file.ts';
import { expand } from './expansion.ts';

/** A container cannot be made from its spec as the cluster stands: `CreateContainerConfigError`. */
export class ContainerConfigError extends Error {
  override readonly name: string = 'ContainerConfigError';
}

/** It may be made later with nothing of the API changed: another container of the pod has a file to write. */
export class EnvFileError extends ContainerConfigError {
  override readonly name = 'EnvFileError';
}

/** What the environment is made from besides the pod. Absent objects are undefined. */
export interface EnvironmentSources {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  services: ReadonlyMap<string, string>;
  facts: NodeFacts;
  /** The text of a file in a volume; undefined when there is none. */
  envFile(volume: string, path: string): string | undefined;
}

/** The files that {@link EnvironmentSources.envFile} is asked for. */
export function envFilesOf(container: Container | EphemeralContainer): FileKeySelector[] {
  return (container.env ?? []).flatMap(({ valueFrom }) => valueFrom?.fileKeyRef ?? []);
}

/**
 * The variables of a container in order: services first, then envFrom, then env, later ones winning (API docs of
 * `Container.env`). `$(NAME)` sees what was defined before it. Throws {@link ContainerConfigError}.
 */
export function containerEnvironment(
  pod: Pod,
  container: Container | EphemeralContainer,
  sources: EnvironmentSources,
): Map<string, string> {
  const result = new Map<string, string>();
  for (const source of container.envFrom ?? []) addEnvFrom(result, source, sources);
  const env = new Map<string, string>(result);
  const scope = new Map<string, string>([...sources.services, ...result]);
  for (const variable of container.env ?? []) {
    const value = variableValue(pod, container, variable, { sources, scope });
    if (value === undefined) continue;
    env.set(variable.name, value);
    scope.set(variable.name, value);
  }
  // Service variables never override what the container itself defines.
  for (const [name, value] of sources.services) if (!env.has(name)) env.set(name, value);
  return env;
}

function addEnvFrom(
  result: Map<string, string>,
  source: NonNullable<Container['envFrom']>[number],
  sources: EnvironmentSources,
): void {
  const prefix = source.prefix ?? '';
  if (source.configMapRef) {
    const { name = '', optional } = source.configMapRef;
    const configMap = sources.configMap(name);
    if (!configMap && !optional) throw notFound('configmap', name);
    for (const [key, value] of Object.entries(configMap?.data ?? {})) result.set(prefix + key, value);
  } else if (source.secretRef) {
    const { name = '', optional } = source.secretRef;
    const secret = sources.secret(name);
    if (!secret && !optional) throw notFound('secret', name);
    for (const [key, value] of Object.entries(secret?.data ?? {})) result.set(prefix + key, decode(value));
  }
}

function variableValue(
  pod: Pod,
  container: Container | EphemeralContainer,
  variable: EnvVar,
  context: { sources: EnvironmentSources; scope: ReadonlyMap<string, string> },
): string | undefined {
  const { sources, scope } = context;
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? '', scope);
  if (from.fieldRef) {
    const value = fieldValue(pod, from.fieldRef.fieldPath, sources.facts);
    if (value === undefined) throw new ContainerConfigError(`unsupported fieldPath: ${from.fieldRef.fieldPath}`);
    return value;
  }
  if (from.resourceFieldRef) {
    try {
      return resourceValue(pod, from.resourceFieldRef, container.name, sources.facts);
    } catch (error) {
      throw new ContainerConfigError((error as Error).message);
    }
  }
  if (from.configMapKeyRef) {
    const { name = '', key, optional } = from.configMapKeyRef;
    const configMap = sources.configMap(name);
    const value = configMap?.data?.[key];
    if (value !== undefined || optional) return value;
    if (!configMap) throw notFound('configmap', name);
    throw new ContainerConfigError(`couldn't find key ${key} in ConfigMap ${pod.metadata.namespace}/${name}`);
  }
  if (from.secretKeyRef) {
    const { name = '', key, optional } = from.secretKeyRef;
    const secret = sources.secret(name);
    const value = secret?.data?.[key];
    if (value !== undefined) return decode(value);
    if (optional) return undefined;
    if (!secret) throw notFound('secret', name);
    throw new ContainerConfigError(`couldn't find key ${key} in Secret ${pod.metadata.namespace}/${name}`);
  }
  return from.fileKeyRef && fileValue(from.fileKeyRef, sources);
}

function fileValue({ volumeName, path, key, optional }: FileKeySelector, sources: EnvironmentSources) {
  const text = sources.envFile(volumeName, path);
  let value: string | undefined;
  try {
    value = text === undefined ? undefined : variableOfFile(text, key);
  } catch (error) {
    throw new EnvFileError(`couldn't parse env file: ${(error as Error).message}`);
  }
  if (value || optional) return value;
  const where = `${JSON.stringify(path)} of volume ${JSON.stringify(volumeName)}`;
  if (text === undefined) throw new EnvFileError(`couldn't find env file ${where}`);
  throw new EnvFileError(`environment variable key ${JSON.stringify(key)} not found in file ${where}`);
}

function notFound(kind: string, name: string): ContainerConfigError {
  return new ContainerConfigError(`${kind} ${JSON.stringify(name)} not found`);
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
