import { serviceKeys } from './canonical/service.ts';
import { ComposeError } from './compose-error.ts';
import { parseVolume } from './short-syntax.ts';
import { carry, isMapping, locate, type Mapping, mark, type Position, positionIn, type Value, textOf } from './tree.ts';

/**
 * Brings files of formats 1 to 3 (2014–2020) to today's shape: services at the top level, the keys that
 * have got another name since. Gives the file back as it is when it is of today.
 */
export function modernise(tree: Mapping, warn: (message: string, position?: Position) => void): Mapping {
  const versioned = withVersion(tree, warn);
  const isOld = isFormat1(versioned);
  const file = isOld ? { services: withoutVersion(versioned) } : versioned;
  const { services } = file;
  if (!isMapping(services)) return file;
  const result: Mapping = {};
  for (const [key, value] of Object.entries(file)) carry(result, key, value, file, key);
  result.services = eachService(services, warn);
  if (isOld) nameNetworkServices(result.services);
  return result;
}

/** In format 1 `net: container:web` means the service of that name, where there is one. */
function nameNetworkServices(services: Mapping): void {
  for (const service of Object.values(services)) {
    if (!isMapping(service) || typeof service.network_mode !== 'string') continue;
    const [, other] = /^container:(.*)$/.exec(service.network_mode) ?? [];
    if (other !== undefined && other in services) service.network_mode = `service:${other}`;
  }
}

/**
 * Format 1 has no section of volumes: what services mount by a name is one. Gives a file of another format back as it
 * is. `extended` is the file, modernised and with what it extends.
 */
export function withNamedVolumes(file: Mapping, extended: Mapping): Mapping {
  const { services } = extended;
  if (!isFormat1(file) || !isMapping(services)) return extended;
  const volumes: Mapping = {};
  for (const service of Object.values(services)) {
    const mounts = isMapping(service) && Array.isArray(service.volumes) ? service.volumes : [];
    for (const [index, mount] of mounts.entries()) {
      const name = typeof mount === 'string' ? volumeOf(mount) : undefined;
      if (name === undefined) continue;
      volumes[name] = {};
      mark(volumes, name, positionIn(mounts, index));
    }
  }
  return Object.keys(volumes).length > 0 ? { ...extended, volumes } : extended;
}

/** The volume that a mount names. What is no mount is refused later. */
function volumeOf(mount: string): string | undefined {
  try {
    const { type, source } = parseVolume(mount);
    return type === 'volume' && typeof source === 'string' ? source : undefined;
  } catch {
    return undefined;
  }
}

/** `version: 3` without quotes is a number to YAML. */
function withVersion(tree: Mapping, warn: (message: string, position?: Position) => void): Mapping {
  if (!('version' in tree)) return tree;
  warn('the attribute `version` is obsolete, it will be ignored, please remove it', positionIn(tree, 'version'));
  if (typeof tree.version !== 'number') return tree;
  const result: Mapping = {};
  for (const [key, value] of Object.entries(tree)) carry(result, key, value, tree, key);
  result.version = textOf(tree.version);
  return result;
}

function withoutVersion(tree: Mapping): Mapping {
  const result: Mapping = {};
  for (const [key, value] of Object.entries(tree)) if (key !== 'version') carry(result, key, value, tree, key);
  return result;
}

const topLevel = ['services', 'networks', 'volumes', 'configs', 'secrets', 'include', 'name', 'models'];

/** Format 1 has no `services`: every key is one, and has an image or a build. */
function isFormat1(tree: Mapping): boolean {
  const version = textOf(tree.version ?? '1');
  if (version !== '1' && version !== '1.0') return false;
  if (topLevel.some((key) => key in tree && !isService(tree[key]))) return false;
  const entries = Object.entries(tree).filter(([key]) => key !== 'version' && !key.startsWith('x-'));
  return entries.length > 0 && entries.every(([, value]) => looksLikeService(value));
}

/** Of a key that has a meaning today: a service that is badly indented under it makes it none. */
function isService(value: Value | undefined): boolean {
  const known = [...serviceKeys, ...renamed.map(([old]) => old), 'volume_driver', 'extends'];
  return looksLikeService(value) && Object.keys(value as Mapping).every((key) => known.includes(key));
}

function looksLikeService(value: Value | undefined): boolean {
  if (!isMapping(value)) return false;
  return 'extends' in value || ['image', 'build'].some((key) => key in value && !isMapping(value[key]));
}

function eachService(services: Mapping, warn: (message: string, position?: Position) => void): Mapping {
  const result: Mapping = {};
  for (const [name, value] of Object.entries(services)) {
    carry(result, name, isMapping(value) ? moderniseService(value, name, warn) : value, services, name);
  }
  return result;
}

/** Keys with another name today: `[old, path of the new one]`. */
const renamed: readonly (readonly [string, readonly string[]])[] = [
  ['dockerfile', ['build', 'dockerfile']],
  ['log_driver', ['logging', 'driver']],
  ['log_opt', ['logging', 'options']],
  ['net', ['network_mode']],
  ['cgroupns_mode', ['cgroup']],
];

function moderniseService(given: Mapping, name: string, warn: (message: string, position?: Position) => void): Mapping {
  if (!renamed.some(([old]) => old in given) && !('volume_driver' in given)) return given;
  const service: Mapping = {};
  for (const [key, value] of Object.entries(given)) carry(service, key, value, given, key);
  for (const [old, path] of renamed) {
    if (!(old in service)) continue;
    const position = positionIn(given, old);
    warn(`services.${name}: \`${old}\` is deprecated, use \`${path.join('.')}\``, position);
    const value = service[old] as Value;
    delete service[old];
    place(service, path, value, { given, old, name });
  }
  if ('volume_driver' in service && service.volume_driver !== 'local') {
    const path = ['services', name, 'volume_driver'];
    const message = 'drivers of volumes are named under `volumes`, and there is none but local';
    throw new ComposeError(message, { position: positionIn(given, 'volume_driver'), path });
  }
  delete service.volume_driver;
  return service;
}

function place(
  service: Mapping,
  [first = '', second]: readonly string[],
  value: Value,
  { given, old, name }: { given: Mapping; old: string; name: string },
): void {
  const refuse = (): never => {
    const path = ['services', name, old];
    throw new ComposeError(`can't use both '${old}' (deprecated) and '${[first, second].filter(Boolean).join('.')}'`, {
      position: positionIn(given, old) ?? locate(given, [old]),
      path,
    });
  };
  if (second === undefined) {
    if (first in service) refuse();
    carry(service, first, value, given, old);
    return;
  }
  const current = service[first];
  const inner: Mapping = {};
  if (isMapping(current)) for (const [key, each] of Object.entries(current)) carry(inner, key, each, current, key);
  else if (typeof current === 'string') inner.context = current;
  if (second in inner) refuse();
  carry(inner, second, value, given, old);
  carry(service, first, inner, given, first in given ? first : old);
}
