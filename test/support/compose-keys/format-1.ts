import type { KeyExample } from './example.ts';
import { serviceExamples } from './service-examples.ts';

/** The keys of a service in format 1 (docker-compose 1.x, "Compose file version 1 reference"). */
export const format1Keys: readonly string[] = (
  'auto_up build cap_add cap_drop cgroup_parent command container_name cpu_quota cpu_shares cpuset devices dns ' +
  'dns_search dockerfile domainname entrypoint env_file environment expose extends extends.file extends.service ' +
  'external_links extra_hosts hostname image ipc labels links log_driver log_opt mac_address mem_limit mem_swappiness ' +
  'memswap_limit net pid ports privileged read_only restart security_opt shm_size stdin_open stop_signal tty ulimits ' +
  'ulimits.*.hard ulimits.*.soft user volume_driver volumes volumes_from working_dir'
).split(' ');

const web = (keys: string, rest = ''): string => `web:\n  image: web\n${keys.replace(/^/gm, '  ')}\n${rest}`;
const db = 'db:\n  image: db\n  volumes: ["data:/data:ro"]\n';

/** Of keys whose example is another one than today's. */
const own: Record<string, KeyExample> = {
  auto_up: { file: web('auto_up: true'), says: "services.web.auto_up: additional properties 'auto_up' not allowed" },
  build: { file: 'web:\n  build: ./web\n', shows: '"names":["app-web"],"context":"/app/web"' },
  dockerfile: {
    file: 'web:\n  build: .\n  dockerfile: Other\n',
    shows: '"dockerfile":"Other"',
    says: '`dockerfile` is deprecated, use `build.dockerfile`',
  },
  log_driver: { file: web('log_driver: gelf'), says: 'services.web.logging.driver: logs are kept by the node' },
  log_opt: {
    file: web('log_driver: json-file\nlog_opt: {max-size: 10m}'),
    shows: '"options":{"max-size":"10m"}',
    says: 'services.web.logging.options: ',
  },
  net: {
    file: web('net: container:db', db),
    shows: '"network_mode":"service:db"',
    says: '`net` is deprecated, use `network_mode`',
  },
  volume_driver: { file: web('volume_driver: flocker'), says: 'services.web.volume_driver: drivers of volumes' },
  volumes: { file: web('volumes: ["data:/data"]'), shows: ['"claimName":"data"', '"mountPath":"/data"'] },
  volumes_from: { file: web('volumes_from: [db]', db), shows: '"mountPath":"/data","readOnly":true' },
};

/** Today's example without `services:`, which format 1 does not have. */
function asFormat1(example: KeyExample | undefined): KeyExample {
  if (!example) throw new Error('there is no example');
  return { ...example, file: example.file.replace(/^services:\n/, '').replace(/^ {2}/gm, '') };
}

export const format1Examples: Record<string, KeyExample> = Object.fromEntries(
  format1Keys.map((key) => [key, own[key] ?? asFormat1(serviceExamples[`services.*.${key}`])]),
);
