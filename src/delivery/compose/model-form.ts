import { cleanTarget, parsePort, parseVolume } from './short-syntax.ts';
import { isMapping, isPairList, type Mapping, textOf, type Value } from './tree.ts';

export interface ModelFormOptions {
  name: string;
  /** What variables that are named without a value get. */
  variables: Readonly<Record<string, string>>;
  /** What an image is built from that says no context. */
  directory: string;
  /** Fills in what the file leaves implicit. */
  normalise: boolean;
}

/**
 * A merged file whose variables are not put in, as `docker compose config --no-interpolate` has it: the long syntax
 * wherever a value can be told without its variables, names and defaults filled in; values keep the types of the file.
 */
export function modelForm(tree: Mapping, options: ModelFormOptions): Mapping {
  const { version: _version, include: _include, ...file } = tree;
  const services = eachOf(file.services, (service) => serviceForm(service, options));
  const sections = Object.fromEntries(
    ['networks', 'volumes', 'secrets', 'configs']
      .filter((section) => section in file)
      .map((section) => [section, eachOf(file[section], (resource) => resourceForm(resource))]),
  );
  const result: Mapping = { ...file, ...(services && { services }), ...sections };
  return asWritten(options.normalise ? normalised(result, options) : result) as Mapping;
}

function serviceForm(given: Value, { directory }: ModelFormOptions): Value {
  if (!isMapping(given)) return given;
  const { extends: _extends, ...service } = given;
  const change = (key: string, to: (value: Value) => Value): void => {
    const value = service[key];
    if (value !== undefined && value !== null) service[key] = to(value);
  };
  change('build', (build) => buildForm(build, directory));
  change('depends_on', (all) => eachOf(named(all), dependencyForm) ?? all);
  change('env_file', (files) => listOf(files).map((file) => ({ required: true, ...fromText(file, 'path') })));
  change('label_file', listOf);
  change('dns', (servers) => listOf(servers).filter((server) => server !== null && server !== ''));
  change('gpus', (gpus) => (typeof gpus === 'string' ? [{ count: 'all' }] : mapList(gpus, deviceRequest)));
  change('networks', named);
  change('models', (all) => eachOf(named(all), (model) => (isEmpty(model) ? null : model)) ?? all);
  change('volumes', (volumes) => mapList(volumes, volumeForm));
  change('devices', (devices) => mapList(devices, deviceForm));
  change('ports', portsForm);
  change('configs', (configs) => mapList(configs, (config) => fromText(config, 'source')));
  change('secrets', (secrets) =>
    mapList(secrets, (secret) => {
      const long = fromText(secret, 'source');
      return isMapping(long) ? { target: `/run/secrets/${textOf(long.source)}`, ...long } : long;
    }),
  );
  change('develop', (develop) => inside(develop, 'watch', (watch) => mapList(watch, triggerForm)));
  change('deploy', (deploy) =>
    inside(deploy, 'resources', (resources) =>
      inside(resources, 'reservations', (reservations) =>
        inside(reservations, 'devices', (devices) => mapList(devices, deviceRequest)),
      ),
    ),
  );
  return service;
}

function buildForm(given: Value, directory: string): Value {
  let build: Value = typeof given === 'string' ? { context: given } : given;
  if (!isMapping(build)) return build;
  build = { context: directory, ...build };
  build = inside(build, 'ssh', pairsForm);
  build = inside(build, 'additional_contexts', pairsForm);
  build = inside(build, 'secrets', (secrets) => mapList(secrets, (secret) => fromText(secret, 'source')));
  for (const key of ['provenance', 'sbom']) build = inside(build, key, textOf);
  return build;
}

/** `NAME=VALUE` texts as a mapping; a name alone has no value. */
function pairsForm(value: Value): Value {
  if (!Array.isArray(value)) return isMapping(value) ? { ...value } : value;
  return Object.fromEntries(
    value.map((item) => {
      const [, name = textOf(item), rest] = /^([^=]*)=(.*)$/s.exec(textOf(item)) ?? [];
      return [name, rest ?? null];
    }),
  );
}

function dependencyForm(dependency: Value): Value {
  return { condition: 'service_started', required: true, ...(isMapping(dependency) ? dependency : {}) };
}

function deviceRequest(request: Value): Value {
  if (!isMapping(request) || 'count' in request || 'device_ids' in request) return request;
  return { ...request, count: 'all' };
}

function triggerForm(trigger: Value): Value {
  return inside(inside(trigger, 'ignore', listOf), 'include', listOf);
}

function volumeForm(volume: Value): Value {
  if (typeof volume !== 'string') return volume;
  // A colon in `${NAME:-value}` separates nothing.
  const variables: string[] = [];
  const hidden = volume.replace(/\$\{(?:[^{}]|\$\{[^{}]*\})*\}/g, (text) => `\ue000${variables.push(text) - 1}\ue000`);
  const shown = (value: Value): Value => {
    if (isMapping(value)) return eachOf(value, shown) ?? value;
    return typeof value === 'string'
      ? value.replace(/\ue000(\d+)\ue000/g, (_, at) => variables[Number(at)] ?? '')
      : value;
  };
  return attempted(volume, () => shown(parseVolume(hidden)));
}

function deviceForm(device: Value): Value {
  if (typeof device !== 'string') return device;
  const [source = '', target = source, permissions = 'rwm'] = device.split(':');
  return { source, target, permissions };
}

/** Where one port cannot be told without its variables, all stay as they are. */
function portsForm(ports: Value): Value {
  if (!Array.isArray(ports)) return ports;
  return attempted(ports, () =>
    ports.flatMap((port): Value[] => {
      if (isMapping(port)) return [{ mode: 'ingress', protocol: 'tcp', ...port }];
      return parsePort(textOf(port)).map(({ hostIp, published, target, protocol }) => ({
        ...{ mode: 'ingress', target, protocol },
        ...(hostIp !== '' && { host_ip: hostIp }),
        ...(published !== '' && { published }),
      }));
    }),
  );
}

/** `external: {name: …}` of old. */
function resourceForm(resource: Value): Value {
  if (!isMapping(resource) || !isMapping(resource.external)) return resource;
  const { name = null } = resource.external;
  return { ...(name !== null && { name }), ...resource, external: true };
}

function normalised(given: Mapping, options: ModelFormOptions): Mapping {
  const services = eachOf(given.services, (service) => normalisedService(service, options));
  const used = Object.values(services ?? {}).some(
    (service) => isMapping(service) && isMapping(service.networks) && 'default' in service.networks,
  );
  const result: Mapping = { ...given, name: options.name, ...(services && { services }) };
  if (used) result.networks = { default: null, ...(isMapping(given.networks) ? given.networks : {}) };
  for (const section of ['networks', 'volumes', 'secrets', 'configs']) {
    if (!isMapping(result[section])) continue;
    result[section] = Object.fromEntries(
      Object.entries(result[section]).map(([key, resource]) => {
        const known: Mapping = isMapping(resource) ? resource : {};
        const isExternal = /^(?:1|t|true)$/i.test(textOf(known.external));
        return [key, { ...known, name: known.name ?? (isExternal ? key : `${options.name}_${key}`) }];
      }),
    );
  }
  return result;
}

function normalisedService(given: Value, { variables }: ModelFormOptions): Value {
  if (!isMapping(given)) return given;
  const service = { ...given };
  const isAlone = 'network_mode' in service || 'provider' in service;
  if (!isAlone && (!('networks' in service) || isEmpty(service.networks ?? null))) service.networks = { default: null };
  if (service.pull_policy === 'if_not_present') service.pull_policy = 'missing';
  if (isMapping(service.build)) {
    const build = service.build;
    const isNamed = build.dockerfile !== undefined || build.dockerfile_inline !== undefined;
    const args = valued(build.args, variables, false);
    service.build = { ...build, ...(!isNamed && { dockerfile: 'Dockerfile' }), ...(args !== undefined && { args }) };
  }
  const environment = valued(service.environment, variables, true);
  if (environment !== undefined) service.environment = environment;
  service.volumes = mapList(service.volumes ?? null, (volume) =>
    inside(volume, 'target', (target) => cleanTarget(textOf(target))),
  );
  if (service.volumes === null) delete service.volumes;
  const dependencies = { ...implied(service), ...(isMapping(service.depends_on) ? service.depends_on : {}) };
  if (Object.keys(dependencies).length > 0) service.depends_on = dependencies;
  return service;
}

function implied(service: Mapping): Mapping {
  const texts = (key: string): string[] => listOf(service[key] ?? null).map(textOf);
  const modes = ['network_mode', 'ipc', 'pid', 'uts', 'cgroup'].flatMap(texts);
  const shared = modes.filter((mode) => mode.startsWith('service:')).map((mode) => mode.slice('service:'.length));
  const lent = texts('volumes_from').filter((source) => !source.startsWith('container:'));
  const of = (names: string[], restart: boolean): Mapping =>
    Object.fromEntries(
      names.map((name) => [name.split(':')[0] as string, { condition: 'service_started', restart, required: true }]),
    );
  return { ...of(lent, false), ...of([...texts('links'), ...shared], true) };
}

/** Variables that are named without a value get it; those that have none stay, or go. */
function valued(
  given: Value | undefined,
  variables: Readonly<Record<string, string>>,
  keepsUnset: boolean,
): Mapping | undefined {
  if (!isMapping(given)) return undefined;
  const result = given;
  for (const [name, value] of Object.entries(given)) {
    if (value !== null) continue;
    if (Object.hasOwn(variables, name)) result[name] = variables[name] as string;
    else if (!keepsUnset) delete result[name];
  }
  return result;
}

/** Variables and labels that files list are listed. */
function asWritten(value: Value): Value {
  if (Array.isArray(value)) return value.map(asWritten);
  if (!isMapping(value)) return value;
  if (isPairList(value)) {
    return Object.entries(value).map(([key, inner]) => (inner === null ? key : `${key}=${textOf(inner)}`));
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asWritten(inner)]));
}

function named(value: Value): Value {
  return Array.isArray(value) ? Object.fromEntries(value.map((name) => [textOf(name), null])) : value;
}

function fromText(value: Value, key: string): Mapping {
  return isMapping(value) ? value : { [key]: value };
}

function inside(value: Value, key: string, to: (inner: Value) => Value): Value {
  const inner = isMapping(value) ? value[key] : undefined;
  return inner === undefined || inner === null ? value : { ...(value as Mapping), [key]: to(inner) };
}

function eachOf(value: Value | undefined, to: (inner: Value) => Value): Mapping | undefined {
  if (!isMapping(value)) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, to(inner)]));
}

function mapList(value: Value, to: (item: Value) => Value): Value {
  return Array.isArray(value) ? value.map(to) : value;
}

function listOf(value: Value): Value[] {
  return Array.isArray(value) ? value : value === null ? [] : [value];
}

function isEmpty(value: Value): boolean {
  return isMapping(value) && Object.keys(value).length === 0;
}

/** What cannot be told without its variables stays as it is. */
function attempted(value: Value, work: () => Value): Value {
  try {
    return work();
  } catch {
    return value;
  }
}
