import { fieldCidr, labelValue, qualifiedName } from '../../names.ts';
import type { Node, Taint } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, forbidden, invalidValue, notSupported, required } from '../../field-errors.ts';
import { deepEqual } from '../immutable.ts';
import { validateResourceList } from './resources-validation.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateNode({ spec, status }: Node): StatusCause[] {
  const causes: StatusCause[] = [];
  if (spec?.taints) validateTaints(causes, spec.taints);
  const { podCIDRs = [] } = spec ?? {};
  podCIDRs.forEach((range, index) => {
    for (const text of fieldCidr(range)) causes.push(invalidValue(`spec.podCIDRs[${index}]`, range, text));
  });
  const v6 = podCIDRs.filter((range) => range.includes(':')).length;
  if (podCIDRs.length > 2 || (podCIDRs.length === 2 && v6 !== 1)) {
    const rule = 'may specify no more than one CIDR for each IP family';
    causes.push(invalidValue('spec.podCIDRs', podCIDRs, rule));
  }
  if (status?.capacity) validateQuantities(causes, status.capacity, 'status.capacity');
  if (status?.allocatable) validateQuantities(causes, status.allocatable, 'status.allocatable');
  const addresses = new Set<string>();
  status?.addresses?.forEach((address, index) => {
    const key = `${address.type}/${address.address}`;
    if (addresses.has(key)) causes.push(duplicate(`status.addresses[${index}]`, address));
    addresses.add(key);
  });
  return causes;
}

/** `pods` is a resource of nodes that containers do not have. */
function validateQuantities(causes: StatusCause[], list: Record<string, string>, path: string): void {
  const { pods: _, ...others } = list;
  const problems: StatusCause[] = [];
  validateResourceList(problems, others, path);
  causes.push(...problems.filter(({ message }) => !message?.includes('for containers')));
}

function validateTaints(causes: StatusCause[], taints: readonly Taint[]): void {
  const seen = new Set<string>();
  taints.forEach(({ key, value = '', effect }, index) => {
    const path = `spec.taints[${index}]`;
    for (const text of qualifiedName(key ?? '')) causes.push(invalidValue(`${path}.key`, key ?? '', text));
    for (const text of labelValue(value)) causes.push(invalidValue(`${path}.value`, value, text));
    if (!effect) causes.push(required(`${path}.effect`, ''));
    else if (!effects.includes(effect)) causes.push(notSupported(`${path}.effect`, effect, effects));
    const pair = `${key}:${effect}`;
    if (seen.has(pair)) causes.push(duplicate(path, taints[index]));
    seen.add(pair);
  });
}

export function validateNodeUpdate({ spec }: Node, old: Node, subresource: string): StatusCause[] {
  if (subresource !== '') return [];
  const causes: StatusCause[] = [];
  const before = old.spec ?? {};
  if (before.podCIDRs?.length && !deepEqual(spec?.podCIDRs, before.podCIDRs)) {
    const rule = 'node updates may not change podCIDR except from "" to valid';
    causes.push(forbidden('spec.podCIDRs', rule));
  }
  if (before.providerID && spec?.providerID !== before.providerID) {
    const rule = 'node updates may not change providerID except from "" to valid';
    causes.push(forbidden('spec.providerID', rule));
  }
  return causes;
}
