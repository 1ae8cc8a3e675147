import type { Service } from './types/core-v1.ts';

/** How connections are spread over the endpoints of a service. */
export type Algorithm = 'round-robin' | 'weighted' | 'source-ip-hash' | 'random' | 'least-connections';

export const algorithms: readonly Algorithm[] = [
  'round-robin',
  'weighted',
  'source-ip-hash',
  'random',
  'least-connections',
];

/** Annotations of a Service by which its spreading is chosen (docs/networking.md). */
export const balancingAnnotations = {
  algorithm: 'timonel.dev/load-balancing',
  /** `version=v1:90,version=v2:10` by a pod's label, or `web-0:3,web-1:1` by its name. */
  weights: 'timonel.dev/weights',
  /** Written by the load balancer's controller: which pod belongs to which labelled weight. JSON: pod -> `version=v1`. */
  weightGroups: 'timonel.dev/weight-groups',
} as const;

/** What is published on the host: `8080:80`, `127.0.0.1:9000:90/udp`, divided by commas, or `none`. */
export const hostPortsAnnotation = 'timonel.dev/host-ports';

export interface Weight {
  /** A pod's name, or `label=value`. */
  of: string;
  weight: number;
}

/** The asked algorithm, as far as it is known; weights alone ask for `weighted`. */
export function algorithmOf(service: Service): Algorithm {
  const annotations = service.metadata.annotations ?? {};
  const asked = annotations[balancingAnnotations.algorithm];
  const known = algorithms.find((algorithm) => algorithm === asked);
  return known ?? (annotations[balancingAnnotations.weights] ? 'weighted' : 'round-robin');
}

/** Entries that are not `name:number` or `label=value:number` are left out. */
export function parseWeights(text: string | undefined): Weight[] {
  return (text ?? '').split(',').flatMap((entry) => {
    const match = /^\s*([^:\s]+):(\d{1,6})\s*$/.exec(entry);
    return match ? [{ of: match[1] as string, weight: Number(match[2]) }] : [];
  });
}

/** A load balancer of another class is somebody else's. */
export function isOwnLoadBalancer({ spec }: Service): boolean {
  const isOwn = spec?.loadBalancerClass === undefined || spec.loadBalancerClass === 'timonel.dev/load-balancer';
  return spec?.type === 'LoadBalancer' && isOwn;
}
