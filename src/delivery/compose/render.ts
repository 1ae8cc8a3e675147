import { createHash } from 'node:crypto';
import { emitYamlInOrder } from '../charts/functions/yaml-emit.ts';
import { sorted } from './canonical/convert.ts';
import { deployKeys, serviceKeys } from './canonical/service.ts';
import type { Project, Service } from './model.ts';
import { isMapping, type Mapping, type Value } from './tree.ts';

/** A project as `docker compose config` prints it: canonical, secrets by name only, dollar signs doubled. */
export function renderProject(project: Project, format: 'yaml' | 'json'): string {
  const document = format === 'json' ? jsonDocument(project) : yamlDocument(project);
  const text = format === 'json' ? goJson(document) : yamlText(document);
  return text.replaceAll('$', '$$$$');
}

/** A merged file as it is, keys in order: for `config --no-interpolate`. */
export function renderTree(tree: unknown, format: 'yaml' | 'json'): string {
  const document = sortKeys(tree);
  return format === 'json' ? goJson(document) : yamlText(document);
}

/** What is not set is not written. */
function yamlText(document: unknown): string {
  return emitYamlInOrder(JSON.parse(JSON.stringify(document)));
}

function yamlDocument(project: Project): Record<string, unknown> {
  const { name, services, networks, volumes, secrets, configs, models, extensions } = withoutContent(project);
  const sections = { networks, volumes, secrets, configs, models };
  const filled = Object.entries(sections).filter(([, section]) => Object.keys(section).length > 0);
  return { name, services, ...Object.fromEntries(filled), ...extensions };
}

/** In JSON, what YAML leaves out of `command`, `deploy` and `ipam` is there, empty; sections are in the order of names. */
function jsonDocument(project: Project): Record<string, unknown> {
  const document = yamlDocument(project);
  const sections = Object.entries(document).map(([key, section]) => [
    key,
    isMapping(section as Value) && !key.startsWith('x-') ? mapValues(section as Mapping, withoutExtensions) : section,
  ]);
  const { name, services, networks, ...rest } = Object.fromEntries(sections) as typeof document & {
    services: Record<string, Service>;
  };
  const withIpam = mapValues((networks ?? {}) as Record<string, object>, (network) => {
    const { name: networkName, driver, driver_opts, ...more } = network as Record<string, unknown>;
    return { name: networkName, driver, driver_opts, ipam: {}, ...more };
  });
  return sorted({
    name,
    services: mapValues(services, jsonService),
    ...(networks !== undefined && { networks: withIpam }),
    ...rest,
  });
}

function jsonService(service: Service): Record<string, unknown> {
  const { deploy } = service;
  const filled: Record<string, unknown> = { command: null, entrypoint: null, ...service };
  if (deploy) filled['deploy'] = filledDeploy(deploy);
  return Object.fromEntries(serviceKeys.filter((key) => key in filled).map((key) => [key, filled[key]]));
}

/** Keys with names that the file's author chose, which may look like extensions. */
const namings: readonly string[] = (
  'additional_contexts annotations args aux_addresses depends_on driver_opts environment labels models networks options ' +
  'storage_opt sysctls ulimits'
).split(' ');

/** Extensions are not in JSON (Go's structures leave them out), and so concern no container. */
function withoutExtensions(value: Value, ofNames = false): Value {
  if (Array.isArray(value)) return value.map((item) => withoutExtensions(item));
  if (!isMapping(value)) return value;
  const kept = Object.entries(value).filter(([key]) => ofNames || !key.startsWith('x-'));
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutExtensions(inner, namings.includes(key))]));
}

function filledDeploy(deploy: object): object {
  const filled: Record<string, unknown> = { resources: {}, placement: {}, ...deploy };
  const known = deployKeys.filter((key) => key in filled);
  return { ...Object.fromEntries(known.map((key) => [key, filled[key]])), ...filled };
}

/** The values of secrets are not in the model; configs show theirs unless the environment gave it. */
function withoutContent(project: Project): Project {
  const secrets = mapValues(project.secrets, ({ content: _content, ...rest }) => rest);
  return { ...project, secrets };
}

/**
 * Tells whether a service's containers are to be made anew: a digest over what concerns them, as `docker compose config
 * --hash` prints it. Scale, dependencies, profiles and how the image is made do not.
 */
export function configHash(service: Service): string {
  const {
    build: _build,
    pull_policy: _pull,
    scale: _scale,
    depends_on: _depends,
    profiles: _profiles,
    ...rest
  } = service;
  if (rest.deploy) {
    const { replicas: _replicas, ...deploy } = rest.deploy;
    rest.deploy = deploy;
  }
  return createHash('sha256')
    .update(goJson(jsonService(withoutExtensions(rest as Mapping) as Service), 0))
    .digest('hex');
}

/** JSON as Go's encoder writes it: `<`, `>`, `&` and line separators escaped. */
function goJson(value: unknown, indent = 2): string {
  const text = JSON.stringify(value, undefined, indent);
  return text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}

function mapValues<T, R>(mapping: Record<string, T>, change: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(mapping).map(([key, value]) => [key, change(value)]));
}
