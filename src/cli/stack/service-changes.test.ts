import { describe, expect, it } from 'vitest';
import { type ServiceFlags, serviceChanges } from './service-changes.ts';
import type { StackService } from './stacks.ts';

const container = {
  ...{ name: 'web', image: 'web:1', env: [{ name: 'OLD', value: 'x' }] },
  securityContext: { capabilities: { add: ['CHOWN'], drop: ['KILL', 'NET_ADMIN'] } },
};
const hostAliases = [
  { ip: '10.0.0.1', hostnames: ['a', 'old'] },
  { ip: '10.0.0.2', hostnames: ['gone'] },
];
const pod = { containers: [container], hostAliases };
const strategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
const service: StackService = {
  ...{ stack: 's', service: 'web', namespace: 's', name: 'web', mode: 'replicated', image: 'web:1', id: '1' },
  ...{ running: 1, wanted: 1 },
  deployment: { metadata: {}, spec: { selector: {}, strategy, template: { spec: pod } } },
  template: { spec: pod },
};
const changed = (flags: ServiceFlags): unknown =>
  serviceChanges(service, flags, { now: '2026-01-01T00:00:00Z', mounts: { pod: {}, container: {} } });
const ofContainer = (changes: object): object => ({
  spec: { template: { spec: { containers: [{ name: 'web', ...changes }] } } },
});

const ofTemplate = (metadata: object): object => ({ spec: { template: { metadata } } });

describe('service update', () => {
  it.each<[ServiceFlags, object]>([
    [
      { limitPids: '50', ulimitAdd: ['nofile=10:20'], ulimitRm: ['core'], oomScoreAdj: '5' },
      ofTemplate({
        annotations: {
          'timonel.dev/container-settings':
            '{"pidsLimit":50,"ulimits":{"nofile":{"soft":10,"hard":20}},"oomScoreAdj":5}',
        },
      }),
    ],
    [
      { restartCondition: 'on-failure', restartMaxAttempts: '3' },
      ofTemplate({ annotations: { 'timonel.dev/restart': 'on-failure:3' } }),
    ],
    [{ restartCondition: 'any' }, ofTemplate({ annotations: { 'timonel.dev/restart': null } })],
    [
      { networkAdd: ['back', 's_front'], networkRm: ['default'] },
      ofTemplate({
        labels: {
          'network.compose.timonel.dev/s-default': null,
          'network.compose.timonel.dev/s-back': 'true',
          'network.compose.timonel.dev/s-front': 'true',
        },
      }),
    ],
    [
      { dnsAdd: ['10.0.0.1'], dnsSearchAdd: ['a.test'], dnsOptionAdd: ['ndots:2'], init: true, sysctlAdd: ['a.b=1'] },
      {
        spec: {
          template: {
            spec: {
              dnsConfig: {
                nameservers: ['10.0.0.1'],
                searches: ['a.test'],
                options: [{ $patch: 'replace' }, { name: 'ndots', value: '2' }],
              },
              shareProcessNamespace: true,
              securityContext: { sysctls: [{ name: 'a.b', value: '1' }] },
            },
          },
        },
      },
    ],
    [{ image: 'web:2' }, ofContainer({ image: 'web:2' })],
    [{ replicas: '3' }, { spec: { template: {}, replicas: 3 } }],
    [{ args: 'serve  --all' }, ofContainer({ args: ['serve', '--all'] })],
    [
      { envAdd: ['A=$(b)=c'], envRm: ['OLD', 'NONE'] },
      ofContainer({
        env: [
          { name: 'A', value: '$$(b)=c' },
          { name: 'OLD', $patch: 'delete' },
        ],
      }),
    ],
    [
      { limitCpu: '0.5', limitMemory: '64m', reserveMemory: '0' },
      ofContainer({ resources: { limits: { cpu: '500m', memory: '67108864' }, requests: { memory: null } } }),
    ],
    [
      { labelAdd: ['a.b=c'], labelRm: ['d'] },
      { metadata: { annotations: { 'a.b': 'c', d: null } }, spec: { template: {} } },
    ],
    [
      { force: true },
      {
        spec: {
          template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' } } },
        },
      },
    ],
    [
      { entrypoint: 'sh -c "a b"', workdir: '/srv', tty: true, readOnly: true, user: '5:6' },
      ofContainer({
        command: ['sh', '-c', 'a b'],
        workingDir: '/srv',
        tty: true,
        securityContext: { readOnlyRootFilesystem: true, runAsUser: 5, runAsGroup: 6 },
      }),
    ],
    [
      { capAdd: ['CAP_NET_ADMIN'], capDrop: ['chown'] },
      ofContainer({ securityContext: { capabilities: { add: ['NET_ADMIN'], drop: ['KILL', 'CHOWN'] } } }),
    ],
    [
      { hostname: 'x', stopGracePeriod: '1m', groupAdd: ['7'], hostAdd: ['b:10.0.0.1'], hostRm: ['old', 'gone'] },
      {
        spec: {
          template: {
            spec: {
              hostname: 'x',
              terminationGracePeriodSeconds: 60,
              securityContext: { supplementalGroups: [7] },
              hostAliases: [
                { ip: '10.0.0.1', hostnames: ['a', 'b'] },
                { ip: '10.0.0.2', $patch: 'delete' },
              ],
            },
          },
        },
      },
    ],
    [
      { containerLabelAdd: ['a=b'], containerLabelRm: ['c'] },
      { spec: { template: { metadata: { annotations: { a: 'b', c: null } } } } },
    ],
    [
      { updateParallelism: '2' },
      {
        spec: { template: {}, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } } },
      },
    ],
    [
      { updateOrder: 'stop-first', updateParallelism: '0', updateDelay: '1500ms' },
      {
        spec: {
          template: {},
          minReadySeconds: 2,
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '100%' } },
        },
      },
    ],
  ])('%j is a patch of the workload', (flags, patch) => {
    expect(changed(flags)).toEqual(patch);
  });

  it('ends with what is no number', () => {
    expect(() => changed({ replicas: 'x' })).toThrow('invalid argument "x" for "--replicas"');
    expect(() => changed({ limitMemory: 'lots' })).toThrow('invalid size: lots');
    expect(() => changed({ limitCpu: 'two' })).toThrow('invalid number of processors: two');
    expect(() => changed({ user: 'www' })).toThrow('invalid argument "www" for "--user"');
    expect(() => changed({ hostAdd: ['x'] })).toThrow('invalid argument "x" for "--host-add"');
    expect(() => changed({ stopGracePeriod: 'x' })).toThrow('invalid argument "x" for "--stop-grace-period"');
    expect(() => changed({ updateDelay: 'x' })).toThrow('invalid argument "x" for "--update-delay"');
    expect(() => changed({ updateOrder: 'x' })).toThrow('invalid argument "x" for "--update-order"');
  });
});
