import { labelMatcher, mapMatcher, type LabelMatcher } from '../api/label-selector.ts';
import type { KubeObject } from '../api/object.ts';
import type { ReplicaSet, StatefulSet } from '../api/types/apps-v1.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { LabelSelector } from '../api/types/meta-v1.ts';
import type { Resource } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { replicaSets, replicationControllers, services } from '../client/resources.ts';
import type { Companions } from './scores/spread-score.ts';

const statefulSets: Resource<StatefulSet> = {
  ...{ group: 'apps', version: 'v1', plural: 'statefulsets' },
  ...{ kind: 'StatefulSet', namespaced: true },
};

/** Answers from informers which pods belong with a pod: those that its services and its controller select. */
export function companionsFrom(informers: Informers): Companions {
  const serviceInformer = informers.of(services);
  serviceInformer.addIndex('namespace', (service) => [service.metadata.namespace ?? '']);
  const sets = informers.of(replicaSets);
  const stateful = informers.of(statefulSets);
  const controllers = informers.of(replicationControllers);
  const matchers = new WeakMap<KubeObject, LabelMatcher>();
  const selectorOf = (pod: Pod): { owner?: KubeObject; selector?: LabelSelector; labels?: Record<string, string> } => {
    const reference = pod.metadata.ownerReferences?.find(({ controller }) => controller);
    const key = `${pod.metadata.namespace}/${reference?.name}`;
    switch (reference && `${reference.apiVersion} ${reference.kind}`) {
      case 'apps/v1 ReplicaSet':
        return selected(sets.get(key));
      case 'apps/v1 StatefulSet':
        return selected(stateful.get(key));
      case 'v1 ReplicationController': {
        const owner = controllers.get(key);
        return owner ? { owner, labels: owner.spec?.selector } : {};
      }
      default:
        return {};
    }
  };
  return (pod) => {
    let labels: Record<string, string> | undefined;
    for (const { spec } of serviceInformer.byIndex('namespace', pod.metadata.namespace ?? '')) {
      if (!spec?.selector || !isSelected(spec.selector, pod)) continue;
      labels = { ...labels, ...spec.selector };
    }
    const { owner, selector, labels: ownerLabels } = selectorOf(pod);
    if (!labels && owner) {
      const known = matchers.get(owner);
      if (known) return known;
      const matcher = selector ? labelMatcher(selector) : mapMatcher(ownerLabels ?? {});
      matchers.set(owner, matcher);
      return matcher;
    }
    if (!labels) return undefined;
    const matchLabels = { ...labels, ...ownerLabels, ...selector?.matchLabels };
    return labelMatcher({ matchLabels, matchExpressions: selector?.matchExpressions });
  };
}

function selected(owner: ReplicaSet | StatefulSet | undefined): { owner?: KubeObject; selector?: LabelSelector } {
  return owner ? { owner, selector: owner.spec?.selector } : {};
}

/** An empty selector selects no pods for a service. */
function isSelected(selector: Record<string, string>, pod: Pod): boolean {
  const keys = Object.keys(selector);
  return keys.length > 0 && keys.every((key) => pod.metadata.labels?.[key] === selector[key]);
}
