import { shellWords } from '../short-syntax.ts';
import { isMapping, textOf } from '../tree.ts';
import {
  amount,
  boolean,
  bytes,
  type Convert,
  count,
  delay,
  dense,
  duration,
  environment,
  flag,
  integer,
  labels,
  list,
  listOf,
  mappingOf,
  multiOptions,
  natural,
  scalarText,
  strings,
  struct,
  text,
  toBoolean,
} from './convert.ts';
import {
  attempt,
  device,
  deviceRequests,
  envFile,
  extraHosts,
  healthcheck,
  ports,
  reference,
  ulimit,
  volume,
} from './mounts.ts';

/** A command as its words; an empty one clears what the image says. */
const command: Convert = (value, at) =>
  typeof value === 'string' ? attempt(at, () => shellWords(value)) : listOf(value).map((item) => scalarText(item));

const hookFields = { command, user: text, privileged: flag, working_dir: text, environment };
const hook = struct(hookFields);

const sshKey: Convert = (value, at) => {
  const key = textOf(value);
  if (key !== 'default' && !key.includes('=')) throw at.fail(`invalid ssh key ${JSON.stringify(key)}`);
  return key;
};

const build: Convert = (value, at) => buildStruct(isMapping(value) ? value : { context: value }, at);

const buildStruct = struct({
  context: text,
  dockerfile: (value) => textOf(value),
  dockerfile_inline: text,
  entitlements: strings,
  args: environment,
  provenance: text,
  sbom: text,
  ssh: (value, at) =>
    list(sshKey)(
      isMapping(value)
        ? Object.entries(value).map(([id, path]) => (path === null ? id : `${id}=${textOf(path)}`))
        : value,
      at,
    ),
  labels,
  cache_from: strings,
  cache_to: strings,
  no_cache: flag,
  additional_contexts: labels,
  pull: flag,
  extra_hosts: extraHosts,
  isolation: text,
  network: text,
  target: text,
  secrets: list(reference(undefined)),
  shm_size: bytes,
  tags: strings,
  ulimits: mappingOf(ulimit),
  platforms: strings,
  privileged: flag,
});

const develop = struct({
  watch: list(
    struct({
      path: text,
      action: text,
      target: text,
      exec: hook,
      include: strings,
      ignore: strings,
      initial_sync: boolean,
    }),
  ),
});

const updateConfig = struct({
  parallelism: integer,
  delay,
  failure_action: text,
  monitor: delay,
  max_failure_ratio: amount,
  order: text,
});

const deployFields: Record<string, Convert> = {
  mode: text,
  replicas: integer,
  labels,
  update_config: updateConfig,
  rollback_config: updateConfig,
  resources: dense(
    struct({
      limits: struct({ cpus: amount, memory: bytes, pids: count }),
      reservations: struct({
        cpus: amount,
        memory: bytes,
        devices: deviceRequests,
        generic_resources: list(struct({ discrete_resource_spec: struct({ kind: text, value: integer }) })),
      }),
    }),
  ),
  restart_policy: struct({ condition: text, delay: duration, max_attempts: integer, window: duration }),
  placement: dense(
    struct({
      constraints: strings,
      preferences: list(struct({ spread: text })),
      max_replicas_per_node: count,
    }),
  ),
  endpoint_mode: text,
};
export const deployKeys: readonly string[] = Object.keys(deployFields);
const deploy = struct(deployFields);

const dependency: Convert = (value, at) => {
  const given = isMapping(value) ? value : {};
  return struct({ condition: text, restart: flag, required: boolean })(
    { condition: 'service_started', required: true, ...given },
    at,
  );
};

const serviceNetwork: Convert = (value, at) =>
  value === null
    ? null
    : struct({
        aliases: strings,
        driver_opts: labels,
        gw_priority: count,
        interface_name: text,
        ipv4_address: text,
        ipv6_address: text,
        link_local_ips: strings,
        mac_address: text,
        priority: count,
      })(value, at);

const blkioLimit = struct({ path: text, rate: (value, at) => bytes(value, at) });

/** A service's keys in the order in which Docker Compose prints them. */
const serviceFields: Record<string, Convert> = {
  profiles: strings,
  annotations: labels,
  attach: boolean,
  build,
  develop,
  blkio_config: struct({
    weight: count,
    weight_device: list(struct({ path: text, weight: count })),
    device_read_bps: list(blkioLimit),
    device_read_iops: list(blkioLimit),
    device_write_bps: list(blkioLimit),
    device_write_iops: list(blkioLimit),
  }),
  cap_add: strings,
  cap_drop: strings,
  cgroup_parent: text,
  cgroup: text,
  cpu_count: count,
  cpu_percent: amount,
  cpu_period: count,
  cpu_quota: count,
  cpu_rt_period: count,
  cpu_rt_runtime: count,
  cpus: amount,
  cpuset: text,
  cpu_shares: count,
  command,
  configs: list(reference(undefined)),
  container_name: text,
  credential_spec: struct({ config: text, file: text, registry: text }),
  depends_on: mappingOf(dependency),
  deploy,
  device_cgroup_rules: strings,
  devices: list(device),
  dns: strings,
  dns_opt: strings,
  dns_search: strings,
  domainname: text,
  entrypoint: command,
  provider: struct({ type: text, options: multiOptions }),
  environment,
  env_file: list(envFile),
  expose: strings,
  external_links: strings,
  extra_hosts: extraHosts,
  group_add: strings,
  gpus: deviceRequests,
  hostname: text,
  healthcheck,
  image: text,
  init: boolean,
  ipc: text,
  isolation: text,
  labels,
  label_file: strings,
  links: strings,
  logging: struct({ driver: text, options: labels }),
  mem_limit: bytes,
  mem_reservation: bytes,
  memswap_limit: bytes,
  mem_swappiness: bytes,
  mac_address: text,
  models: mappingOf((value, at) => dense(struct({ endpoint_var: text, model_var: text }))(value, at) ?? null),
  network_mode: text,
  networks: mappingOf(serviceNetwork),
  oom_kill_disable: flag,
  oom_score_adj: count,
  pid: text,
  pids_limit: count,
  platform: text,
  ports,
  privileged: flag,
  pull_policy: text,
  pull_refresh_after: text,
  read_only: flag,
  restart: text,
  runtime: text,
  scale: natural,
  secrets: list(reference('/run/secrets/')),
  security_opt: strings,
  shm_size: bytes,
  stdin_open: flag,
  stop_grace_period: duration,
  stop_signal: text,
  storage_opt: labels,
  sysctls: labels,
  tmpfs: strings,
  tty: flag,
  ulimits: mappingOf(ulimit),
  use_api_socket: flag,
  user: text,
  userns_mode: text,
  uts: text,
  volumes: list(volume),
  volumes_from: strings,
  working_dir: text,
  pre_start: list(struct({ ...hookFields, image: text, per_replica: flag })),
  post_start: list(hook),
  pre_stop: list(hook),
};

export const serviceKeys: readonly string[] = Object.keys(serviceFields);
export const service = struct(serviceFields);

/** `external: true`, or the old `external: {name: …}`. */
const external: Convert = (value, at) => (isMapping(value) ? true : toBoolean(value, at) || undefined);

function named(fields: Record<string, Convert>): Convert {
  const convert = struct({ name: text, ...fields });
  return (value, at) => {
    const given = isMapping(value) ? value : {};
    const old = isMapping(given.external) ? given.external.name : undefined;
    if (old !== undefined && given.name !== undefined && given.name !== old) {
      throw at.fail("can't use both 'external.name' (deprecated) and 'name'");
    }
    return convert(old === undefined ? given : { ...given, name: old }, at);
  };
}

const fileObject = {
  file: text,
  environment: text,
  content: text,
  external,
  labels,
  driver: text,
  driver_opts: labels,
  template_driver: text,
};

const pool = struct({ subnet: text, gateway: text, ip_range: text, aux_addresses: labels });

/** A project's sections, in the order in which Docker Compose prints them. */
export const sections: Record<string, Convert> = {
  networks: mappingOf(
    named({
      driver: text,
      driver_opts: labels,
      ipam: dense(struct({ driver: text, config: list(pool), options: labels })),
      external,
      internal: flag,
      attachable: flag,
      labels,
      enable_ipv4: boolean,
      enable_ipv6: boolean,
    }),
  ),
  volumes: mappingOf(named({ driver: text, driver_opts: labels, external, labels })),
  secrets: mappingOf(named(fileObject)),
  configs: mappingOf(named(fileObject)),
  models: mappingOf(struct({ name: text, model: text, context_size: count, runtime_flags: strings })),
};
