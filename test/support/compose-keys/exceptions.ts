import { inBuild, inService, type KeyExample } from './example.ts';

/** Values of keys that are honoured otherwise than the key's others, or not: what the key table says after `but`. */
export interface KeyException extends KeyExample {
  /** On another cluster than this machine's. */
  isElsewhere?: boolean;
}

function said(keys: string, says: string, rest = ''): KeyException {
  return { ...inService(keys, undefined, rest), says };
}

function elsewhere(keys: string, says: string, rest = ''): KeyException {
  return { ...said(keys, says, rest), isElsewhere: true };
}

const noField = "pods have no field for it, and this cluster's nodes do not know the annotation";
const limit = (keys: string, key: string): KeyException => elsewhere(keys, `services.web.${key}: ${noField}`);
const rate = (name: string): Record<string, KeyException> => {
  const exception = limit(`blkio_config:\n  ${name}: [{path: /dev/sda, rate: 1mb}]`, 'blkio_config');
  const key = `services.*.blkio_config.${name}`;
  return { [key]: exception, [`${key}[].path`]: exception, [`${key}[].rate`]: exception };
};

const owned = (kind: 'secrets' | 'configs', mode: string, says: string): KeyException =>
  elsewhere(
    `${kind}:\n  - {source: one, uid: "103", gid: "103", mode: ${mode}}`,
    says,
    `${kind}: {one: {file: one.txt}}\n`,
  );
const warnedOwner = (kind: 'secrets' | 'configs'): KeyException =>
  owned(kind, '0444', `services.web.${kind}[0].uid: files belong to root; everybody may read this one`);
const refusedOwner = (kind: 'secrets' | 'configs'): KeyException =>
  owned(kind, '0440', `services.web.${kind}[0].uid: files belong to root, and mode does not let others read this one`);

const gpu = (prefix: string, wrap: (keys: string) => string): Record<string, KeyException> => ({
  [`${prefix}[].count`]: said(wrap('- {capabilities: [gpu], count: all}'), 'becomes a limit of 1 nvidia.com/gpu'),
  [`${prefix}[].device_ids`]: said(
    wrap("- {capabilities: [gpu], device_ids: ['3']}"),
    'becomes a limit of 1 nvidia.com/gpu: a node needs its device plugin for that',
  ),
});

const joined = '  db:\n    image: db\n';
const shared = (key: string): KeyException =>
  elsewhere(
    `${key}: service:db`,
    `services.web.${key}: a pod of another cluster shares nothing with the pods of db`,
    joined,
  );

export const keyExceptions: Record<string, KeyException> = {
  ...rate('device_read_bps'),
  ...rate('device_read_iops'),
  ...rate('device_write_bps'),
  ...rate('device_write_iops'),
  'services.*.blkio_config': limit('blkio_config:\n  device_read_bps: [{path: /dev/sda, rate: 1mb}]', 'blkio_config'),
  'services.*.command': said('command: []', "services.web.command: clears the image's command"),
  'services.*.entrypoint': said('entrypoint: []', "services.web.entrypoint: clears the image's entrypoint"),
  'services.*.configs[].uid': warnedOwner('configs'),
  'services.*.configs[].gid': refusedOwner('configs'),
  'services.*.secrets[].uid': warnedOwner('secrets'),
  'services.*.secrets[].gid': refusedOwner('secrets'),
  'services.*.cpuset': limit('cpuset: "0"', 'cpuset'),
  'services.*.pids_limit': limit('pids_limit: 50', 'pids_limit'),
  'services.*.oom_score_adj': said(
    'oom_score_adj: -5',
    'services.web.oom_score_adj: a node must be able to save itself',
  ),
  'services.*.pre_start[].user': said(
    'pre_start: [{command: [touch, /x], user: me}]',
    'services.web.pre_start[0].user: the numbers of me stand in the image',
  ),
  'services.*.pre_start[].per_replica': said(
    'scale: 2\npre_start: [{command: [touch, /x]}]',
    'services.web.pre_start[0]: runs before each container of the service',
  ),
  'services.*.ulimits': limit('ulimits: {nofile: 300}', 'ulimits'),
  'services.*.ulimits.*.soft': limit('ulimits: {nofile: {soft: 200, hard: 300}}', 'ulimits'),
  'services.*.ulimits.*.hard': limit('ulimits: {nofile: {soft: 200, hard: 300}}', 'ulimits'),
  'services.*.deploy.resources.limits.pids': limit(
    'deploy: {resources: {limits: {pids: 50}}}',
    'deploy.resources.limits.pids',
  ),
  'services.*.devices': said(
    'devices: [/dev/fuse]',
    'services.web.devices[0]: a container gets devices of the node only with',
  ),
  'services.*.extra_hosts': elsewhere('extra_hosts: [a:host-gateway]', 'services.web.extra_hosts[0]: '),
  ...gpu('services.*.gpus', (keys) => `gpus:\n  ${keys}`),
  ...gpu(
    'services.*.deploy.resources.reservations.devices',
    (keys) => `deploy:\n  resources:\n    reservations:\n      devices:\n        ${keys}`,
  ),
  'services.*.group_add': elsewhere('group_add: [audio]', `services.web.group_add: ${noField}`),
  'services.*.user': elsewhere('user: www-data', 'services.web.user: the numbers of www-data stand in the image'),
  'services.*.hostname': said(
    'hostname: Web.Example.org',
    'services.web.hostname: is web in a pod: lower case, without a domain',
  ),
  'services.*.ipc': shared('ipc'),
  'services.*.pid': shared('pid'),
  'services.*.network_mode': shared('network_mode'),
  'services.*.networks.*.ipv4_address': elsewhere(
    'networks: {back: {ipv4_address: 10.77.0.5}}',
    'services.web.networks.back.ipv4_address: ',
    'networks: {back: {ipam: {config: [{subnet: 10.77.0.0/24}]}}}\n',
  ),
  'services.*.ports[].host_ip': said(
    'ports: ["[::1]:80:80"]',
    'services.web.ports[0]: ports are published on addresses of IPv4',
  ),
  'services.*.ports[].published': inService('ports: ["80"]', '"type":"NodePort"'),
  'services.*.pull_policy': said(
    'pull_policy: every_12h',
    'services.web.pull_policy: nodes do not know the age of an image',
  ),
  'services.*.restart': inService('restart: "no"', '"kind":"Job"'),
  'services.*.security_opt': said(
    'security_opt: [seccomp:p.json]',
    'services.web.security_opt[0]: there is no field of a pod for',
  ),
  'services.*.sysctls': inService('sysctls: {kernel.msgmax: 9000}', '"name":"kernel.msgmax","value":"9000"'),
  'services.*.stop_signal': said(
    'init: true\nstop_signal: SIGINT',
    'services.web.stop_signal: cannot be sent beside `init`',
  ),
  'services.*.tmpfs': said('tmpfs: ["/run:uid=5"]', 'memory volumes have no options uid'),
  'services.*.volumes[].type': said(
    'volumes: [{type: npipe, source: x, target: /x}]',
    'services.web.volumes[0]: there are no mounts of type npipe in a pod here',
  ),
  'services.*.volumes[].source': said(
    'volumes: [/var/run/docker.sock:/var/run/docker.sock]',
    'nodes have no Docker daemon to talk to',
  ),
  'services.*.volumes_from': said(
    'volumes_from: [container:other]',
    'services.web.volumes_from[0]: container other is of no service',
  ),
  'services.*.deploy.mode': said(
    'deploy: {mode: global-job}',
    'services.web.deploy.mode: a Job does not run on every node',
  ),
  'services.*.deploy.endpoint_mode': said(
    'deploy: {endpoint_mode: vip}',
    'services.web.deploy.endpoint_mode: a virtual address has ports: name them with `expose`',
  ),
  'services.*.deploy.update_config.failure_action': said(
    'deploy: {update_config: {failure_action: continue}}',
    'services.web.deploy.update_config.failure_action: an update that fails stops',
  ),
  'services.*.deploy.restart_policy.max_attempts': said(
    'deploy: {restart_policy: {condition: any, max_attempts: 3}}',
    'services.web.deploy.restart_policy.max_attempts: is of failures (on-failure)',
  ),
  'services.*.deploy.placement.constraints': said(
    'deploy: {placement: {constraints: [engine.labels.x == y]}}',
    'services.web.deploy.placement.constraints[0]: ',
  ),
  'services.*.deploy.placement.max_replicas_per_node': said(
    'deploy: {placement: {max_replicas_per_node: 2}}',
    'services.web.deploy.placement.max_replicas_per_node: ',
  ),
  'services.*.build.context': {
    file: inBuild('').file.replace('context: .', 'context: https://example.org/app.git'),
    says: 'services.web.build.context: ',
  },
  'services.*.build.additional_contexts': {
    ...inBuild('additional_contexts: {base: docker-image://busybox}'),
    says: 'services.web.build.additional_contexts.base: docker-image://busybox is no directory',
  },
  'networks.*.driver': said(
    'networks: [back]',
    "networks.back.driver: pods have the cluster's network",
    'networks: {back: {driver: macvlan}}\n',
  ),
  'volumes.*.name': said(
    'volumes: ["data:/d"]',
    'volumes.data.name: a volume is of its project alone',
    'volumes: {data: {name: other}}\n',
  ),
  'volumes.*.driver': said('volumes: ["data:/d"]', 'volumes.data.driver: ', 'volumes: {data: {driver: rexray}}\n'),
  'volumes.*.driver_opts': said(
    'volumes: ["data:/d"]',
    'volumes.data.driver_opts: volumes have no options foo',
    'volumes: {data: {driver_opts: {foo: bar}}}\n',
  ),
};
