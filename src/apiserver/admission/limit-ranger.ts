import { addQuantities, compareQuantities, parseQuantity } from '../../api/quantity.ts';
import type { Container, LimitRangeItem, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { limitRanges } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { refusal, resizesPod, writes } from './refuse.ts';

const annotation = 'kubernetes.io/limit-ranger';

type Amounts = Record<string, string>;

/** Fills the requests and limits that a namespace's limit ranges default, and refuses what lies outside of them. */
export function limitRanger(lookup: Lookup): AdmissionPlugin {
  const itemsOf = (request: AdmissionRequest): LimitRangeItem[] =>
    [...lookup.list(limitRanges, request.namespace)].flatMap((range) => range.spec?.limits ?? []);
  return {
    name: 'LimitRanger',
    handles(request) {
      if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') return false;
      if (writes(request, '', 'persistentvolumeclaims')) return true;
      return (request.operation === 'CREATE' && writes(request, '', 'pods')) || resizesPod(request);
    },
    mutate(request) {
      if (request.kind.plural !== 'pods' || resizesPod(request)) return;
      const items = itemsOf(request).filter((item) => item.type === 'Container');
      if (items.length > 0) applyDefaults(request.object as unknown as Pod, items);
    },
    validate(request) {
      const items = itemsOf(request);
      if (items.length === 0) return;
      const problems =
        request.kind.plural === 'pods'
          ? checkPod(request.object as unknown as Pod, items)
          : checkClaim(request.object as unknown as PersistentVolumeClaim, items);
      const [first, ...others] = problems;
      if (first === undefined) return;
      throw refusal(request, others.length === 0 ? first : `[${problems.join(', ')}]`);
    },
  };
}

function applyDefaults(pod: Pod, items: readonly LimitRangeItem[]): void {
  const defaults = { requests: {} as Amounts, limits: {} as Amounts };
  for (const item of items) {
    Object.assign(defaults.requests, item.defaultRequest);
    Object.assign(defaults.limits, item.default);
  }
  const notes: string[] = [];
  const fill = (container: Container, role: 'container' | 'init container'): void => {
    for (const [field, singular] of [
      ['requests', 'request'],
      ['limits', 'limit'],
    ] as const) {
      const resources = (container.resources ??= {});
      const missing = Object.keys(defaults[field]).filter((name) => resources[field]?.[name] === undefined);
      if (missing.length === 0) continue;
      resources[field] = { ...resources[field] };
      for (const name of missing) resources[field][name] = defaults[field][name] ?? '0';
      notes.push(`${missing.sort().join(', ')} ${singular} for ${role} ${container.name}`);
    }
  };
  for (const container of pod.spec?.containers ?? []) fill(container, 'container');
  for (const container of pod.spec?.initContainers ?? []) fill(container, 'init container');
  if (notes.length === 0) return;
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
}

function checkPod(pod: Pod, items: readonly LimitRangeItem[]): string[] {
  const containers = pod.spec?.containers ?? [];
  const initContainers = pod.spec?.initContainers ?? [];
  return items.flatMap((item) => {
    if (item.type === 'Container') {
      return [...containers, ...initContainers].flatMap(({ resources }) =>
        check(item, resources?.requests ?? {}, resources?.limits ?? {}),
      );
    }
    if (item.type !== 'Pod') return [];
    const total = (field: 'requests' | 'limits'): Amounts => podTotal(containers, initContainers, field);
    return check(item, total('requests'), total('limits'));
  });
}

function checkClaim(claim: PersistentVolumeClaim, items: readonly LimitRangeItem[]): string[] {
  return items
    .filter((item) => item.type === 'PersistentVolumeClaim')
    .flatMap((item) => {
      const requests = claim.spec?.resources?.requests ?? {};
      return [...minimum(item, requests, {}), ...maximum(item, requests, requests)];
    });
}

/** The sum of the containers, or the largest init container where that is more. */
function podTotal(containers: readonly Container[], init: readonly Container[], field: 'requests' | 'limits'): Amounts {
  const total: Amounts = {};
  for (const { resources } of containers) {
    for (const [name, amount] of Object.entries(resources?.[field] ?? {})) {
      total[name] = addQuantities(total[name] ?? '0', amount);
    }
  }
  for (const { resources } of init) {
    for (const [name, amount] of Object.entries(resources?.[field] ?? {})) {
      if (compareQuantities(amount, total[name] ?? '0') > 0) total[name] = amount;
    }
  }
  return total;
}

function check(item: LimitRangeItem, requests: Amounts, limits: Amounts): string[] {
  return [...minimum(item, requests, limits), ...maximum(item, requests, limits), ...ratio(item, requests, limits)];
}

function minimum(item: LimitRangeItem, requests: Amounts, limits: Amounts): string[] {
  return Object.entries(item.min ?? {}).flatMap(([name, least]) => {
    const rule = `minimum ${name} usage per ${item.type} is ${least}`;
    const [request, limit] = [requests[name], limits[name]];
    if (request === undefined) return [`${rule}.  No request is specified`];
    if (compareQuantities(request, least) < 0) return [`${rule}, but request is ${request}`];
    return limit !== undefined && compareQuantities(limit, least) < 0 ? [`${rule}, but limit is ${limit}`] : [];
  });
}

function maximum(item: LimitRangeItem, requests: Amounts, limits: Amounts): string[] {
  return Object.entries(item.max ?? {}).flatMap(([name, most]) => {
    const rule = `maximum ${name} usage per ${item.type} is ${most}`;
    const [request, limit] = [requests[name], limits[name]];
    if (limit === undefined) return [`${rule}.  No limit is specified`];
    if (compareQuantities(limit, most) > 0) return [`${rule}, but limit is ${limit}`];
    return request !== undefined && compareQuantities(request, most) > 0 ? [`${rule}, but request is ${request}`] : [];
  });
}

function ratio(item: LimitRangeItem, requests: Amounts, limits: Amounts): string[] {
  return Object.entries(item.maxLimitRequestRatio ?? {}).flatMap(([name, most]) => {
    const rule = `${name} max limit to request ratio per ${item.type} is ${most}`;
    const request = number(requests[name]);
    const limit = number(limits[name]);
    if (request === 0) return [`${rule}, but no request is specified or request is 0`];
    if (limit === 0) return [`${rule}, but no limit is specified or limit is 0`];
    const found = limit / request;
    return found > number(most) ? [`${rule}, but provided ratio is ${found.toFixed(6)}`] : [];
  });
}

function number(text: string | undefined): number {
  return text === undefined ? 0 : Number(parseQuantity(text)?.nano ?? 0n) / 1e9;
}
