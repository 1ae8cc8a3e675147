import type { Pod, Service } from '../../api/types/core-v1.ts';
import { mapMatcher } from '../../api/label-selector.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { selectsPods } from './pod-endpoint.ts';

/** Finds the services that select a pod through one label of their selector, not by trying every service. */
export function indexServices(services: Informer<Service>): (pod: Pod) => string[] {
  services.addIndex('label', (service) => {
    if (!selectsPods(service)) return [];
    const [first] = Object.entries(service.spec?.selector ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return [labelKey(service.metadata.namespace, first)];
  });
  return (pod) => {
    const { namespace, labels = {} } = pod.metadata;
    const candidates = [undefined, ...Object.entries(labels)].flatMap((label) => [
      ...services.byIndex('label', labelKey(namespace, label)),
    ]);
    return candidates.filter((s) => mapMatcher(s.spec?.selector ?? {}).matches(labels)).map(keyOf);
  };
}

function labelKey(namespace: string | undefined, label: [string, string] | undefined): string {
  return `${namespace}/${label ? `${label[0]}=${label[1]}` : ''}`;
}
