import { nameSuffix, type Random } from '../../base/random.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';

const maxGeneratedPrefix = 58;

/**
 * A pod from a controller's template. The name is chosen here and not by the server, so that it can be expected in
 * the cache before the request is sent; `generateName` stays on the object as if the server had chosen.
 */
export function podFromTemplate(options: {
  owner: KubeObject;
  reference: OwnerReference;
  template: PodTemplateSpec;
  random: Random;
}): Pod {
  const { owner, reference, template, random } = options;
  const generateName = `${owner.metadata.name}-`;
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${generateName.slice(0, maxGeneratedPrefix)}${nameSuffix(random)}`,
      generateName,
      ...(owner.metadata.namespace && { namespace: owner.metadata.namespace }),
      ...(labels && { labels: { ...labels } }),
      ...(annotations && { annotations: { ...annotations } }),
      ...(finalizers && { finalizers: [...finalizers] }),
      ownerReferences: [reference],
    },
    spec: structuredClone(template.spec ?? { containers: [] }),
  };
}
