import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../api/types/apps-v1.ts';
import { diskFiles } from '../../delivery/compose/disk-files.ts';
import { translate } from '../../delivery/compose/translate/translate.ts';
import { dockerService } from './docker-service.ts';
import { projectOf } from './service-create.ts';
import { type CreateFlags, serviceOf } from './service-flags.ts';
import { prettyLines } from './service-inspect.ts';
import { loneStack } from './stacks.ts';

const made = (flags: CreateFlags, command: string[] = []) =>
  serviceOf({ image: 'web:1', command }, flags, { HOME: '/root' });

describe('service create', () => {
  it('takes variables from flags, files and the shell', () => {
    const directory = mkdtempSync(join(tmpdir(), 'create-'));
    writeFileSync(join(directory, 'env'), '# of the shop\nA=1\n\nB=two words\nHOME\nNONE\n');
    try {
      const flags = { env: ['C=3=4', 'HOME', 'NONE', 'A=5'], envFile: [join(directory, 'env')] };
      expect(made(flags).environment).toEqual({ A: '5', B: 'two words', HOME: '/root', C: '3=4' });
    } finally {
      rmSync(directory, { recursive: true });
    }
    expect(() => made({ envFile: ['/none'] })).toThrow('open /none: no such file');
  });

  it("reads mounts, files, ports and networks as Docker's flags have them", () => {
    const flags = {
      publish: ['8080:80', 'published=53,target=5353,protocol=udp'],
      mount: [
        'type=volume,source=data,dst=/data',
        'type=bind,src=/srv,target=/srv,readonly',
        'type=tmpfs,target=/t,tmpfs-size=64m',
      ],
      secret: ['key', 'source=cert,target=/etc/cert,mode=0400'],
      network: ['front', 'name=back,alias=db'],
    };
    expect(made(flags)).toMatchObject({
      ports: [
        { target: 80, published: '8080', protocol: 'tcp' },
        { target: 5353, published: '53', protocol: 'udp' },
      ],
      volumes: [
        { type: 'volume', source: 'data', target: '/data' },
        { type: 'bind', source: '/srv', target: '/srv', read_only: true },
        { type: 'tmpfs', target: '/t', tmpfs: { size: '64m' } },
      ],
      secrets: [{ source: 'key' }, { source: 'cert', target: '/etc/cert', mode: '0400' }],
      networks: { front: null, back: { aliases: ['db'] } },
    });
  });

  it.each([
    [{ mode: 'everywhere' }, 'invalid argument "everywhere" for "--mode": it is one of replicated, global,'],
    [{ mode: 'global', replicas: '2' }, 'replicas can only be used with replicated or replicated-job mode'],
    [{ replicas: 'two' }, 'invalid argument "two" for "--replicas": it is a number'],
    [{ publish: ['mode=host,target=80'] }, 'published ports have no mode host here'],
    [{ mount: ['type=bind,target=/x'] }, 'type is bind, source is required'],
    [{ mount: ['type=volume,target=/x,tmpfs-size=1m'] }, 'mounts of type volume have no field tmpfs-size here'],
    [{ limitMemory: 'much' }, 'invalid argument "much" for "--limit-memory": it is a size, like 512m'],
    [{ updateDelay: 'soon' }, 'invalid argument "soon" for "--update-delay": it is no duration, like 10s'],
    [{ updateOrder: 'first' }, 'invalid argument "first" for "--update-order": it is start-first or stop-first'],
    [{ healthcheck: false, healthCmd: 'true' }, '--no-healthcheck conflicts with --health-* options'],
    [{ host: ['db'] }, 'invalid argument "db" for "--host": it is host:ip'],
    [{ ulimit: ['nofile'] }, 'invalid argument "nofile" for "--ulimit": it is TYPE=SOFT[:HARD]'],
  ] satisfies [CreateFlags, string][])('refuses %j', (flags, message) => {
    expect(() => made(flags)).toThrow(message);
  });
});

/** A service as it would be made, told of as `inspect` does. */
function inspected(flags: CreateFlags, command: string[] = []) {
  const project = projectOf('web', made(flags, command));
  const { workloads, base } = translate(project, {}, { files: diskFiles, swarm: true });
  const object = workloads['web'] as Deployment;
  const service = {
    ...{ stack: loneStack, service: 'web', namespace: loneStack, name: 'web', id: 'abc', image: 'web:1', running: 0 },
    ...{
      mode: 'replicated' as const,
      wanted: object.spec?.replicas ?? 0,
      deployment: object,
      template: object.spec?.template,
    },
  };
  const published = base.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'web-published');
  return dockerService(service, object, published);
}

describe('service inspect', () => {
  const flags = {
    replicas: '3',
    publish: ['8080:80'],
    env: ['COLOUR=blue'],
    label: ['tier=front'],
    constraint: ['node.labels.disk==ssd', 'node.role!=manager'],
    limitCpu: '0.5',
    limitMemory: '64m',
    mount: ['type=volume,source=data,target=/data', 'type=tmpfs,target=/t'],
    secret: ['key'],
    network: ['front'],
    healthCmd: 'check',
    healthInterval: '5s',
    updateParallelism: '2',
    updateDelay: '10s',
    updateFailureAction: 'rollback',
    user: '1000:1000',
    workdir: '/srv',
    host: ['db.test:10.0.0.1'],
    stopGracePeriod: '30s',
  };

  it('tells of a service in the words of Docker', () => {
    const { Spec, Endpoint } = inspected(flags, ['serve', '--all']);
    expect(Spec).toMatchObject({
      Name: 'web',
      Labels: { tier: 'front' },
      Mode: { Replicated: { Replicas: 3 } },
      UpdateConfig: { Parallelism: 2, Delay: 10e9, FailureAction: 'rollback', Order: 'start-first' },
      TaskTemplate: {
        Resources: { Limits: { NanoCPUs: 5e8, MemoryBytes: 67_108_864 } },
        Placement: { Constraints: ['node.labels.disk==ssd', 'node.role==worker'] },
        Networks: [{ Target: 'swarm-services-front' }],
      },
    });
    expect(Spec.TaskTemplate.ContainerSpec).toMatchObject({
      ...{ Image: 'web:1', Args: ['serve', '--all'], Env: ['COLOUR=blue'], Dir: '/srv', User: '1000:1000' },
      Mounts: [
        { Type: 'volume', Source: 'swarm-services_data', Target: '/data' },
        { Type: 'tmpfs', Target: '/t' },
      ],
      Secrets: [{ File: { Name: 'key' }, SecretName: 'key' }],
      Healthcheck: { Interval: 5e9 },
      Hosts: ['10.0.0.1 db.test'],
      StopGracePeriod: 30e9,
    });
    const ports = [{ Protocol: 'tcp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'ingress' }];
    expect(Endpoint).toEqual({ Spec: { Mode: 'vip', Ports: ports }, Ports: ports });
  });

  it('has lines for people', () => {
    expect(prettyLines(inspected(flags)).join('\n')).toBe(`ID:		abc
Name:		web
Labels:
 tier=front
Service Mode:	Replicated
 Replicas:	3
Placement:
 Constraints:	[node.labels.disk==ssd node.role==worker]
UpdateConfig:
 Parallelism:	2
 Delay:	10s
 On failure:	rollback
 Update order:	start-first
ContainerSpec:
 Image:	web:1
 Env:	COLOUR=blue
 Dir:	/srv
 User:	1000:1000
Mounts:
 Target:	/data
  Source:	swarm-services_data
 ReadOnly:	false
 Type:	volume
 Target:	/t
 ReadOnly:	false
 Type:	tmpfs
Secrets:
 Target:	key
  Source:	key
Resources:
 Limits:
   CPU:	0.5
   Memory:	67108864
Endpoint Mode:	vip
Ports:
 PublishedPort = 8080
  Protocol = tcp
  TargetPort = 80
  PublishMode = ingress`);
  });
});
