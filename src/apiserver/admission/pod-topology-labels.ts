import type { Binding, Pod } from '../../api/types/core-v1.ts';
import { regionLabel, zoneLabel } from '../../api/well-known.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { nodes } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { writes } from './refuse.ts';

const copied = [regionLabel, zoneLabel];

/**
 * Gives a pod the region and the zone of its node as labels, in place of its own, when it is bound or comes with a node
 * (KEP-4742).
 */
export function podTopologyLabels(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    handles: (request) => request.operation === 'CREATE' && (isBinding(request) || writes(request, '', 'pods')),
    async mutate(request) {
      const object = request.object as unknown as Binding | Pod;
      const nodeName = isBinding(request) ? nodeOf(object as Binding) : (object as Pod).spec?.nodeName;
      if (!nodeName) return;
      const labels = (await lookup.fresh(nodes, '', nodeName))?.metadata.labels ?? {};
      for (const name of copied) {
        const value = labels[name];
        if (value !== undefined) object.metadata.labels = { ...object.metadata.labels, [name]: value };
      }
    },
  };
}

function isBinding({ kind, subresource }: Parameters<AdmissionPlugin['handles']>[0]): boolean {
  return subresource === 'binding' && kind.plural === 'pods' && kind.group === '';
}

function nodeOf({ target }: Binding): string | undefined {
  return target.kind === 'Node' ? target.name : undefined;
}
