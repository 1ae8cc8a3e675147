import { cleanTarget, parsePort, parseVolume } from '../short-syntax.ts';
import { isMapping, type Mapping, type Value, textOf } from '../tree.ts';
import {
  bytes,
  type Convert,
  duration,
  flag,
  integer,
  labels,
  listOf,
  natural,
  type Place,
  scalarText,
  strings,
  struct,
  text,
  toBoolean,
} from './convert.ts';

const portStruct = struct({
  name: text,
  mode: text,
  host_ip: text,
  target: integer,
  published: text,
  protocol: text,
  app_protocol: text,
});

/** All ports in the long form; a range becomes its ports. */
export const ports: Convert = (value, at) => {
  const all = listOf(value).flatMap((item, index) => port(item, at.in(index)));
  return all.length > 0 ? all : undefined;
};

function port(item: Value, at: Place): unknown[] {
  if (isMapping(item)) return longPort(item, at);
  return attempt(at, () => parsePort(textOf(item))).map(({ hostIp, published, target, protocol }) =>
    portStruct({ mode: 'ingress', host_ip: hostIp, target, published, protocol }, at),
  );
}

function longPort(item: Mapping, at: Place): unknown[] {
  const { target, published = '', protocol = 'tcp' } = item;
  if (target === undefined || target === null) throw at.fail('target is required');
  const parsed = attempt(at, () =>
    parsePort(`${published === null || published === '' ? '' : `${textOf(published)}:`}${textOf(target)}`),
  );
  return parsed.map((each) =>
    portStruct({ ...item, mode: item.mode ?? 'ingress', target: each.target, published: each.published, protocol }, at),
  );
}

const octal = (value: Value, at: Place): string => {
  const mode =
    typeof value === 'number' ? value : /^[0-7]+$/.test(textOf(value)) ? Number.parseInt(textOf(value), 8) : NaN;
  if (!Number.isInteger(mode)) throw at.fail(`invalid mode: ${textOf(value)} is not octal`);
  return `0${mode.toString(8)}`;
};

const fileReference = struct({ source: text, target: text, uid: text, gid: text, mode: octal });

/** A config or secret of a service. */
export function reference(prefix: string | undefined): Convert {
  return (value, at) => {
    const given: Mapping = isMapping(value) ? value : { source: value };
    if (given.source === undefined) throw at.fail('source is required');
    if (given.target !== undefined || prefix === undefined) return fileReference(given, at);
    return fileReference({ ...given, target: prefix + textOf(given.source) }, at);
  };
}

const volumeStruct = struct({
  type: text,
  source: text,
  target: text,
  read_only: flag,
  consistency: text,
  bind: struct({
    selinux: text,
    propagation: text,
    create_host_path: (value, at) => (toBoolean(value, at) ? undefined : false),
    recursive: text,
  }),
  volume: struct({ labels, nocopy: flag, subpath: text }),
  tmpfs: struct({ size: bytes, mode: (value, at) => Number.parseInt(octal(value, at), 8) }),
  image: struct({ subpath: text }),
});

export const volume: Convert = (value, at) => {
  if (!isMapping(value))
    return volumeStruct(
      attempt(at, () => parseVolume(textOf(value))),
      at,
    );
  if (value.target === undefined) throw at.fail('target is required');
  if (value.type === 'bind' && value.source === undefined) throw at.fail('a bind mount needs a source');
  const clean = { ...value, target: cleanTarget(textOf(value.target)) };
  return volumeStruct(value.type === 'bind' && value.bind === undefined ? { ...clean, bind: {} } : clean, at);
};

export const device: Convert = (value, at) => {
  if (isMapping(value)) {
    if (value.target === undefined) throw at.fail('the device is missing a mount target');
    return struct({ source: text, target: text, permissions: text })(value, at);
  }
  const [source = '', target = source, permissions = 'rwm', ...more] = textOf(value).split(':');
  if (more.length > 0 || source === '')
    throw at.fail(`confusing device mapping, please use long syntax: ${textOf(value)}`);
  return { source, target, permissions };
};

const deviceRequest = struct({
  capabilities: strings,
  driver: text,
  count: (value, at) => {
    if (value === 'all') return -1;
    if (/^-?\d+$/.test(textOf(value))) return integer(value, at);
    throw at.fail(`invalid value ${JSON.stringify(value)}, the only value allowed is 'all' or a number`);
  },
  device_ids: strings,
  options: labels,
});

export const deviceRequests: Convert = (value, at) => {
  if (value === 'all') return [{ count: -1 }];
  const requests = listOf(value).map((item, index) => {
    if (isMapping(item) && item.count !== undefined && item.device_ids !== undefined) {
      throw at.in(index).fail('"count" and "device_ids" attributes are exclusive');
    }
    const request = deviceRequest(item, at.in(index)) as Mapping;
    return request.count === undefined && request.device_ids === undefined ? { ...request, count: -1 } : request;
  });
  return requests.length > 0 ? requests : undefined;
};

/** `host:ip`, `host=ip` or a mapping: `host=ip` texts in order of their names. */
export const extraHosts: Convert = (value, at) => {
  const entries = isMapping(value)
    ? Object.entries(value).flatMap(([host, ips]) => listOf(ips).map((ip) => [host, scalarText(ip)] as const))
    : listOf(value).flatMap((item, index) => {
        const found = /^([^=:]+)[=:](.+)$/.exec(textOf(item));
        if (!found) throw at.in(index).fail(`invalid additional host, missing IP: ${textOf(item)}`);
        const [, host = '', ips = ''] = found;
        return ips.split(',').map((ip) => [host, ip.replace(/^\[(.*)\]$/, '$1')] as const);
      });
  const texts = entries.map(([host, ip]) => `${host}=${ip}`).sort();
  return texts.length > 0 ? texts : undefined;
};

const envFileStruct = struct({ path: text, required: (value, at) => toBoolean(value, at), format: text });

export const envFile: Convert = (value, at) =>
  envFileStruct(isMapping(value) ? { required: true, ...value } : { path: value, required: true }, at);

export const ulimit: Convert = (value, at) => {
  if (!isMapping(value)) return integer(value, at);
  const { soft, hard } = value;
  return { soft: integer(soft ?? 0, at.in('soft')), hard: integer(hard ?? 0, at.in('hard')) };
};

const healthStruct = struct({
  test: (value) => (Array.isArray(value) && value.length === 0 ? undefined : value),
  timeout: duration,
  interval: duration,
  retries: natural,
  start_period: duration,
  start_interval: duration,
  disable: flag,
});

/** A text is run by the shell; a list says how it is run by its first word. */
export const healthcheck: Convert = (value, at) => {
  const given = value as Mapping;
  const { test } = given;
  if (Array.isArray(test) && test.length > 0 && !['NONE', 'CMD', 'CMD-SHELL'].includes(textOf(test[0]))) {
    throw at.in('test').fail('the first item must be either NONE, CMD or CMD-SHELL');
  }
  return healthStruct(typeof test === 'string' ? { ...given, test: ['CMD-SHELL', test] } : given, at);
};

/** What a parser throws is a sentence: it gets its place. */
export function attempt<T>(at: Place, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw at.fail((error as Error).message);
  }
}
