import { describe, expect, it } from 'vitest';
import { type ServiceFlags, serviceChanges } from './service-changes.ts';
import type { StackService } from './stacks.ts';

const container = { name: 'web', image: 'web:1', env: [{ name: 'OLD', value: 'x' }] };
const service: StackService = {
  ...{ stack: 's', service: 'web', namespace: 's', name: 'web', mode: 'replicated', image: 'web:1', id: '1' },
  ...{ running: 1, wanted: 1 },
  deployment: { metadata: {}, spec: { selector: {}, template: { spec: { containers: [container] } } } },
};
const changed = (flags: ServiceFlags): unknown => serviceChanges(service, flags, '2026-01-01T00:00:00Z');
const ofContainer = (changes: object): object => ({
  spec: { template: { spec: { containers: [{ name: 'web', ...changes }] } } },
});

describe('service update', () => {
  it.each<[ServiceFlags, object]>([
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
  ])('%j is a patch of the workload', (flags, patch) => {
    expect(changed(flags)).toEqual(patch);
  });

  it('ends with what is no number', () => {
    expect(() => changed({ replicas: 'x' })).toThrow('invalid argument "x" for "--replicas"');
    expect(() => changed({ limitMemory: 'lots' })).toThrow('invalid size: lots');
    expect(() => changed({ limitCpu: 'two' })).toThrow('invalid number of processors: two');
  });
});
