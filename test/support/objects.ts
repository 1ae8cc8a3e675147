import type { Deployment, ReplicaSet } from '../../src/api/types/apps-v1.ts';
import type { Node, Pod, PodSpec, PodStatus, Service, ServiceSpec } from '../../src/api/types/core-v1.ts';
import type { ObjectMeta } from '../../src/api/types/meta-v1.ts';

/** Objects as they would come from the server, with what a test does not care about filled in. */

export function pod(
  name: string,
  more: { metadata?: ObjectMeta; spec?: Partial<PodSpec>; status?: PodStatus; ready?: boolean } = {},
): Pod {
  const { metadata, spec, status, ready } = more;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, labels: { app: 'web' }, ...metadata },
    spec: { containers: [{ name: 'main', image: 'web' }], ...spec },
    status: {
      phase: ready ? 'Running' : 'Pending',
      ...(ready !== undefined && {
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      }),
      ...status,
    },
  };
}

export function node(name: string, more: { ready?: string; metadata?: ObjectMeta; spec?: Node['spec'] } = {}): Node {
  const { ready = 'True', metadata, spec } = more;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `uid-${name}`, ...metadata },
    ...(spec && { spec }),
    status: { conditions: [{ type: 'Ready', status: ready }] },
  };
}

export function service(name: string, spec: ServiceSpec = {}, metadata: ObjectMeta = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ...metadata },
    spec: { clusterIP: '10.96.0.10', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  };
}

export function deployment(
  replicas: number,
  more: { spec?: Partial<Deployment['spec']>; metadata?: ObjectMeta; status?: Deployment['status'] } = {},
): Deployment {
  const { spec, metadata, status } = more;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', uid: 'uid-web', generation: 1, ...metadata },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'web:2' }] } },
      progressDeadlineSeconds: 600,
      ...spec,
    },
    ...(status && { status }),
  };
}

export function replicaSet(
  name: string,
  replicas: number,
  more: { available?: number; image?: string; metadata?: ObjectMeta } = {},
): ReplicaSet {
  const { available = replicas, image = 'web:1', metadata } = more;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } },
    },
    status: { replicas, readyReplicas: available, availableReplicas: available },
  };
}
