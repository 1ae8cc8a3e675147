import { isAbsolute, join, resolve } from 'node:path';
import { isWindowsPath } from './short-syntax.ts';
import { carry, concatenate, isMapping, type Mapping, mark, positionIn, type Value, textOf } from './tree.ts';

export interface PathContext {
  /** What relative paths are relative to; with a relative directory they stay so. */
  directory: string;
  /** What `~` stands for. */
  home: string;
}

/** Makes the relative paths of a file absolute: files that are merged, extended or included lie in several directories. */
export function resolvePaths(tree: Mapping, context: PathContext): Mapping {
  const result = copy(tree);
  change(result, 'services', (services) =>
    mapEach(services, (service) => (isMapping(service) ? servicePaths(service, context) : service)),
  );
  for (const section of ['configs', 'secrets'] as const) {
    change(result, section, (entries) =>
      mapEach(entries, (entry) => (isMapping(entry) ? changed(entry, 'file', path(context)) : entry)),
    );
  }
  change(result, 'volumes', (volumes) => mapEach(volumes, (volume) => volumePaths(volume, context)));
  return result;
}

function servicePaths(given: Mapping, context: PathContext): Mapping {
  const service = copy(given);
  const toPath = path(context);
  change(service, 'build', (build) => {
    if (typeof build === 'string') return contextPath(build, context);
    if (!isMapping(build)) return build;
    const inner = changed(build, 'context', (value) => contextPath(value, context));
    change(inner, 'additional_contexts', (contexts) => pairs(contexts, (value) => contextPath(value, context)));
    change(inner, 'ssh', (agents) => pairs(agents, toPath));
    return inner;
  });
  change(service, 'extends', (target) => (isMapping(target) ? changed(target, 'file', toPath) : target));
  change(service, 'env_file', (files) =>
    mapItems(files, (file) => (isMapping(file) ? changed(file, 'path', toPath) : toPath(file))),
  );
  change(service, 'label_file', (files) => mapItems(files, toPath));
  change(service, 'credential_spec', (spec) => (isMapping(spec) ? changed(spec, 'file', toPath) : spec));
  change(service, 'volumes', (volumes) => mapItems(volumes, (volume) => mountPaths(volume, context)));
  change(service, 'develop', (develop) => {
    if (!isMapping(develop)) return develop;
    return changed(develop, 'watch', (watch) =>
      mapItems(watch, (trigger) => (isMapping(trigger) ? changed(trigger, 'path', toPath) : trigger)),
    );
  });
  return service;
}

/** `url#ref`, `git@host:repository`, `docker-image://…`, `service:name` are no paths. */
function isRemote(text: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/|git@|github\.com\/|service:)/.test(text);
}

function contextPath(value: Value, context: PathContext): Value {
  return typeof value === 'string' && !isRemote(value) ? absolutePath(value, context) : value;
}

/** The values of `NAME=VALUE` or `NAME: VALUE`. */
function pairs(given: Value, to: (value: Value) => Value): Value {
  if (isMapping(given)) return mapEach(given, to);
  return mapItems(given, (item) => {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(textOf(item)) ?? [];
    return name === '' ? item : `${name}=${textOf(to(value))}`;
  });
}

/** A short mount is a path when it begins like one; what comes after the first colon stays. */
function mountPaths(volume: Value, context: PathContext): Value {
  if (isMapping(volume)) {
    if (volume.type !== 'bind') return volume;
    const toPath = path(context);
    return changed(volume, 'source', (source) => (isWindowsPath(textOf(source)) ? source : toPath(source)));
  }
  if (typeof volume !== 'string' || !/^[.~]/.test(volume)) return volume;
  const colon = volume.indexOf(':');
  if (colon < 0) return volume;
  const source = absolutePath(volume.slice(0, colon), context);
  return (/^[./]/.test(source) ? source : `./${source}`) + volume.slice(colon);
}

/** A volume of the `local` driver with `o: bind` is a directory of the host. */
function volumePaths(volume: Value, context: PathContext): Value {
  if (!isMapping(volume) || !isMapping(volume.driver_opts)) return volume;
  const { o, device } = volume.driver_opts;
  if (typeof o !== 'string' || !/(?:^|,)r?bind(?:,|$)/.test(o) || typeof device !== 'string') return volume;
  const toPath = (value: Value): Value => absolutePath(textOf(value), context);
  return changed(volume, 'driver_opts', (options) => changed(options, 'device', toPath));
}

function path(context: PathContext): (value: Value) => Value {
  return (value) => (typeof value === 'string' && value !== '' ? absolutePath(value, context) : value);
}

export function absolutePath(text: string, { directory, home }: PathContext): string {
  if (text === '~' || text.startsWith('~/')) return join(home, text.slice(1));
  if (isAbsolute(text)) return text;
  return isAbsolute(directory) ? resolve(directory, text) : join(directory, text);
}

function copy(mapping: Mapping): Mapping {
  const result: Mapping = {};
  for (const [key, value] of Object.entries(mapping)) carry(result, key, value, mapping, key);
  return result;
}

function change(mapping: Mapping, key: string, to: (value: Value) => Value): void {
  const value = mapping[key];
  if (value !== undefined && value !== null) mapping[key] = to(value);
}

function changed(value: Value, key: string, to: (value: Value) => Value): Mapping {
  const result = copy(value as Mapping);
  change(result, key, to);
  return result;
}

function mapEach(value: Value, to: (inner: Mapping) => Value): Value {
  if (!isMapping(value)) return value;
  const result: Mapping = {};
  for (const [key, inner] of Object.entries(value)) {
    const next = isMapping(inner) || typeof inner === 'string' ? to(inner as Mapping) : inner;
    carry(result, key, next, value, key);
  }
  return result;
}

function mapItems(value: Value, to: (item: Value) => Value): Value {
  if (!Array.isArray(value)) return to(value);
  const list = concatenate(value);
  list.forEach((item, index) => {
    list[index] = to(item);
    mark(list, index, positionIn(value, index));
  });
  return list;
}
