import { inService, type KeyExample } from './example.ts';

/**
 * The keys of formats 2.0 to 2.4 (docker-compose 1.x) and 3.0 to 3.13 (Docker's stacks), each at the version that
 * brought it: later versions of the same format have it too. They are
 * what "Compose file version 2 reference" and "version 3 reference" list, and Docker's stacks beyond 3.8.
 */
const newIn = {
  '2.0': {
    '': 'version services networks volumes',
    'services.*.':
      'auto_up build cap_add cap_drop cgroup_parent command container_name cpu_quota cpu_shares cpuset depends_on devices ' +
      'dns dns_opt dns_search domainname entrypoint env_file environment expose extends extends.service extends.file ' +
      'external_links extra_hosts group_add hostname image ipc labels links logging logging.driver logging.options ' +
      'mac_address mem_limit mem_reservation mem_swappiness memswap_limit network_mode networks networks.*.aliases ' +
      'networks.*.ipv4_address networks.*.ipv6_address networks.*.priority oom_score_adj pid ports privileged ' +
      'read_only restart security_opt shm_size stdin_open stop_grace_period stop_signal tmpfs tty ulimits ' +
      'ulimits.*.soft ulimits.*.hard user volumes volume_driver volumes_from working_dir blkio_config ' +
      'blkio_config.weight blkio_config.weight_device blkio_config.weight_device[].path ' +
      'blkio_config.weight_device[].weight blkio_config.device_read_bps blkio_config.device_read_iops ' +
      'blkio_config.device_write_bps blkio_config.device_write_iops blkio_config.device_read_bps[].path ' +
      'blkio_config.device_read_bps[].rate blkio_config.device_read_iops[].path ' +
      'blkio_config.device_read_iops[].rate blkio_config.device_write_bps[].path ' +
      'blkio_config.device_write_bps[].rate blkio_config.device_write_iops[].path ' +
      'blkio_config.device_write_iops[].rate',
    'services.*.build.': 'context dockerfile args',
    'networks.*.':
      'driver driver_opts external external.name ipam ipam.driver ipam.config ipam.config[].subnet ' +
      'ipam.config[].ip_range ipam.config[].gateway ipam.config[].aux_addresses ipam.options internal',
    'volumes.*.': 'driver driver_opts external external.name',
  },
  '2.1': {
    'services.*.':
      'depends_on.*.condition cpu_count cpu_percent healthcheck healthcheck.disable healthcheck.interval ' +
      'healthcheck.retries healthcheck.test healthcheck.timeout isolation oom_kill_disable pids_limit storage_opt ' +
      'sysctls userns_mode networks.*.link_local_ips',
    'services.*.build.': 'labels extra_hosts isolation',
    'networks.*.': 'enable_ipv6 labels name',
    'volumes.*.': 'labels name',
  },
  '2.2': {
    'services.*.': 'cpu_period cpu_rt_period cpu_rt_runtime cpus init scale',
    'services.*.build.': 'cache_from network',
  },
  '2.3': {
    'services.*.':
      'device_cgroup_rules healthcheck.start_period runtime volumes[].type volumes[].source volumes[].target ' +
      'volumes[].read_only volumes[].consistency volumes[].bind volumes[].bind.propagation volumes[].volume ' +
      'volumes[].volume.nocopy volumes[].tmpfs volumes[].tmpfs.size',
    'services.*.build.': 'shm_size target',
  },
  '2.4': { 'services.*.': 'platform' },
  '3.0': {
    '': 'version services networks volumes',
    'services.*.':
      'build cap_add cap_drop cgroup_parent command container_name depends_on deploy devices dns dns_search ' +
      'domainname entrypoint env_file environment expose external_links extra_hosts healthcheck healthcheck.disable ' +
      'healthcheck.interval healthcheck.retries healthcheck.test healthcheck.timeout hostname image ipc labels links ' +
      'logging logging.driver logging.options mac_address network_mode networks networks.*.aliases ' +
      'networks.*.ipv4_address networks.*.ipv6_address pid ports privileged read_only restart security_opt shm_size ' +
      'stdin_open stop_grace_period stop_signal sysctls tmpfs tty ulimits ulimits.*.soft ulimits.*.hard user ' +
      'userns_mode volumes working_dir',
    'services.*.build.': 'context dockerfile args',
    'services.*.deploy.':
      'mode replicas labels update_config update_config.parallelism update_config.delay update_config.failure_action ' +
      'update_config.monitor update_config.max_failure_ratio resources resources.limits resources.limits.cpus ' +
      'resources.limits.memory resources.reservations resources.reservations.cpus resources.reservations.memory ' +
      'restart_policy restart_policy.condition restart_policy.delay restart_policy.max_attempts ' +
      'restart_policy.window placement placement.constraints',
    'networks.*.':
      'driver driver_opts external external.name internal ipam ipam.driver ipam.config ipam.config[].subnet labels',
    'volumes.*.': 'driver driver_opts external external.name labels',
  },
  '3.1': {
    '': 'secrets',
    'services.*.': 'secrets secrets[].source secrets[].target secrets[].uid secrets[].gid secrets[].mode',
    'secrets.*.': 'file external external.name labels',
  },
  '3.2': {
    'services.*.':
      'ports[].mode ports[].target ports[].published ports[].protocol volumes[].type volumes[].source ' +
      'volumes[].target volumes[].read_only volumes[].consistency volumes[].bind volumes[].bind.propagation ' +
      'volumes[].volume volumes[].volume.nocopy',
    'services.*.build.': 'cache_from',
    'services.*.deploy.': 'endpoint_mode',
    'networks.*.': 'attachable',
  },
  '3.3': {
    '': 'configs',
    'services.*.':
      'configs configs[].source configs[].target configs[].uid configs[].gid configs[].mode credential_spec ' +
      'credential_spec.file credential_spec.registry',
    'services.*.build.': 'labels',
    'services.*.deploy.': 'placement.preferences placement.preferences[].spread',
    'configs.*.': 'file external external.name labels',
  },
  '3.4': {
    'services.*.': 'healthcheck.start_period',
    'services.*.build.': 'network target',
    'services.*.deploy.': 'update_config.order',
    'volumes.*.': 'name',
  },
  '3.5': {
    'services.*.': 'isolation',
    'services.*.build.': 'shm_size',
    'services.*.deploy.':
      'resources.reservations.generic_resources resources.reservations.generic_resources[].discrete_resource_spec ' +
      'resources.reservations.generic_resources[].discrete_resource_spec.kind ' +
      'resources.reservations.generic_resources[].discrete_resource_spec.value',
    'networks.*.': 'name',
    'secrets.*.': 'name',
    'configs.*.': 'name',
  },
  '3.6': { 'services.*.': 'volumes[].tmpfs volumes[].tmpfs.size' },
  '3.7': {
    'services.*.': 'init',
    'services.*.deploy.':
      'rollback_config rollback_config.parallelism rollback_config.delay rollback_config.failure_action ' +
      'rollback_config.monitor rollback_config.max_failure_ratio rollback_config.order',
  },
  '3.8': {
    'services.*.': 'credential_spec.config',
    'services.*.build.': 'extra_hosts',
    'services.*.deploy.': 'placement.max_replicas_per_node',
    'secrets.*.': 'driver driver_opts template_driver',
    'configs.*.': 'template_driver',
  },
  '3.9': { 'services.*.': 'networks.*.driver_opts cgroupns_mode', 'services.*.deploy.': 'resources.limits.pids' },
  '3.10': { 'services.*.': 'group_add' },
  '3.11': { 'volumes.*.': 'x-cluster-spec' },
  '3.12': { 'services.*.': 'healthcheck.start_interval' },
  '3.13': { 'services.*.': 'oom_score_adj' },
} as const satisfies Record<string, Record<string, string>>;

export type OldFormat = keyof typeof newIn;

export const formats = Object.keys(newIn) as OldFormat[];

/** The keys that a version brought, as the key table names them. */
export function keysIn(version: OldFormat): string[] {
  return Object.entries(newIn[version]).flatMap(([prefix, keys]) => keys.split(' ').map((key) => `${prefix}${key}`));
}

/** Keys that the formats of today have by another name, or not at all. */
export const oldExamples: Record<string, KeyExample> = {
  'services.*.auto_up': {
    ...inService('auto_up: true'),
    says: "services.web.auto_up: additional properties 'auto_up' not allowed",
  },
  'services.*.volume_driver': {
    ...inService('volume_driver: flocker'),
    says: 'services.web.volume_driver: drivers of volumes',
  },
  'services.*.cgroupns_mode': { ...inService('cgroupns_mode: host'), says: 'services.web.cgroup: the node decides' },
  'volumes.*.x-cluster-spec': {
    ...inService('volumes: [data:/data]', '"claimName":"data"', 'volumes: {data: {x-cluster-spec: {group: a}}}\n'),
    says: 'volumes.data.x-cluster-spec: there are no cluster volumes',
  },
};
