import { inBuild, inProject, inService, type KeyExample } from './example.ts';

const watch = (keys: string, shows: string): KeyExample =>
  inService(`develop:\n  watch:\n    - path: ./src\n      ${keys.replaceAll('\n', '\n      ')}`, shows);
const syncExec = (keys: string): string => `action: sync+exec\ntarget: /src\nexec:\n  command: [make]\n  ${keys}`;

export const developExamples: Record<string, KeyExample> = {
  'services.*.develop': watch('action: rebuild', '"changes":{"/app/src/a.ts":{"kind":"rebuild"}'),
  'services.*.develop.watch': watch('action: rebuild', '"changes":{"/app/src/a.ts":{"kind":"rebuild"}'),
  'services.*.develop.watch[].path': watch('action: restart', '"/app/src/a.ts":{"kind":"restart"}'),
  'services.*.develop.watch[].action': watch(
    'action: sync+restart\ntarget: /t',
    '{"kind":"sync","target":"/t/a.ts","after":"restart"}',
  ),
  'services.*.develop.watch[].target': watch(
    'action: sync\ntarget: /t',
    '"/app/src/a.ts":{"kind":"sync","target":"/t/a.ts"}',
  ),
  'services.*.develop.watch[].ignore': watch(
    'action: rebuild\nignore: [node_modules/]',
    '"changes":{"/app/src/a.ts":{"kind":"rebuild"}}',
  ),
  'services.*.develop.watch[].include': watch(
    'action: rebuild\ninclude: ["*.ts"]',
    '"changes":{"/app/src/a.ts":{"kind":"rebuild"}}',
  ),
  'services.*.develop.watch[].initial_sync': watch(
    'action: sync\ntarget: /in\ninitial_sync: true',
    '"initialSync":["web"]',
  ),
  'services.*.develop.watch[].exec': watch(syncExec(''), '"after":{"exec":["make"]}'),
  'services.*.develop.watch[].exec.command': watch(syncExec(''), '"after":{"exec":["make"]}'),
  'services.*.develop.watch[].exec.user': watch(syncExec('user: root'), ''),
  'services.*.develop.watch[].exec.privileged': watch(syncExec('privileged: true'), ''),
  'services.*.develop.watch[].exec.working_dir': watch(
    syncExec('working_dir: /w'),
    String.raw`"cd \"$0\" && exec \"$@\"","/w","make"`,
  ),
  'services.*.develop.watch[].exec.environment': watch(syncExec('environment: {A: b}'), '"exec":["env","A=b","make"]'),
};

const secrets = 'secrets:\n  one:\n    file: ./one.txt\n';
const buildSecret = (keys: string, shows?: string): KeyExample =>
  inBuild(`secrets:\n  - source: one\n    ${keys}`, shows, secrets);

export const buildExamples: Record<string, KeyExample> = {
  'services.*.build': {
    file: 'services:\n  web:\n    build: ./web\n',
    shows: '"names":["app-web"],"context":"/app/web"',
  },
  ...Object.fromEntries(
    Object.entries({
      context: { file: 'services:\n  web:\n    build: ./web\n', shows: '"context":"/app/web"' },
      dockerfile: inBuild('dockerfile: Other', '"dockerfile":"Other"'),
      dockerfile_inline: inBuild('dockerfile_inline: FROM x', '"dockerfileInline":"FROM x"'),
      entitlements: inBuild('entitlements: [network.host]'),
      args: inBuild('args: {A: b, NONE: }', '"buildArgs":{"A":"b"}'),
      ssh: inBuild('ssh: [default]', '"ssh":["default"]'),
      labels: inBuild('labels: {a: b}', '"labels":["a=b"]'),
      cache_from: inBuild('cache_from: [x]', '"cacheFrom":["x"]'),
      cache_to: inBuild('cache_to: [y]', '"cacheTo":["y"]'),
      no_cache: inBuild('no_cache: true', '"noCache":true'),
      additional_contexts: inBuild('additional_contexts: {lib: ../lib}', '"buildContexts":["lib=/lib"]'),
      network: inBuild('network: host', '"network":"host"'),
      provenance: inBuild('provenance: true'),
      sbom: inBuild('sbom: true'),
      pull: inBuild('pull: true', '"pull":"always"'),
      target: inBuild('target: prod', '"target":"prod"'),
      shm_size: inBuild('shm_size: 64m', '"shmSize":"67108864"'),
      extra_hosts: inBuild("extra_hosts: ['a:10.0.0.1']", '"addHosts":["a:10.0.0.1"]'),
      isolation: inBuild('isolation: hyperv'),
      privileged: inBuild('privileged: true'),
      secrets: inBuild('secrets: [one]', '"secrets":["id=one,src=/app/one.txt"]', secrets),
      'secrets[].source': buildSecret('target: two', '"secrets":["id=two,src=/app/one.txt"]'),
      'secrets[].target': buildSecret('target: two', '"secrets":["id=two,src=/app/one.txt"]'),
      'secrets[].uid': buildSecret('uid: "3"'),
      'secrets[].gid': buildSecret('gid: "3"'),
      'secrets[].mode': buildSecret('mode: 0400'),
      tags: inBuild('tags: [x:1]', '"names":["app-web","x:1"]'),
      ulimits: inBuild('ulimits: {nproc: 1}', '"ulimits":["nproc=1:1"]'),
      'ulimits.*.hard': inBuild('ulimits: {nofile: {soft: 1, hard: 2}}', '"ulimits":["nofile=1:2"]'),
      'ulimits.*.soft': inBuild('ulimits: {nofile: {soft: 1, hard: 2}}', '"ulimits":["nofile=1:2"]'),
      platforms: inBuild('platforms: [linux/amd64]', '"platforms":["linux/amd64"]'),
    }).map(([key, example]) => [`services.*.build.${key}`, example]),
  ),
};

const network = (keys: string, shows?: KeyExample['shows']): KeyExample =>
  inProject('networks: [back]', `networks:\n  back:\n    ${keys}\n`, shows);
const volume = (keys: string, shows?: KeyExample['shows']): KeyExample =>
  inProject('volumes: [data:/data]', `volumes:\n  data:\n    ${keys}\n`, shows);
const object = (kind: 'secrets' | 'configs', keys: string, shows?: KeyExample['shows']): KeyExample =>
  inProject(`${kind}: [one]`, `${kind}:\n  one:\n    ${keys}\n`, shows);

const fileSection = (
  kind: 'secrets' | 'configs',
  kube: string,
  encoded: (text: string) => string,
): Record<string, KeyExample> => ({
  [kind]: object(kind, 'file: ./one.txt', `"kind":"${kube}"`),
  [`${kind}.*.name`]: object(kind, 'external: true\n    name: other', '"items":[{"key":"other"'),
  [`${kind}.*.environment`]: object(kind, 'environment: SET', `"one":"${encoded('from the environment')}"`),
  [`${kind}.*.file`]: object(kind, 'file: ./one.txt', `"one":"${encoded('1')}"`),
  [`${kind}.*.external`]: object(kind, 'external: true', '"items":[{"key":"one"'),
  [`${kind}.*.external.name`]: object(kind, 'external: {name: other}', '"items":[{"key":"other"'),
  [`${kind}.*.labels`]: object(kind, 'file: ./one.txt\n    labels: {a: b}', '"annotations":{"a":"b"}'),
  [`${kind}.*.template_driver`]: object(kind, 'file: ./one.txt\n    template_driver: golang'),
});

const model = (keys: string): KeyExample => ({
  ...inProject('models: [llm]', `models:\n  llm:\n    model: ai/x\n    ${keys}\n`),
  says: 'models: there is no model runner',
});

export const sectionExamples: Record<string, KeyExample> = {
  version: { file: "version: '3.8'\nservices:\n  web:\n    image: web\n", says: '`version` is obsolete' },
  name: {
    file: 'name: shop\nservices:\n  web:\n    image: web\n',
    shows: '"kind":"Namespace","metadata":{"name":"shop"',
  },
  include: { file: 'include: [other.yaml]\nservices:\n  web:\n    image: web\n', shows: '"workingDir":"/other"' },
  'include[].path': {
    file: 'include: [{path: other.yaml}]\nservices:\n  web:\n    image: web\n',
    shows: '"workingDir":"/other"',
  },
  'include[].env_file': {
    file: 'include: [{path: inner/vars.yaml, env_file: web.env}]\nservices:\n  web:\n    image: web\n',
    shows: '"workingDir":"/a b"',
  },
  'include[].project_directory': {
    file: 'include: [{path: inner/vars.yaml, project_directory: /elsewhere}]\nservices:\n  web:\n    image: web\n',
    shows: '"hostPath":{"path":"/elsewhere/rel"',
  },
  services: inService('working_dir: /x', ['"kind":"Deployment"', '"clusterIP":"None"']),
  models: model(''),
  'models.*.name': model('name: x'),
  'models.*.model': model(''),
  'models.*.context_size': model('context_size: 10'),
  'models.*.runtime_flags': model('runtime_flags: [a]'),
  networks: network('', '"kind":"NetworkPolicy"'),
  'networks.*.name': network('name: shared', '"network.compose.timonel.dev/shared":"true"'),
  'networks.*.driver': { ...network('driver: macvlan'), says: 'networks.back.driver' },
  'networks.*.driver_opts': network('driver_opts: {a: b}'),
  'networks.*.ipam': network('ipam: {}', '"kind":"NetworkPolicy"'),
  'networks.*.ipam.driver': network('ipam: {driver: x}'),
  'networks.*.ipam.config': network('ipam: {config: [{}]}', '"kind":"NetworkPolicy"'),
  'networks.*.ipam.config[].subnet': network('ipam: {config: [{subnet: 10.1.0.0/16}]}'),
  'networks.*.ipam.config[].ip_range': network('ipam: {config: [{ip_range: 10.1.0.0/24}]}'),
  'networks.*.ipam.config[].gateway': network('ipam: {config: [{gateway: 10.1.0.1}]}'),
  'networks.*.ipam.config[].aux_addresses': network(
    'ipam: {config: [{aux_addresses: {a: 10.1.0.5}}]}',
    '"aux_addresses":{"a":"10.1.0.5"}',
  ),
  'networks.*.ipam.options': network('ipam: {options: {a: b}}'),
  'networks.*.external': network('external: true', '"namespaceSelector":{}'),
  'networks.*.external.name': network('external: {name: shared}', '"network.compose.timonel.dev/shared":"true"'),
  'networks.*.internal': network('internal: true', '"policyTypes":["Egress"]'),
  'networks.*.enable_ipv4': network('enable_ipv4: true', '"enable_ipv4":true'),
  'networks.*.enable_ipv6': network('enable_ipv6: true'),
  'networks.*.attachable': network('attachable: true', '"attachable":true'),
  'networks.*.labels': network('labels: {a: b}'),
  volumes: volume('', '"kind":"PersistentVolumeClaim"'),
  'volumes.*.name': volume('external: true\n    name: other', '"claimName":"other"'),
  'volumes.*.driver': { ...volume('driver: rexray'), says: 'volumes.data.driver' },
  'volumes.*.driver_opts': volume(
    'driver_opts: {type: none, o: bind, device: /srv/data}',
    '"hostPath":{"path":"/srv/data"}',
  ),
  'volumes.*.external': volume('external: true', '"claimName":"data"'),
  'volumes.*.external.name': volume('external: {name: other}', '"claimName":"other"'),
  'volumes.*.labels': volume('labels: {a: b}', '"annotations":{"a":"b"}'),
  ...fileSection('secrets', 'Secret', (text) => Buffer.from(text).toString('base64')),
  ...fileSection('configs', 'ConfigMap', (text) => text),
  'secrets.*.driver': { ...object('secrets', 'file: ./one.txt\n    driver: vault'), says: 'secrets.one.driver' },
  'secrets.*.driver_opts': object('secrets', 'file: ./one.txt\n    driver: vault\n    driver_opts: {a: b}'),
  'configs.*.content': object('configs', 'content: hello', '"one":"hello"'),
};
