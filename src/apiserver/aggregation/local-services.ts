import type { APIService } from '../../api/types/apiregistration-v1.ts';
import { jsonEquals } from '../../api/plain-json.ts';
import type { Served } from '../kind-index.ts';

/** Where a group stands in discovery, and each of its versions within it: upstream's table. */
const priorities: Readonly<Record<string, { group: number; versions: Readonly<Record<string, number>> }>> = {
  '': { group: 18000, versions: { v1: 1 } },
  apps: { group: 17800, versions: { v1: 15 } },
  'events.k8s.io': { group: 17750, versions: { v1: 15 } },
  'authentication.k8s.io': { group: 17700, versions: { v1: 15 } },
  'authorization.k8s.io': { group: 17600, versions: { v1: 15 } },
  autoscaling: { group: 17500, versions: { v1: 15, v2: 30 } },
  batch: { group: 17400, versions: { v1: 15 } },
  'certificates.k8s.io': { group: 17300, versions: { v1: 15 } },
  'networking.k8s.io': { group: 17200, versions: { v1: 15 } },
  policy: { group: 17100, versions: { v1: 15 } },
  'rbac.authorization.k8s.io': { group: 17000, versions: { v1: 15 } },
  'storage.k8s.io': { group: 16800, versions: { v1: 15 } },
  'admissionregistration.k8s.io': { group: 16700, versions: { v1: 15 } },
  'apiextensions.k8s.io': { group: 16700, versions: { v1: 15 } },
  'scheduling.k8s.io': { group: 16600, versions: { v1: 15 } },
  'coordination.k8s.io': { group: 16500, versions: { v1: 15 } },
  'node.k8s.io': { group: 16300, versions: { v1: 15 } },
  'discovery.k8s.io': { group: 16200, versions: { v1: 15 } },
  'flowcontrol.apiserver.k8s.io': { group: 16100, versions: { v1: 21 } },
  'resource.k8s.io': { group: 15900, versions: { v1: 15 } },
};
/** What every version of a custom resource gets. */
export const customPriority = { group: 1000, version: 100 };

/** By this label the server knows the APIServices that it keeps itself. */
const managedLabel = 'kube-aggregator.kubernetes.io/automanaged';

/** The place of a group in discovery, higher first; undefined: not one that is built in. */
export function groupPriorityOf(group: string): number | undefined {
  return priorities[group]?.group;
}

/** The place of a version in its group, higher first; 0 for one that upstream does not serve any more. */
export function versionPriorityOf(group: string, version: string, isCustom: boolean): number {
  return isCustom ? customPriority.version : (priorities[group]?.versions[version] ?? 0);
}

/**
 * The APIServices of what this server serves itself, by name. `apiregistration.k8s.io` has none, nor have versions
 * that upstream does not serve any more.
 */
export function localServices(kinds: readonly Served[]): Map<string, APIService> {
  const services = new Map<string, APIService>();
  for (const { version } of kinds) {
    const { group, version: name } = version;
    const isCustom = version.custom !== undefined;
    const builtIn = priorities[group];
    const versionPriority = isCustom ? customPriority.version : builtIn?.versions[name];
    if (versionPriority === undefined) continue;
    services.set(`${name}.${group}`, {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: `${name}.${group}`, labels: { [managedLabel]: isCustom ? 'true' : 'onstart' } },
      spec: {
        ...(group !== '' && { group }),
        version: name,
        groupPriorityMinimum: isCustom ? customPriority.group : (builtIn?.group ?? customPriority.group),
        versionPriority,
      },
    });
  }
  return services;
}

export type Repair =
  { kind: 'create'; service: APIService } | { kind: 'update'; service: APIService } | { kind: 'delete'; name: string };

/**
 * What makes the stored APIServices those of {@link localServices}. Those of built-in kinds are set right once, those
 * of custom resources always, and they go with these; `settled` names what was right before. Objects of others that
 * have such a name stay as they are. (kube-aggregator's autoregister controller.)
 */
export function repairs(
  wanted: ReadonlyMap<string, APIService>,
  stored: readonly APIService[],
  settled: ReadonlySet<string>,
): Repair[] {
  const found = new Map(stored.map((service) => [service.metadata.name ?? '', service]));
  const changes: Repair[] = [];
  for (const [name, service] of wanted) {
    if (managementOf(service) === 'onstart' && settled.has(name)) continue;
    const present = found.get(name);
    if (!present) changes.push({ kind: 'create', service });
    else if (managementOf(present) !== undefined && !jsonEquals(present.spec, service.spec)) {
      changes.push({ kind: 'update', service: { ...service, metadata: { ...present.metadata } } });
    }
  }
  for (const [name, service] of found) {
    if (managementOf(service) === 'true' && !wanted.has(name)) changes.push({ kind: 'delete', name });
  }
  return changes;
}

function managementOf({ metadata }: APIService): string | undefined {
  return metadata.labels?.[managedLabel];
}
