import type { Node } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { writes } from './refuse.ts';
import { notReadyTaintKey } from '../../api/well-known.ts';

const notReady = { key: notReadyTaintKey, effect: 'NoSchedule' };

/** A new node takes no pods until it has reported that it is ready. */
export function taintNodesByCondition(): AdmissionPlugin {
  return {
    name: 'TaintNodesByCondition',
    handles: (request) => request.operation === 'CREATE' && writes(request, '', 'nodes'),
    mutate(request) {
      const node = request.object as unknown as Node;
      const spec = (node.spec ??= {});
      if (spec.taints?.some((taint) => taint.key === notReady.key && taint.effect === notReady.effect)) return;
      spec.taints = [...(spec.taints ?? []), { ...notReady }];
    },
  };
}
