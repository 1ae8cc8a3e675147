import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../../types/core-v1.ts';
import { pod as podKind } from './pod.ts';

function causes(spec: Partial<PodSpec>, container: Partial<Container>): string[] {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers: [{ name: 'web', image: 'nginx:1.27', ...container }], ...spec },
  };
  podKind.defaults?.(pod as never);
  return (podKind.validate?.(pod as never) ?? []).map(({ field, message }) => `${field}: ${message}`);
}

describe('a pod that takes from files and images', () => {
  it('is accepted', () => {
    const fileKeyRef = { volumeName: 'shared', path: 'app.env', key: 'NAME' };
    const volumes = [
      { name: 'shared', emptyDir: {} },
      { name: 'data', image: { reference: 'data:1' } },
    ];
    expect(causes({ volumes }, { env: [{ name: 'NAME', valueFrom: { fileKeyRef } }] })).toEqual([]);
  });

  it.each<[string, Partial<PodSpec>, Partial<Container>, string]>([
    [
      'a variable from a file of no volume',
      {},
      { env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'a', key: 'A' } } }] },
      'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: "v"',
    ],
    [
      'a variable from a file that no container writes',
      { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
      { env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'a', key: 'A' } } }] },
      'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "v": referenced volume must be of type emptyDir',
    ],
    [
      'a variable from a file outside of its volume',
      { volumes: [{ name: 'v' }] },
      { env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'v', path: '../a', key: 'A' } } }] },
      'spec.containers[0].env[0].valueFrom.fileKeyRef.path: Invalid value: "../a": must not contain \'..\'',
    ],
    [
      'an image volume of no image',
      { volumes: [{ name: 'v', image: {} }] },
      {},
      'spec.volumes[0].image.reference: Required value',
    ],
    [
      'an image volume that is pulled at times',
      { volumes: [{ name: 'v', image: { reference: 'a', pullPolicy: 'Sometimes' } }] },
      {},
      'spec.volumes[0].image.pullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
    ],
  ])('is refused for %s', (_, spec, container, cause) => {
    expect(causes(spec, container)).toContain(cause);
  });
});
