import type { Resource } from '../../client/client.ts';
import * as resources from '../../client/resources.ts';

/** Short names, as every Kubernetes has them (kubectl api-resources). */
const shortNames: Readonly<Record<string, readonly string[]>> = {
  pods: ['po'],
  nodes: ['no'],
  namespaces: ['ns'],
  services: ['svc'],
  endpoints: ['ep'],
  configmaps: ['cm'],
  serviceaccounts: ['sa'],
  events: ['ev'],
  deployments: ['deploy'],
  replicasets: ['rs'],
  replicationcontrollers: ['rc'],
  statefulsets: ['sts'],
  daemonsets: ['ds'],
  cronjobs: ['cj'],
  ingresses: ['ing'],
  persistentvolumes: ['pv'],
  persistentvolumeclaims: ['pvc'],
  storageclasses: ['sc'],
  poddisruptionbudgets: ['pdb'],
  networkpolicies: ['netpol'],
};

let known: Map<string, Resource> | undefined;

/** The kinds that every Kubernetes of today serves, by plural, singular and short name, without asking it. */
export function wellKnown(word: string): Resource | undefined {
  known ??= new Map(
    Object.values(resources).flatMap((resource: Resource) =>
      [resource.plural, resource.kind.toLowerCase(), ...(shortNames[resource.plural] ?? [])]
        .flatMap((name) => [name, ...(resource.group ? [`${name}.${resource.group}`] : [])])
        .map((name): [string, Resource] => [name, resource]),
    ),
  );
  return known.get(word);
}
