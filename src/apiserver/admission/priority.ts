import type { Pod } from '../../api/types/core-v1.ts';
import type { PriorityClass } from '../../api/types/scheduling-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { priorityClasses } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { refusal, writes } from './refuse.ts';

const group = 'scheduling.k8s.io';

/** Gives pods the number that their priority class stands for, and lets one class only be the default. */
export function priority(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'Priority',
    handles: (request) =>
      request.operation !== 'DELETE' && (writes(request, '', 'pods') || writes(request, group, 'priorityclasses')),
    async mutate(request) {
      if (request.kind.plural !== 'pods') return;
      if (request.operation === 'UPDATE') keep(request);
      else await resolve(request, lookup);
    },
    validate(request) {
      if (request.kind.plural !== 'priorityclasses') return;
      const made = request.object as unknown as PriorityClass;
      if (!made.globalDefault) return;
      const other = globalDefault(lookup);
      if (other && other.metadata.name !== made.metadata.name) {
        throw refusal(
          request,
          `PriorityClass ${other.metadata.name ?? ''} is already marked as default. Only one default can exist`,
        );
      }
    },
  };
}

/** What was resolved when the pod was made stays with a client that sends the pod as it was written. */
function keep({ object, old }: AdmissionRequest): void {
  const { spec } = object as unknown as Pod;
  const { spec: before } = old as unknown as Pod;
  if (!spec || !before) return;
  if (before.priority !== undefined) spec.priority ??= before.priority;
  if (before.preemptionPolicy !== undefined) spec.preemptionPolicy ??= before.preemptionPolicy;
}

async function resolve(request: AdmissionRequest, lookup: Lookup): Promise<void> {
  const { spec } = request.object as unknown as Pod;
  if (!spec) return;
  let chosen: PriorityClass | undefined;
  if (spec.priorityClassName) {
    chosen =
      lookup.get(priorityClasses, '', spec.priorityClassName) ??
      (await lookup.fresh(priorityClasses, '', spec.priorityClassName));
    if (!chosen) throw refusal(request, `no PriorityClass with name ${spec.priorityClassName} was found`);
  } else {
    chosen = globalDefault(lookup);
    if (chosen?.metadata.name) spec.priorityClassName = chosen.metadata.name;
  }
  const value = chosen?.value ?? 0;
  if (spec.priority !== undefined && spec.priority !== value) {
    const text = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
    throw refusal(request, text);
  }
  spec.priority = value;
  const policy = chosen?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    const text = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`;
    throw refusal(request, text);
  }
  spec.preemptionPolicy = policy;
}

/** Of several defaults the lowest counts, as upstream resolves it. */
function globalDefault(lookup: Lookup): PriorityClass | undefined {
  let found: PriorityClass | undefined;
  for (const candidate of lookup.list(priorityClasses)) {
    if (candidate.globalDefault && (!found || (candidate.value ?? 0) < (found.value ?? 0))) found = candidate;
  }
  return found;
}
