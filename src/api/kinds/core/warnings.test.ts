import { describe, expect, it } from 'vitest';
import type { Container, PodSpec } from '../../types/core-v1.ts';
import { deployment } from '../apps/deployment.ts';
import { pod } from './pod.ts';
import { service } from './service.ts';

function podWarnings(spec: Partial<PodSpec>, container: Partial<Container> = {}, metadata: object = {}): string[] {
  const containers = [{ name: 'main', image: 'web', ...container }];
  return pod.warnings?.({ metadata: { name: 'web', ...metadata }, spec: { containers, ...spec } }) ?? [];
}

describe('warnings about pods', () => {
  it('says nothing of an ordinary pod, nor of any update', () => {
    expect(podWarnings({})).toEqual([]);
    const odd = { metadata: { name: 'web.old' }, spec: { containers: [{ name: 'main' }] } };
    expect(pod.warnings?.(odd, odd)).toEqual([]);
  });

  it('warns of memory in thousandths of a byte', () => {
    const resources = { requests: { memory: '128m', cpu: '100m' }, limits: { memory: '128Mi' } };
    expect(podWarnings({}, { resources })).toEqual([
      'spec.containers[0].resources.requests[memory]: fractional byte value "128m" is invalid, must be an integer',
    ]);
  });

  it('warns of variables that hide earlier ones, not of those that build on them', () => {
    const env = [
      { name: 'A', value: '1' },
      { name: 'A', value: '2' },
      { name: 'A', value: '$(A)3' },
    ];
    expect(podWarnings({}, { env })).toEqual([
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ]);
  });

  it('warns of ports that are declared twice', () => {
    const ports = [{ containerPort: 80 }, { containerPort: 80 }, { containerPort: 80, hostPort: 80 }];
    const [first, second] = ['spec.containers[0].ports[0]', 'spec.containers[0].ports[1]'];
    expect(podWarnings({}, { ports })).toEqual([
      `${second}: duplicate port definition with ${first}`,
      `spec.containers[0].ports[2]: overlapping port definition with ${first}`,
      `spec.containers[0].ports[2]: overlapping port definition with ${second}`,
    ]);
  });

  it('warns of deprecated labels and annotations', () => {
    const annotations = { 'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default' };
    expect(podWarnings({ nodeSelector: { 'beta.kubernetes.io/os': 'linux' } }, {}, { annotations })).toEqual([
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
      'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: ' +
        'non-functional in v1.27+; use the "seccompProfile" field instead',
    ]);
  });

  it('warns of a template when it is new or changes', () => {
    const make = (value: string, replicas = 1) => {
      const env = [{ name: 'A' }, { name: 'A', value }];
      const template = { spec: { containers: [{ name: 'main', env }] } };
      return { metadata: { name: 'web' }, spec: { replicas, template } };
    };
    const text =
      'spec.template.spec.containers[0].env[1]: ' +
      'hides previous definition of "A", which may be dropped when using apply';
    expect(deployment.warnings?.(make('1'))).toEqual([text]);
    expect(deployment.warnings?.(make('1', 2), make('1'))).toEqual([]);
    expect(deployment.warnings?.(make('2'), make('1'))).toEqual([text]);
  });
});

describe('warnings about services', () => {
  it('warns of addresses that are not canonical, and of external addresses', () => {
    const spec = { type: 'ClusterIP', clusterIP: '10.96.0.1', externalIPs: ['010.0.0.1', '2001:DB8::0'] };
    expect(service.warnings?.({ metadata: { name: 'web' }, spec })).toEqual([
      'spec.externalIPs[0]: non-standard IP address "010.0.0.1" ' +
        'will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
      'spec.externalIPs[1]: IPv6 address "2001:DB8::0" should be in RFC 5952 canonical format ("2001:db8::")',
      'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
    ]);
  });

  it('warns of fields that the type ignores', () => {
    const spec = { type: 'ClusterIP', clusterIP: '10.96.0.1', externalName: 'example.com' };
    expect(service.warnings?.({ metadata: { name: 'web' }, spec })).toEqual([
      'spec.externalName is ignored when spec.type is not "ExternalName"',
    ]);
  });
});
