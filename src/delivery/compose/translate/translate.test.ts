import { describe, expect, it } from 'vitest';
import { containerSettingsAnnotation, type ContainerSettings } from '../../../api/container-settings.ts';
import type { PodTemplateSpec, Service as KubeService } from '../../../api/types/core-v1.ts';
import { load, memoryFiles, messageOf, type TestFiles } from '../../../../test/support/compose.ts';
import { translate, type Translation } from './translate.ts';
import type { TranslateOptions } from './scope.ts';
import type { Workload } from './workload.ts';

function translated(text: string, options: Partial<TranslateOptions> = {}, files: TestFiles = {}): Translation {
  const all = { ...files, '/app/compose.yaml': text };
  const { project, tree } = load(all);
  return translate(project, tree, { files: memoryFiles(all), ...options });
}

const podTemplate = (workload: Workload | undefined): PodTemplateSpec => {
  const { template } = workload?.spec ?? {};
  if (!template) throw new Error('there is no template');
  return template;
};

const web = (keys: string): string => `services:\n  web:\n    image: web\n    ${keys}\n`;

describe('what cannot be honoured', () => {
  it('is an error with file, line and key, all of them at once', () => {
    const text = web('cgroup_parent: x\n    uts: host');
    expect(messageOf(() => translated(text))).toBe(
      'compose.yaml:4: services.web.cgroup_parent: the node decides about cgroups\n' +
        "compose.yaml:5: services.web.uts: a pod's host name is its own",
    );
  });

  it('is a warning where the user says so', () => {
    const { warnings, workloads } = translated(web('user: www-data'), { lenient: true, isLocal: false });
    expect(warnings).toEqual([
      'compose.yaml:4: services.web.user: the numbers of www-data stand in the image: give them, like 1000:1000',
    ]);
    expect(workloads).toHaveProperty('web');
  });

  it('names a service that the DNS of another cluster cannot', () => {
    const text = 'services:\n  my_db:\n    image: db\n';
    expect(messageOf(() => translated(text, { isLocal: false }))).toContain(
      'compose.yaml:2: services.my_db: cannot be a name',
    );
    expect(translated(text, { isLocal: false, lenient: true }).workloads['my_db']?.metadata.name).toBe('my-db');
  });

  it('refuses paths of Windows, and mounts at no absolute path', () => {
    const said = (keys: string): string => messageOf(() => translated(web(keys)));
    expect(said("volumes: ['C:\\data:/data']")).toContain('services.web.volumes[0]: C:\\data is a path of Windows');
    expect(said('volumes: [data]')).toContain('services.web.volumes[0]: data is no absolute path of a container');
  });

  it('names two services, or two volumes, that a cluster could not tell apart', () => {
    const services = 'services:\n  my_db: {image: db}\n  my-db: {image: db}\n';
    expect(messageOf(() => translated(services))).toBe(
      'compose.yaml:3: services.my-db: has the same name in a cluster as my_db: my-db',
    );
    const volumes = `${web("volumes: ['a_b:/a', 'a-b:/b']")}volumes:\n  a_b:\n  a-b:\n`;
    expect(messageOf(() => translated(volumes))).toBe(
      'compose.yaml:6: volumes.a_b: has the same name in a cluster as a-b: a-b',
    );
  });

  it('is a bind mount on another machine', () => {
    const text = web("volumes: ['./src:/src']");
    expect(messageOf(() => translated(text, { isLocal: false }))).toContain("not on the cluster's nodes");
    expect(messageOf(() => translated(web("volumes: ['/var/run/docker.sock:/x']")))).toContain('no Docker daemon');
  });
});

describe('namespaces of another service', () => {
  const vpn = (keys: string): string =>
    `services:\n  vpn: {image: vpn, container_name: tunnel, ports: ['8080:80']}\n  web:\n    image: web\n    ${keys}\n`;
  const labels = {
    'com.docker.compose.project': 'app',
    'com.docker.compose.service': 'vpn',
    'com.docker.compose.oneoff': 'False',
  };

  it('are those of its pod on the same node, in whose networks it is', () => {
    for (const mode of ['service:vpn', 'container:tunnel']) {
      const { workloads, base } = translated(vpn(`network_mode: ${mode}\n    container_name: own`));
      const template = podTemplate(workloads['web']);
      const settings = template.metadata?.annotations?.[containerSettingsAnnotation] ?? '{}';
      expect(JSON.parse(settings)).toMatchObject({ joins: { network: labels } });
      expect(template.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual([
        { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' },
      ]);
      expect(Object.keys(template.metadata?.labels ?? {})).not.toContain('network.compose.timonel.dev/app-default');
      const names = base.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
      expect(names).toEqual(['vpn', 'tunnel', 'vpn-published']);
    }
  });

  it('are of processes and memory as well', () => {
    const { workloads } = translated(vpn('pid: service:vpn\n    ipc: service:vpn'));
    const template = podTemplate(workloads['web']);
    const settings = JSON.parse(template.metadata?.annotations?.[containerSettingsAnnotation] ?? '{}') as unknown;
    expect(settings).toMatchObject({ joins: { pid: labels, ipc: labels } });
    expect(template.metadata?.labels).toHaveProperty(['network.compose.timonel.dev/app-default']);
  });

  it.each([
    ['ports: [80]', 'ports', 'port publishing'],
    ['expose: [80]', 'expose', 'port exposing'],
    ['hostname: x', 'hostname', 'hostname'],
    ['links: [vpn]', 'links', 'links'],
    ['dns: 1.1.1.1', 'dns', 'dns'],
    ["extra_hosts: ['a:1.1.1.1']", 'extra_hosts', 'custom host-to-IP mapping'],
  ])('are not told of by whoever shares them: %s', (keys, key, what) => {
    expect(messageOf(() => translated(vpn(`network_mode: service:vpn\n    ${keys}`)))).toBe(
      `compose.yaml:6: services.web.${key}: conflicting options: ${what} and the network mode: say it of vpn, whose network it is`,
    );
  });

  it('are nobody’s outside the project, and on other clusters', () => {
    expect(messageOf(() => translated(vpn('network_mode: container:elsewhere')))).toBe(
      'compose.yaml:5: services.web.network_mode: there is no container elsewhere in the project to share with',
    );
    expect(messageOf(() => translated(vpn('pid: service:vpn'), { isLocal: false }))).toBe(
      'compose.yaml:5: services.web.pid: a pod of another cluster shares nothing with the pods of vpn',
    );
  });
});

describe('an address that a file chooses', () => {
  const at = (address: string, more = '', subnet = '172.20.0.0/16'): string =>
    `services:\n  web:\n    image: web\n    networks: {back: {ipv4_address: ${address}}}\n    ${more}\n` +
    `networks:\n  back:\n    ipam: {config: [{subnet: ${subnet}, gateway: 172.20.0.1}]}\n`;
  const said = (text: string, options: Partial<TranslateOptions> = {}): string =>
    messageOf(() => translated(text, options)).replace('compose.yaml:4: services.web.networks.back.ipv4_address: ', '');

  it('leads to the service', () => {
    const { base, warnings } = translated(at('172.20.0.5'));
    expect(base.find(({ metadata }) => metadata.name === 'web')?.metadata.annotations).toEqual({
      'timonel.dev/addresses': '172.20.0.5',
    });
    expect(warnings).toEqual([
      'compose.yaml:8: networks.back.ipam.config[0].subnet: is where ipv4_address lies; containers have addresses of their nodes',
      'compose.yaml:8: networks.back.ipam.config[0].gateway: the machine is not at this address, but at host-gateway',
    ]);
  });

  it('is nobody else’s, and one that can be', () => {
    expect(said(at('172.21.0.5'))).toBe('no configured subnet contains IP address 172.21.0.5: 172.20.0.0/16');
    expect(said(at('172.20.0.1'))).toBe('Address already in use: by the gateway');
    expect(said(at("'fd00::1'"))).toBe('fd00::1 is no address of IPv4');
    expect(said(at('172.20.0.5', 'scale: 2'))).toContain('is the address of one container');
    expect(said(at('172.20.0.5', 'deploy: {mode: global}'))).toContain('is the address of one container');
    expect(said(at('172.20.0.5'), { takenRanges: ['10.0.0.0/8', '172.20.0.0/24'] })).toBe(
      'Pool overlaps with other one on this address space: 172.20.0.5 is in 172.20.0.0/24, which is in use',
    );
    expect(said(at('172.20.0.5').replace(/ {4}ipam.*\n/, ''))).toContain('networks with user configured subnets');
    expect(said(at('172.20.0.5'), { isLocal: false })).toBe("another cluster's network chooses addresses: use names");
    const two = at('172.20.0.5').replace(
      'services:\n',
      'services:\n  app: {image: app, networks: {back: {ipv4_address: 172.20.0.5}}}\n',
    );
    expect(messageOf(() => translated(two))).toContain('Address already in use: by service app');
  });
});

describe('names that objects cannot have', () => {
  const names = (text: string): Record<string, string | undefined> =>
    Object.fromEntries(
      translated(text).base.flatMap(({ kind, metadata }) =>
        kind === 'Service' ? [[metadata.name, metadata.annotations?.['timonel.dev/dns-names']]] : [],
      ),
    );

  it('are known to the DNS by an annotation', () => {
    const text =
      'services:\n  My_Db:\n    image: db\n    container_name: shop.db\n  1st:\n    image: db\n    networks: {default: {aliases: [cache.internal, plain]}}\n';
    expect(names(text)).toEqual({
      'my-db': 'my_db',
      's-1st': '1st',
      plain: undefined,
      [String(Object.keys(names(text)).find((name) => name.startsWith('shop-db-')))]: 'shop.db',
      [String(Object.keys(names(text)).find((name) => name.startsWith('cache-internal-')))]: 'cache.internal',
    });
  });
});

const both = { memlock: { soft: -1, hard: -1 }, nofile: { soft: 1, hard: 2 } };

describe('a published port', () => {
  it.each<[string, Partial<TranslateOptions>, boolean | undefined]>([
    ['ports: ["80:80"]', {}, true],
    ['ports: ["80:80"]', { swarm: true }, undefined],
    ['{ports: ["80:80"], scale: 2}', {}, undefined],
    ['{ports: ["80:80"], deploy: {update_config: {order: start-first}}}', {}, undefined],
  ])('is open before its container is healthy where no other one answers: %s %j', (keys, options, expected) => {
    const lines = keys.replace(/^\{(.*)\}$/, (_, inside: string) => inside.replaceAll(', ', '\n    '));
    const published = translated(web(lines), options).base.find(({ metadata }) =>
      metadata.name?.endsWith('-published'),
    ) as KubeService;
    expect(published.spec?.publishNotReadyAddresses).toBe(expected);
  });
});

it('publishes as many ports of a range as there are containers', () => {
  const portsOf = (keys: string): unknown => {
    const all = translated(web(keys), {}).base;
    const found = all.find(({ metadata }) => metadata.name?.endsWith('-published')) as KubeService;
    return found.spec?.ports?.map(({ port, targetPort }) => [port, targetPort]);
  };
  const range = 'ports: ["8080-8082:80"]';
  expect(portsOf(range)).toEqual([[8080, 80]]);
  expect(portsOf(`${range}\n    scale: 2`)).toEqual([
    [8080, 80],
    [8081, 80],
  ]);
  expect(portsOf(`${range}\n    scale: 9`)).toHaveLength(3);
});

it('takes no volumes of others that have no name', () => {
  const file = (volumes: string): string =>
    `services:\n  web: {image: i, volumes_from: [db]}\n  db: {image: i, volumes: [${volumes}]}\nvolumes: {data: }\n`;
  expect(messageOf(() => translated(file('/data, data:/d')))).toBe(
    'compose.yaml:2: services.web.volumes_from[0]: the volume /data of db has no name, and is its alone: give it one',
  );
  expect(() => translated(file('data:/d'))).not.toThrow();
});

describe('what pods have no field for', () => {
  const all = (keys: string, options: Partial<TranslateOptions> = {}): Record<string, string> => {
    const lines = keys.replace(/^\{(.*)\}$/, (_, inside: string) => inside.replaceAll(', ', '\n    '));
    return (
      translated(`${web(lines)}volumes:\n  data:\n`, options).workloads['web']?.spec?.template.metadata?.annotations ??
      {}
    );
  };
  const annotations = (keys: string, options: Partial<TranslateOptions> = {}): unknown => {
    const { 'com.docker.compose.config-hash': _, [containerSettingsAnnotation]: __, ...rest } = all(keys, options);
    return rest;
  };
  const settings = (keys: string, options: Partial<TranslateOptions> = {}) =>
    JSON.parse(all(keys, options)[containerSettingsAnnotation] ?? '{}') as ContainerSettings;

  it.each([
    ['scale: 1', { 'timonel.dev/restart': 'never' }],
    ['restart: always', {}],
    ['restart: unless-stopped', {}],
    ['restart: on-failure', { 'timonel.dev/restart': 'on-failure' }],
    ["restart: 'on-failure:3'", { 'timonel.dev/restart': 'on-failure:3' }],
    ['deploy: {restart_policy: {condition: any}}', {}],
    ['deploy: {restart_policy: {condition: on-failure, max_attempts: 2}}', { 'timonel.dev/restart': 'on-failure:2' }],
    ["{restart: always, user: '1000:www-data'}", { 'timonel.dev/user': '1000:www-data' }],
  ])('%s', (keys, expected) => {
    expect(annotations(keys)).toEqual(expected);
  });

  const imageHealthcheck = {};
  it.each<[string, object]>([
    ['scale: 1', { imageHealthcheck }],
    ['healthcheck: {test: [CMD, ok]}', { healthStartPeriod: 0 }],
    ['healthcheck: {test: [CMD, ok], start_period: 90s}', { healthStartPeriod: 90 }],
    ['healthcheck: {disable: true}', {}],
    ['healthcheck: {test: [NONE]}', {}],
    ['healthcheck: {interval: 5s, start_period: 1m}', { imageHealthcheck: { interval: 5, startPeriod: 60 } }],
    ['ulimits: {memlock: -1, nofile: {soft: 1, hard: 2}}', { ulimits: both, imageHealthcheck }],
    ['pids_limit: -1', { imageHealthcheck }],
    ['group_add: [docker, 5, video]', { groups: ['docker', 'video'], imageHealthcheck }],
    ['volumes: [/data, data:/d, ./x:/bind, data:/ro:ro]', { filledFromImage: ['/data', '/d'], imageHealthcheck }],
    ['volumes: [{type: volume, source: data, target: /d, volume: {nocopy: true}}]', { imageHealthcheck }],
    ['volumes: [{type: volume, source: data, target: /d, volume: {subpath: a}}]', { imageHealthcheck }],
  ])('is settings of the container: %s', (keys, expected) => {
    const { anonymousVolumes: _, ...rest } = settings(keys);
    expect(rest).toEqual(expected);
  });

  it('is who takes over volumes that have no name: the next container of the service, and no other', () => {
    const keys = 'volumes: [/data, data:/d, {type: tmpfs, target: /t}, ./x:/bind, /more]';
    const volumes = { 'volume-1': '/data', 'volume-5': '/more' };
    expect(settings(keys).anonymousVolumes).toEqual({ owner: 'web', volumes });
    expect(settings('scale: 1').anonymousVolumes).toEqual({ owner: 'web' });
    expect(settings(keys, { swarm: true }).anonymousVolumes).toBeUndefined();
    expect(settings(keys, { isOneOff: true }).anonymousVolumes).toBeUndefined();
  });

  it('is the owners of secrets and configs; other clusters give them to root', () => {
    const keys = '{secrets: [{source: one, uid: "103", gid: "104", mode: 0400}], configs: [{source: two, uid: "103"}]}';
    const file = `${web(keys.slice(1, -1).replace(', configs', '\n    configs'))}secrets: {one: {environment: S}}\n`;
    const all = { '/app/compose.yaml': `${file}configs: {two: {content: x}}\n` };
    const { project, tree } = load(all, { environment: { S: 'x' } });
    const { workloads } = translate(project, tree, { files: memoryFiles(all) });
    const { annotations: given } = workloads['web']?.spec?.template.metadata ?? {};
    expect(JSON.parse(given?.[containerSettingsAnnotation] ?? '')).toMatchObject({
      fileOwners: { secrets: { one: { uid: 103, gid: 104 } }, 'file-1': { two: { uid: 103 } } },
    });
    expect(messageOf(() => translate(project, tree, { files: memoryFiles(all), isLocal: false }))).toContain(
      'services.web.secrets[0].uid: files belong to root, and mode does not let others read this one',
    );
  });

  it('is an error for other clusters, with the key', () => {
    const keys = '{pids_limit: 5, ulimits: {nofile: 5}}';
    expect(() => all(keys, { isLocal: false })).toThrow(/services\.web\.ulimits: .*\n.*services\.web\.pids_limit: /);
    const deploy = 'deploy: {resources: {limits: {pids: 5}}}';
    expect(() => all(deploy, { isLocal: false })).toThrow('services.web.deploy.resources.limits.pids: ');
    expect(() => all('oom_score_adj: -5')).toThrow('services.web.oom_score_adj: a node must be able to save itself');
  });

  it('is Swarm’s own way in a stack, and nothing that other clusters are told', () => {
    expect(annotations('scale: 1', { swarm: true })).toEqual({});
    expect(annotations('scale: 1', { isLocal: false })).toEqual({});
  });
});

describe('a file that asks for too much', () => {
  it('is refused in no time', () => {
    expect(messageOf(() => translated(web("ports: ['1-65535:1-65535']")))).toBe(
      'compose.yaml:4: services.web.ports: more than 1000 ports are too many for a Service',
    );
  });
});

describe('secrets', () => {
  it('are never part of a message', () => {
    const text = 'services:\n  web:\n    image: web\n    secrets: [one]\nsecrets:\n  one: {file: ./big}\n';
    const message = messageOf(() => translated(text, {}, { '/app/big': 'hush'.repeat(300_000) }));
    expect(message).toContain('larger than 1 MiB');
    expect(message).not.toContain('hush');
  });
});

describe('names', () => {
  it('of namespaces are the project’s, and never the cluster’s own', () => {
    expect(translated('name: my_app\nservices: {web: {image: web}}').namespace).toBe('my-app');
    expect(messageOf(() => translated('name: kube-system\nservices: {web: {image: web}}'))).toContain("cluster's own");
  });

  it('of several services are one alias for all of them', () => {
    const each = (name: string): string => `  ${name}:\n    image: x\n    networks: {default: {aliases: [pool]}}\n`;
    const { base, workloads } = translated(`services:\n${each('a')}${each('b')}`);
    const alias = base.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'pool');
    expect(alias).toMatchObject({
      spec: { clusterIP: 'None', selector: { 'alias.compose.timonel.dev/pool': 'true' } },
    });
    const labels = Object.values(workloads).map(({ spec }) => spec?.template?.metadata?.labels);
    for (const each of labels) expect(each).toHaveProperty(['alias.compose.timonel.dev/pool'], 'true');
  });
});

describe('how a service runs', () => {
  it('is a Job when another waits for its end', () => {
    const text =
      'services:\n  a: {image: a, depends_on: {b: {condition: service_completed_successfully}}}\n  b: {image: b}\n';
    const { workloads } = translated(text);
    expect([workloads['a']?.kind, workloads['b']?.kind]).toEqual(['Deployment', 'Job']);
  });

  it('does not change with the number of its containers, as its version does', () => {
    const hash = (keys: string): unknown =>
      translated(web(keys)).workloads['web']?.spec?.template?.metadata?.annotations?.['com.docker.compose.config-hash'];
    expect(hash('scale: 1')).toBe(hash('scale: 4'));
    expect(hash('scale: 1')).not.toBe(hash('command: other'));
  });
});

describe('an image that was built anew', () => {
  it('makes other containers of the services that have it, and of no others', () => {
    const { project, tree } = load('services:\n  web: { build: . }\n  db: { image: db }\n');
    const hashes = (version: string): unknown[] => {
      const imageVersion = (image: string): string | undefined => (image.endsWith('-web') ? version : undefined);
      const { workloads } = translate(project, tree, { files: memoryFiles({}), imageVersion });
      return ['web', 'db'].map((name) => podTemplate(workloads[name]).metadata?.annotations);
    };
    const [[web, db], [newWeb, newDb]] = [hashes('sha256:1'), hashes('sha256:2')] as [unknown[], unknown[]];
    expect(newDb).toEqual(db);
    expect(web).toMatchObject({ 'com.docker.compose.image': 'sha256:1' });
    expect(newWeb).not.toEqual(web);
    expect(hashes('sha256:2')[0]).toEqual(newWeb);
  });
});
