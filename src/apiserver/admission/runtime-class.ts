import type { Pod } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { runtimeClasses } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { refusal, writes } from './refuse.ts';

/** Gives pods the overhead and the scheduling constraints of their runtime class (KEP-688). */
export function runtimeClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'RuntimeClass',
    handles: (request) => request.operation === 'CREATE' && writes(request, '', 'pods'),
    async mutate(request) {
      const { spec } = request.object as unknown as Pod;
      if (!spec) return;
      const name = spec.runtimeClassName;
      if (!name) {
        if (spec.overhead && Object.keys(spec.overhead).length > 0) {
          throw refusal(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
        }
        return;
      }
      const found = lookup.get(runtimeClasses, '', name) ?? (await lookup.fresh(runtimeClasses, '', name));
      if (!found) throw refusal(request, `pod rejected: RuntimeClass "${name}" not found`);
      const overhead = found.overhead?.podFixed;
      if (spec.overhead && JSON.stringify(spec.overhead) !== JSON.stringify(overhead ?? {})) {
        const text = `pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`;
        throw refusal(request, text);
      }
      if (overhead) spec.overhead = { ...overhead };
      for (const [key, value] of Object.entries(found.scheduling?.nodeSelector ?? {})) {
        if (spec.nodeSelector?.[key] !== undefined && spec.nodeSelector[key] !== value) {
          const text = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${spec.nodeSelector[key]}`;
          throw refusal(request, text);
        }
        spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
      }
      const tolerations = found.scheduling?.tolerations ?? [];
      const known = new Set((spec.tolerations ?? []).map((toleration) => JSON.stringify(toleration)));
      const missing = tolerations.filter((toleration) => !known.has(JSON.stringify(toleration)));
      if (missing.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...missing];
    },
  };
}
