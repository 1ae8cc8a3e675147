import { inProject, inService, type KeyExample } from './example.ts';

const hookExamples = (hook: string, field: string): Record<string, KeyExample> => ({
  [hook]: inService(`${hook}:\n  - command: [touch, /x]`, `"${field}":{"exec":{"command":["touch","/x"]}}`),
  [`${hook}[].command`]: inService(
    `${hook}:\n  - command: [touch, /x]\n  - command: [touch, "it's"]`,
    `"${field}":{"exec":{"command":["/bin/sh","-c","'touch' '/x' && 'touch' 'it'\\\\''s'"]}}`,
  ),
  [`${hook}[].user`]: {
    ...inService(`${hook}:\n  - command: [touch, /x]\n    user: root`),
    says: "container's own user",
  },
  [`${hook}[].privileged`]: {
    ...inService(`${hook}:\n  - command: [touch, /x]\n    privileged: true`),
    says: 'own privileges',
  },
  [`${hook}[].working_dir`]: inService(
    `${hook}:\n  - command: [touch, /x]\n    working_dir: /srv`,
    String.raw`["/bin/sh","-c","cd \"$0\" && exec \"$@\"","/srv","touch","/x"]`,
  ),
  [`${hook}[].environment`]: inService(
    `${hook}:\n  - command: [touch, /x]\n    environment: {A: b}`,
    `"command":["env","A=b","touch","/x"]`,
  ),
});

const preStart = (keys: string): string => `pre_start:\n  - command: [touch, /x]\n${keys && `    ${keys}`}`;

const preStartExamples: Record<string, KeyExample> = {
  pre_start: inService(`environment: {B: c}\n${preStart('')}`, '"initContainers":[{"name":"pre-start-0","image":"web"'),
  'pre_start[].command': inService(preStart(''), '"args":["touch","/x"]'),
  'pre_start[].image': inService(preStart('image: other'), '"name":"pre-start-0","image":"other"'),
  'pre_start[].user': inService(preStart('user: root'), '"runAsUser":0'),
  'pre_start[].privileged': inService(preStart('privileged: true'), '"privileged":true'),
  'pre_start[].working_dir': inService(preStart('working_dir: /srv'), '"workingDir":"/srv"'),
  'pre_start[].environment': inService(preStart('environment: {A: b}'), '"env":[{"name":"A","value":"b"}]'),
  'pre_start[].per_replica': inService(`scale: 2\n${preStart('per_replica: true')}`, '"name":"pre-start-0"'),
};

const fileExamples = (kind: 'secrets' | 'configs'): Record<string, KeyExample> => {
  const rest = `${kind}:\n  one:\n    file: ./one.txt\n`;
  const object = kind === 'secrets' ? 'secret' : 'configMap';
  const item = (keys: string): string => `${kind}:\n  - source: one\n    ${keys}`;
  const name = `one-${kind === 'secrets' ? 'secret' : 'config'}`;
  return {
    [kind]: inProject(`${kind}: [one]`, rest, `"${object}":{"name":"${name}"`),
    [`${kind}[].source`]: inProject(item('target: /etc/x'), rest, `"${object}":{"name":"${name}"`),
    [`${kind}[].target`]: inProject(item('target: /etc/x'), rest, '"mountPath":"/etc/x"'),
    [`${kind}[].uid`]: inProject(item('uid: "103"\n    mode: 0440'), rest, String.raw`\"uid\":103}`),
    [`${kind}[].gid`]: inProject(item('gid: "103"'), rest, String.raw`\"gid\":103}`),
    [`${kind}[].mode`]: inProject(item('mode: 0440'), rest, '"mode":288'),
  };
};

const gpuExamples = (prefix: string, wrap: (keys: string) => string): Record<string, KeyExample> => ({
  [prefix]: { ...inService(wrap('- driver: nvidia\n  capabilities: [gpu]\n  count: 2')), says: 'device plugin' },
  [`${prefix}[].capabilities`]: inService(wrap('- capabilities: [gpu]'), '"nvidia.com/gpu":"1"'),
  [`${prefix}[].count`]: inService(wrap('- capabilities: [gpu]\n  count: 3'), '"nvidia.com/gpu":"3"'),
  [`${prefix}[].device_ids`]: inService(
    wrap("- capabilities: [gpu]\n  device_ids: ['0', '3']"),
    '"nvidia.com/gpu":"2"',
  ),
  [`${prefix}[].driver`]: inService(wrap('- capabilities: [gpu]\n  driver: amd'), '"amd.com/gpu":"1"'),
  [`${prefix}[].options`]: inService(wrap('- capabilities: [gpu]\n  options: {a: b}')),
});

const prefixed = (prefix: string, examples: Record<string, KeyExample>): Record<string, KeyExample> =>
  Object.fromEntries(Object.entries(examples).map(([key, example]) => [`${prefix}${key}`, example]));

const net = (keys: string): string => `networks:\n  back:\n    ${keys}`;
const back = 'networks:\n  back:\n';
const health = (keys: string): string => `healthcheck:\n  test: [CMD, ok]\n  ${keys}`;
const db = '  db:\n    image: db\n';

export const serviceExamples: Record<string, KeyExample> = prefixed('services.*.', {
  annotations: inService('annotations: {a: b}', '"annotations":{"a":"b",'),
  attach: inService('attach: false', '"attach":false'),
  blkio_config: inService(
    'blkio_config: {device_read_bps: [{path: /dev/sda, rate: 1mb}]}',
    String.raw`\"deviceRates\":{\"read_bps\":[{\"path\":\"/dev/sda\",\"rate\":1048576}]}`,
  ),
  ...Object.fromEntries(
    ['weight: 300', 'weight_device: [{path: /dev/sda, weight: 400}]'].flatMap((text) => {
      const example = { ...inService(`blkio_config: {${text}}`), says: 'services.web.blkio_config.weight' };
      const [key = ''] = text.split(':');
      const inner = key === 'weight' ? [] : ['path', 'weight'];
      return [key, ...inner.map((name) => `${key}[].${name}`)].map((name) => [`blkio_config.${name}`, example]);
    }),
  ),
  ...Object.fromEntries(
    ['read_bps', 'read_iops', 'write_bps', 'write_iops'].flatMap((limit) => {
      const shows = String.raw`\"deviceRates\":{\"${limit}\":[{\"path\":\"/dev/sda\",\"rate\":7}]}`;
      const example = inService(`blkio_config: {device_${limit}: [{path: /dev/sda, rate: 7}]}`, shows);
      return ['', '[].path', '[].rate'].map((key) => [`blkio_config.device_${limit}${key}`, example]);
    }),
  ),
  cap_add: inService('cap_add: [CAP_NET_ADMIN]', '"add":["NET_ADMIN"]'),
  cap_drop: inService('cap_drop: [all]', '"drop":["ALL"]'),
  cgroup: inService('cgroup: host'),
  cgroup_parent: inService('cgroup_parent: m-executor'),
  command: inService('command: echo "a b" $$(x)', '"args":["echo","a b","$$(x)"]'),
  ...fileExamples('configs'),
  container_name: inService('container_name: shop', '"name":"shop","labels"'),
  cpu_count: inService('cpu_count: 2', '"limits":{"cpu":"2"}'),
  cpu_percent: inService('cpu_percent: 50'),
  cpu_shares: inService('cpu_shares: 512', '"requests":{"cpu":"500m"}'),
  cpu_quota: inService('cpu_quota: 50000', '"limits":{"cpu":"500m"}'),
  cpu_period: inService('cpu_quota: 50000\ncpu_period: 25000', '"limits":{"cpu":"2"}'),
  cpu_rt_period: inService("cpu_rt_period: '1400'"),
  cpu_rt_runtime: inService("cpu_rt_runtime: '400'"),
  cpus: inService('cpus: 0.25', '"limits":{"cpu":"250m"}'),
  cpuset: inService('cpuset: 0,1', String.raw`\"cpuset\":\"0,1\"`),
  credential_spec: inService('credential_spec: {file: x.json}'),
  ...Object.fromEntries(
    ['config', 'file', 'registry'].map((key) => [
      `credential_spec.${key}`,
      { ...inService(`credential_spec: {${key}: x}`), says: 'services.web.credential_spec: ' },
    ]),
  ),
  depends_on: inService('depends_on: [db]', '"start":[["web","db","service_started",true]]', db),
  'depends_on.*.restart': inService(
    'depends_on: {db: {condition: service_started, restart: true}}',
    '"restartWith":["web"]',
    db,
  ),
  'depends_on.*.required': inService(
    'depends_on: {db: {condition: service_started, required: false}}',
    '"start":[["web","db","service_started",false]]',
    db,
  ),
  'depends_on.*.condition': inService(
    'depends_on: {db: {condition: service_completed_successfully}}',
    ['"start":[["web","db","service_completed_successfully",true]]', '"kind":"Job","metadata":{"name":"db"'],
    db,
  ),
  device_cgroup_rules: inService("device_cgroup_rules: ['c 1:3 mr']"),
  devices: { ...inService("devices: ['/dev/fuse:/dev/fuse']"), says: 'privileged: true' },
  'devices[].source': inService("privileged: true\ndevices: ['/dev/fuse:/dev/x']", '"hostPath":{"path":"/dev/fuse"}'),
  'devices[].target': inService("privileged: true\ndevices: ['/dev/fuse:/dev/x']", '"mountPath":"/dev/x"'),
  'devices[].permissions': inService("privileged: true\ndevices: ['/dev/fuse:/dev/x:r']", '"mountPath":"/dev/x"}'),
  dns: { ...inService('dns: 9.9.9.9', '"nameservers":["9.9.9.9"]'), says: 'services.web.dns' },
  dns_opt: inService('dns_opt: [use-vc, ndots:2]', '"options":[{"name":"use-vc"},{"name":"ndots","value":"2"}]'),
  dns_search: inService('dns_search: example.com', '"searches":["example.com"]'),
  domainname: inService('domainname: example.com'),
  entrypoint: inService('entrypoint: [/run, "$${X}"]', '"command":["/run","${X}"]'),
  env_file: inService('env_file: web.env', '{"name":"FROM_FILE","value":"a b"}'),
  'env_file[].path': inService('env_file:\n  - path: web.env', '{"name":"FROM_FILE","value":"a b"}'),
  'env_file[].format': inService(
    'env_file:\n  - path: web.env\n    format: raw',
    String.raw`{"name":"FROM_FILE","value":"\"a b\""}`,
  ),
  'env_file[].required': inService('env_file:\n  - path: none.env\n    required: false', '"image":"web"'),
  label_file: inService('label_file: label.env', '"annotations":{"tier":"front",'),
  environment: inService(
    'environment: {A: "$$(B)", EMPTY: "", UNSET: }',
    '"env":[{"name":"A","value":"$$(B)"},{"name":"EMPTY","value":""}]',
  ),
  expose: inService(
    "expose: ['8000-8001', 53/udp]",
    '"ports":[{"containerPort":8000,"protocol":"TCP"},{"containerPort":8001,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}]',
  ),
  extends: inService('extends: base', '"workingDir":"/base"', '  base:\n    image: base\n    working_dir: /base\n'),
  'extends.service': inService(
    'extends: {service: base}',
    '"workingDir":"/base"',
    '  base:\n    image: base\n    working_dir: /base\n',
  ),
  'extends.file': inService('extends: {service: base, file: other.yaml}', '"workingDir":"/other"'),
  provider: { file: 'services:\n  web:\n    provider: {type: x}\n' },
  'provider.type': { file: 'services:\n  web:\n    provider: {type: x}\n', says: 'services.web.provider: ' },
  'provider.options': {
    file: 'services:\n  web:\n    provider: {type: x, options: {a: b}}\n',
    says: 'services.web.provider: ',
  },
  external_links: inService('external_links: [redis]'),
  extra_hosts: inService(
    "extra_hosts: ['a=10.0.0.1', 'b:10.0.0.1', 'me:host-gateway']",
    '"hostAliases":[{"ip":"10.0.0.1","hostnames":["a","b"]},{"ip":"10.89.0.1","hostnames":["me"]}]',
  ),
  ...gpuExamples('gpus', (keys) => `gpus:\n${keys.replace(/^/gm, '  ')}`),
  group_add: inService("group_add: ['1000']", '"supplementalGroups":[1000]'),
  healthcheck: inService('healthcheck: {test: curl -f localhost}', '"command":["/bin/sh","-c","curl -f localhost"]'),
  'healthcheck.disable': inService(health('disable: true'), '"disable":true'),
  'healthcheck.interval': inService(health('interval: 7s'), '"periodSeconds":7'),
  'healthcheck.retries': inService(health('retries: 9'), '"failureThreshold":9'),
  'healthcheck.test': inService(
    'healthcheck: {test: [CMD, redis-cli, ping]}',
    '"readinessProbe":{"exec":{"command":["redis-cli","ping"]}',
  ),
  'healthcheck.timeout': inService(health('timeout: 1500ms'), '"timeoutSeconds":2'),
  'healthcheck.start_period': inService(health('start_period: 40s'), ['"periodSeconds":5', '"patienceMs":220000']),
  'healthcheck.start_interval': inService(health('start_period: 40s\n  start_interval: 2s'), '"periodSeconds":2'),
  hostname: inService('hostname: shop', '"hostname":"shop"'),
  image: inService('working_dir: /x', '"image":"web"'),
  init: inService('init: true', '"shareProcessNamespace":true'),
  ipc: inService('ipc: host', '"hostIPC":true'),
  isolation: inService('isolation: hyperv'),
  labels: inService(
    'labels: {traefik.http.routers.x.rule: Host(`a`)}',
    '"annotations":{"traefik.http.routers.x.rule":"Host(`a`)",',
  ),
  links: inService("links: ['db:database']", '"name":"database","labels"', db),
  logging: inService('logging: {driver: local}', '"logging":{"driver":"local"}'),
  'logging.driver': inService('logging: {driver: gelf}'),
  'logging.options': inService('logging: {driver: json-file, options: {max-size: 10m}}'),
  mac_address: inService("mac_address: '02:42:ac:11:65:43'"),
  mem_limit: inService('mem_limit: 64m', '"limits":{"memory":"67108864"},"requests":{"memory":"0"}'),
  mem_reservation: inService('mem_reservation: 32m', '"requests":{"memory":"33554432"}'),
  mem_swappiness: inService('mem_swappiness: 10'),
  memswap_limit: { ...inService('mem_limit: 64m\nmemswap_limit: 128m'), says: 'services.web.memswap_limit' },
  models: inProject('models: [llm]', 'models:\n  llm:\n    model: ai/x\n'),
  'models.*.endpoint_var': {
    ...inProject('models: {llm: {endpoint_var: URL}}', 'models:\n  llm:\n    model: ai/x\n'),
    says: 'services.web.models: ',
  },
  'models.*.model_var': {
    ...inProject('models: {llm: {model_var: M}}', 'models:\n  llm:\n    model: ai/x\n'),
    says: 'services.web.models: ',
  },
  network_mode: { ...inService('network_mode: host', '"hostNetwork":true'), says: 'services.web.network_mode' },
  networks: inProject('networks: [back]', back, '"network.compose.timonel.dev/app-back":"true"'),
  'networks.*.aliases': inProject(net('aliases: [shop]'), back, '"name":"shop","labels"'),
  'networks.*.interface_name': inProject(net('interface_name: eth7'), back),
  'networks.*.ipv4_address': {
    ...inProject(
      net('ipv4_address: 172.16.1.9'),
      'networks:\n  back:\n    ipam: {config: [{subnet: 172.16.0.0/16}]}\n',
      '"timonel.dev/addresses":"172.16.1.9"',
    ),
    says: 'networks.back.ipam.config[0].subnet: is where ipv4_address lies',
  },
  'networks.*.ipv6_address': inProject(net("ipv6_address: '2001:db8::9'"), back),
  'networks.*.link_local_ips': inProject(net('link_local_ips: [57.123.22.11]'), back),
  'networks.*.mac_address': inProject(net("mac_address: '02:42:ac:11:65:43'"), back),
  'networks.*.driver_opts': inProject(net('driver_opts: {a: b}'), back),
  'networks.*.priority': inProject(net('priority: 5'), back, '"priority":5'),
  'networks.*.gw_priority': inProject(net('gw_priority: 5'), back, '"gw_priority":5'),
  oom_kill_disable: inService('oom_kill_disable: true'),
  oom_score_adj: inService('oom_score_adj: 100', String.raw`\"oomScoreAdj\":100`),
  pid: inService('pid: host', '"hostPID":true'),
  pids_limit: inService('pids_limit: 10', String.raw`\"pidsLimit\":10`),
  platform: {
    ...inService('platform: linux/arm64', '"nodeSelector":{"kubernetes.io/os":"linux","kubernetes.io/arch":"arm64"}'),
    says: 'services.web.platform',
  },
  ports: inService("ports: ['8080:80']", ['"type":"LoadBalancer"', '"port":8080,"targetPort":80']),
  'ports[].name': inService('ports: [{name: Web, target: 80, published: 8080}]', '"name":"web","port":8080'),
  'ports[].mode': inService('ports: [{mode: host, target: 80, published: 8080}]', '"type":"LoadBalancer"'),
  'ports[].host_ip': inService("ports: ['127.0.0.1:8080:80']", '"timonel.dev/host-ports":"127.0.0.1:8080:8080"'),
  'ports[].target': inService('ports: [80]', ['"type":"NodePort"', '"port":80,"targetPort":80']),
  'ports[].published': inService("ports: ['8080-8081:80-81']", '"port":8081,"targetPort":81'),
  'ports[].protocol': inService("ports: ['53:53/udp']", '"port":53,"targetPort":53,"protocol":"UDP"'),
  'ports[].app_protocol': inService(
    'ports: [{target: 80, published: 8080, app_protocol: http}]',
    '"appProtocol":"http"',
  ),
  ...preStartExamples,
  ...hookExamples('post_start', 'postStart'),
  ...hookExamples('pre_stop', 'preStop'),
  privileged: inService('privileged: true', '"privileged":true'),
  profiles: {
    file: 'services:\n  web:\n    image: web\n  debug:\n    image: debug\n    profiles: [d]\n',
    shows: '"disabled":{"debug":',
  },
  pull_policy: inService('pull_policy: always', '"imagePullPolicy":"Always"'),
  pull_refresh_after: inService('pull_policy: missing\npull_refresh_after: 1d'),
  read_only: inService('read_only: true', '"readOnlyRootFilesystem":true'),
  restart: inService("restart: 'no'", '"kind":"Job"'),
  runtime: { ...inService('runtime: kata', '"runtimeClassName":"kata"'), says: 'services.web.runtime' },
  scale: inService('scale: 3', '"replicas":3'),
  security_opt: inService(
    "security_opt: ['no-new-privileges:true', 'seccomp=unconfined']",
    '"allowPrivilegeEscalation":false,"seccompProfile":{"type":"Unconfined"}',
  ),
  shm_size: inService('shm_size: 64m', [
    '"emptyDir":{"medium":"Memory","sizeLimit":"67108864"}',
    '"mountPath":"/dev/shm"',
  ]),
  ...fileExamples('secrets'),
  sysctls: inService('sysctls: {net.core.somaxconn: 1024}', '"sysctls":[{"name":"net.core.somaxconn","value":"1024"}]'),
  stdin_open: inService('stdin_open: true', '"stdin":true'),
  stop_grace_period: inService('stop_grace_period: 1m30s', '"terminationGracePeriodSeconds":90'),
  stop_signal: inService('stop_signal: SIGQUIT', '"preStop":{"exec":{"command":["/bin/sh","-c","kill -s QUIT 1;'),
  storage_opt: inService('storage_opt: {size: 1G}'),
  tmpfs: inService('tmpfs: /run:size=64m', '"emptyDir":{"medium":"Memory","sizeLimit":"67108864"}'),
  tty: inService('tty: true', '"tty":true'),
  ulimits: inService('ulimits: {nproc: 65535}', String.raw`\"nproc\":{\"soft\":65535,\"hard\":65535}`),
  'ulimits.*.hard': inService('ulimits: {nofile: {soft: 1, hard: 2}}', String.raw`\"hard\":2}`),
  'ulimits.*.soft': inService('ulimits: {nofile: {soft: 1, hard: 2}}', String.raw`\"soft\":1,`),
  use_api_socket: inService('use_api_socket: true'),
  user: inService("user: '1000:1001'", '"runAsUser":1000,"runAsGroup":1001'),
  uts: inService('uts: host'),
  userns_mode: inService('userns_mode: keep-id'),
  volumes: inProject('volumes: [data:/data]', 'volumes:\n  data:\n', [
    '"persistentVolumeClaim":{"claimName":"data"}',
    '"mountPath":"/data"',
  ]),
  'volumes[].type': inService('volumes: [{type: tmpfs, target: /x}]', '"emptyDir":{"medium":"Memory"}'),
  'volumes[].source': inService('volumes: [./one.txt:/x]', '"hostPath":{"path":"/app/one.txt","type":""}'),
  'volumes[].target': inService('volumes: [/x]', '"mountPath":"/x"'),
  'volumes[].read_only': inService('volumes: [./one.txt:/x:ro]', '"readOnly":true'),
  'volumes[].consistency': inService('volumes: [./one.txt:/x:cached]', '"consistency":"cached"'),
  'volumes[].bind': inService('volumes: [./dir:/x]', '"hostPath":{"path":"/app/dir","type":"DirectoryOrCreate"}'),
  'volumes[].bind.propagation': inService('volumes: [./dir:/x:rslave]', '"mountPropagation":"HostToContainer"'),
  'volumes[].bind.create_host_path': inService(
    'volumes: [{type: bind, source: ./dir, target: /x, bind: {create_host_path: false}}]',
    '"type":"Directory"',
  ),
  'volumes[].bind.recursive': inService(
    'volumes: [{type: bind, source: ./dir, target: /x, bind: {recursive: disabled}}]',
  ),
  'volumes[].bind.selinux': { ...inService('volumes: [./dir:/x:z]'), says: 'SELinux label' },
  'volumes[].volume': inProject(
    'volumes: [{type: volume, source: data, target: /x}]',
    'volumes:\n  data:\n',
    '"claimName":"data"',
  ),
  'volumes[].volume.labels': inService(
    'volumes: [{type: volume, target: /x, volume: {labels: {a: b}}}]',
    '"labels":{"a":"b"}',
  ),
  'volumes[].volume.nocopy': inService(
    'volumes: [{type: volume, target: /x, volume: {nocopy: true}}]',
    '"nocopy":true',
  ),
  'volumes[].volume.subpath': inProject(
    'volumes: [{type: volume, source: data, target: /x, volume: {subpath: a/b}}]',
    'volumes:\n  data:\n',
    '"subPath":"a/b"',
  ),
  'volumes[].tmpfs': inService('volumes: [{type: tmpfs, target: /x, tmpfs: {size: 1k}}]', '"sizeLimit":"1024"'),
  'volumes[].tmpfs.size': inService('volumes: [{type: tmpfs, target: /x, tmpfs: {size: 1k}}]', '"sizeLimit":"1024"'),
  'volumes[].tmpfs.mode': inService('volumes: [{type: tmpfs, target: /x, tmpfs: {mode: 0700}}]', '"mode":448'),
  'volumes[].image': inService('volumes: [{type: image, source: x, target: /x}]', '"image":{"reference":"x"}'),
  'volumes[].image.subpath': inService(
    'volumes: [{type: image, source: x, target: /x, image: {subpath: a}}]',
    '"subPath":"a"',
  ),
  volumes_from: inProject(
    'volumes_from: [db:ro]',
    '  db:\n    image: db\n    volumes: [data:/data]\nvolumes:\n  data:\n',
    '"mountPath":"/data","readOnly":true',
  ),
  working_dir: inService('working_dir: /srv', '"workingDir":"/srv"'),
});

const deploy = (keys: string, shows?: KeyExample['shows']): KeyExample => inService(`deploy:\n  ${keys}`, shows);
const update = (keys: string, shows?: KeyExample['shows']): KeyExample =>
  deploy(`replicas: 4\n  update_config:\n    ${keys}`, shows);
const rollback = (keys: string): KeyExample => ({
  ...deploy(`rollback_config:\n    ${keys}`),
  says: 'services.web.deploy.rollback_config: ',
});

export const deployExamples: Record<string, KeyExample> = prefixed('services.*.deploy', {
  '': deploy('replicas: 2', '"replicas":2'),
  '.mode': deploy('mode: global', '"kind":"DaemonSet"'),
  '.endpoint_mode': inService(
    'expose: [80]\ndeploy: {endpoint_mode: vip}',
    '"ports":[{"name":"tcp-80","port":80,"targetPort":80,"protocol":"TCP"}]}',
  ),
  '.replicas': deploy('replicas: 2', '"replicas":2'),
  '.labels': deploy('labels: {a: b}', '"annotations":{"a":"b"}'),
  '.rollback_config': rollback('parallelism: 2'),
  '.rollback_config.parallelism': rollback('parallelism: 2'),
  '.rollback_config.delay': rollback('delay: 1s'),
  '.rollback_config.failure_action': rollback('failure_action: pause'),
  '.rollback_config.monitor': rollback('monitor: 1s'),
  '.rollback_config.max_failure_ratio': rollback('max_failure_ratio: 0.5'),
  '.rollback_config.order': rollback('order: stop-first'),
  '.update_config': update('parallelism: 2', '"rollingUpdate":{"maxSurge":0,"maxUnavailable":2}'),
  '.update_config.parallelism': update('parallelism: 0', '"strategy":{"type":"Recreate"}'),
  '.update_config.delay': update('delay: 10s', '"minReadySeconds":10'),
  '.update_config.failure_action': update('failure_action: rollback', '"timonel.dev/update-failure-action":"rollback"'),
  '.update_config.monitor': update('monitor: 30s', '"progressDeadlineSeconds":630'),
  '.update_config.max_failure_ratio': { ...update('max_failure_ratio: 0.3'), says: 'update_config.max_failure_ratio' },
  '.update_config.order': update('order: start-first', '"rollingUpdate":{"maxSurge":1,"maxUnavailable":0}'),
  '.resources': deploy('resources: {limits: {cpus: 0.5}}', '"limits":{"cpu":"500m"},"requests":{"cpu":"0"}'),
  '.resources.limits': deploy('resources: {limits: {cpus: 0.5}}', '"limits":{"cpu":"500m"}'),
  '.resources.limits.cpus': deploy('resources: {limits: {cpus: 0.5}}', '"limits":{"cpu":"500m"}'),
  '.resources.limits.memory': deploy('resources: {limits: {memory: 1k}}', '"limits":{"memory":"1024"}'),
  '.resources.limits.pids': deploy('resources: {limits: {pids: 5}}', String.raw`\"pidsLimit\":5`),
  '.resources.reservations': deploy('resources: {reservations: {cpus: 0.5}}', '"requests":{"cpu":"500m"}'),
  '.resources.reservations.cpus': deploy('resources: {reservations: {cpus: 0.5}}', '"requests":{"cpu":"500m"}'),
  '.resources.reservations.memory': deploy('resources: {reservations: {memory: 1k}}', '"requests":{"memory":"1024"}'),
  ...Object.fromEntries(
    ['', '[].discrete_resource_spec', '[].discrete_resource_spec.kind', '[].discrete_resource_spec.value'].map(
      (key) => [
        `.resources.reservations.generic_resources${key}`,
        {
          ...deploy(
            'resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: ssd, value: 2}}]}}',
          ),
          says: 'generic_resources: nodes tell',
        },
      ],
    ),
  ),
  ...gpuExamples(
    '.resources.reservations.devices',
    (keys) => `deploy:\n  resources:\n    reservations:\n      devices:\n${keys.replace(/^/gm, '        ')}`,
  ),
  '.restart_policy': deploy('restart_policy: {condition: none}', '"kind":"Job"'),
  '.restart_policy.condition': deploy('restart_policy: {condition: none}', '"restartPolicy":"Never"'),
  '.restart_policy.delay': deploy('restart_policy: {delay: 5s}'),
  '.restart_policy.max_attempts': deploy(
    'mode: replicated-job\n  restart_policy: {condition: on-failure, max_attempts: 3}',
    '"backoffLimit":3',
  ),
  '.restart_policy.window': deploy('restart_policy: {window: 5s}'),
  '.placement': deploy(
    'placement: {constraints: [node.hostname == a]}',
    '{"key":"kubernetes.io/hostname","operator":"In","values":["a"]}',
  ),
  '.placement.constraints': deploy(
    'placement: {constraints: [node.role != manager, node.labels.disk==ssd]}',
    '[{"key":"node-role.kubernetes.io/control-plane","operator":"DoesNotExist"},{"key":"disk","operator":"In","values":["ssd"]}]',
  ),
  '.placement.preferences': deploy('placement: {preferences: [{spread: node.labels.zone}]}', '"topologyKey":"zone"'),
  '.placement.preferences[].spread': deploy(
    'placement: {preferences: [{spread: node.labels.zone}]}',
    '"topologyKey":"zone"',
  ),
  '.placement.max_replicas_per_node': deploy('placement: {max_replicas_per_node: 1}', '"podAntiAffinity"'),
});
