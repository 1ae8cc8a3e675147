import type { Pod } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { writes } from './refuse.ts';
import { notReadyTaintKey } from '../../api/well-known.ts';

/** How long pods stay on a node that is not ready or cannot be reached, unless they say so themselves. */
export interface TolerationSeconds {
  notReady: number;
  unreachable: number;
}

export const upstreamTolerationSeconds: TolerationSeconds = { notReady: 300, unreachable: 300 };

export function defaultTolerationSeconds(seconds: TolerationSeconds): AdmissionPlugin {
  const wanted = [
    { key: notReadyTaintKey, tolerationSeconds: seconds.notReady },
    { key: 'node.kubernetes.io/unreachable', tolerationSeconds: seconds.unreachable },
  ];
  return {
    name: 'DefaultTolerationSeconds',
    handles: (request) =>
      (request.operation === 'CREATE' || request.operation === 'UPDATE') && writes(request, '', 'pods'),
    mutate(request) {
      const { spec } = request.object as unknown as Pod;
      if (!spec) return;
      for (const { key, tolerationSeconds } of wanted) {
        const present = spec.tolerations?.some(
          (t) => (t.key === key || !t.key) && (t.effect === 'NoExecute' || !t.effect),
        );
        if (present) continue;
        const toleration = { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds };
        spec.tolerations = [...(spec.tolerations ?? []), toleration];
      }
    },
  };
}
