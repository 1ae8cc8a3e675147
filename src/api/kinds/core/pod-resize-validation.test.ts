import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../../types/core-v1.ts';
import { pod as podKind } from './pod.ts';
import { qosClass } from './pod-qos.ts';

function makePod(spec: Partial<PodSpec>): Pod {
  const pod: Pod = {
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers: [], ...structuredClone(spec) },
  };
  podKind.defaults?.(pod as never);
  return pod;
}

describe('pod resize', () => {
  const problems = (before: Partial<PodSpec>, after: Partial<PodSpec>): string[] => {
    const old = makePod(before);
    old.status = { phase: 'Running', qosClass: qosClass(old) };
    const pod = makePod(after);
    podKind.prepareForUpdate?.(pod as never, old as never, 'resize', { now: 0 });
    const causes = podKind.validateUpdate?.(pod as never, old as never, 'resize') ?? [];
    return causes.map(({ field, message }) => `${field}: ${message}`);
  };
  const with_ = (requests: object, limits?: object, name = 'c'): Container => {
    return { name, image: 'i', resources: { requests, ...(limits && { limits }) } } as Container;
  };

  it('changes resources and their policies only', () => {
    const old = makePod({ containers: [with_({ cpu: '1' })] });
    old.metadata.labels = { a: 'b' };
    old.status = { phase: 'Running', qosClass: 'Burstable' };
    const pod = makePod({ nodeName: 'x', containers: [{ ...with_({ cpu: '2' }), image: 'other' }] });
    podKind.prepareForUpdate?.(pod as never, old as never, 'resize', { now: 0 });
    expect(pod.spec).toMatchObject({ containers: [{ image: 'i', resources: { requests: { cpu: '2' } } }] });
    expect(pod.spec?.nodeName).toBeUndefined();
    expect(pod.metadata.labels).toEqual({ a: 'b' });
    expect(podKind.validateUpdate?.(pod as never, old as never, 'resize')).toEqual([]);
  });

  it('never changes the quality of service', () => {
    const text = 'Pod QOS Class may not change as a result of resizing';
    expect(problems({ containers: [with_({})] }, { containers: [with_({ cpu: '1' })] })).toEqual([
      `spec: Invalid value: "Burstable": ${text}`,
    ]);
    const limits = { cpu: '2', memory: '1Gi' };
    expect(problems({ containers: [with_({ cpu: '1' }, limits)] }, { containers: [with_(limits, limits)] })).toEqual([
      `spec: Invalid value: "Guaranteed": ${text}`,
    ]);
  });

  it('takes nothing away, and neither adds nor reorders containers', () => {
    const both = { cpu: '1', memory: '1Gi' };
    expect(problems({ containers: [with_(both, { cpu: '2' })] }, { containers: [with_({ cpu: '1' })] })).toEqual([
      'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
      'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
    ]);
    const [one, two] = [with_({ cpu: '1' }, undefined, 'one'), with_({ cpu: '1' }, undefined, 'two')];
    expect(problems({ containers: [one, two] }, { containers: [two, one] })).toEqual([
      'spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize',
      'spec.containers[1].name: Forbidden: containers may not be renamed or reordered on resize',
    ]);
    expect(problems({ containers: [one, two] }, { containers: [one] })).toEqual([
      'spec.containers: Forbidden: containers may not be added or removed on resize',
    ]);
  });

  it('is about cpu and memory of containers and sidecars', () => {
    const text = 'only cpu and memory resources are mutable';
    const storage = (amount: string): Container => with_({ cpu: '1', 'ephemeral-storage': amount });
    expect(problems({ containers: [storage('1')] }, { containers: [storage('3')] })).toEqual([
      `spec: Forbidden: ${text}`,
    ]);
    const init = (cpu: string): Partial<PodSpec> => {
      return { containers: [with_({ cpu: '1' })], initContainers: [with_({ cpu }, undefined, 'init')] };
    };
    expect(problems(init('1'), init('2'))).toEqual([
      'spec.initContainers[0].resources: Forbidden: resources for non-sidecar init containers are immutable',
    ]);
    const sidecar = (cpu: string): Partial<PodSpec> => {
      const [container] = init(cpu).initContainers!;
      return { containers: [with_({ cpu: '1' })], initContainers: [{ ...container!, restartPolicy: 'Always' }] };
    };
    expect(problems(sidecar('1'), sidecar('2'))).toEqual([]);
  });
});
