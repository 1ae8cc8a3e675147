import type { LimitRange, Namespace, ResourceQuota } from '../../../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../../api/types/policy-v1.ts';
import { formatLabelSelector } from '../../../api/label-selector.ts';
import { annotationLines, labelLines, type Lines, sorted } from './fields.ts';

/** What bounds how much there may be of something, and namespaces, which show it. */

export function quotaLines({ metadata, ...quota }: ResourceQuota): Lines {
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...scopeLines(quota, ''),
    'Resource\tUsed\tHard',
    '--------\t----\t----',
    ...usage(quota, ''),
  ];
}

type Quota = Pick<ResourceQuota, 'spec' | 'status'>;

function usage({ status = {} }: Quota, margin: string): Lines {
  return sorted(status.hard).map(([name, hard]) => `${margin}${name}\t${status.used?.[name] ?? ''}\t${hard}`);
}

function scopeLines({ spec }: Quota, margin: string): Lines {
  const scopes = (spec?.scopes ?? []).toSorted();
  if (scopes.length === 0) return [];
  const helps = scopes.flatMap((scope) => scopeHelp[scope] ?? []);
  return [`${margin}Scopes:\t${scopes.join(', ')}`, ...helps.map((help) => `${margin || ' '}* ${help}`)];
}

const scopeHelp: Record<string, string> = {
  Terminating:
    'Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system.',
  NotTerminating:
    'Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate.',
  BestEffort:
    'Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.',
  NotBestEffort:
    'Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service.',
};

export function limitRangeLines({ metadata, spec }: LimitRange): Lines {
  return [`Name:\t${metadata.name}`, `Namespace:\t${metadata.namespace}`, ...limitTable([{ spec }], '')];
}

function limitTable(ranges: readonly Pick<LimitRange, 'spec'>[], margin: string): Lines {
  const rows = ranges.flatMap(({ spec }) =>
    (spec?.limits ?? []).flatMap((limit) => {
      const { min, max, defaultRequest, default: byDefault, maxLimitRequestRatio: ratio } = limit;
      const columns = [min, max, defaultRequest, byDefault, ratio];
      const resources = [...new Set(columns.flatMap((column) => Object.keys(column ?? {})))].toSorted();
      return resources.map((name) => [limit.type, name, ...columns.map((column) => column?.[name] ?? '-')]);
    }),
  );
  const header = ['Type', 'Resource', 'Min', 'Max', 'Default Request', 'Default Limit', 'Max Limit/Request Ratio'];
  const rule = header.map((title) => '-'.repeat(title.length));
  return [header, rule, ...rows].map((row) => margin + row.join('\t'));
}

export function namespaceLines(
  { metadata, status }: Namespace,
  quotas: readonly ResourceQuota[],
  ranges: readonly LimitRange[],
): Lines {
  return [
    `Name:\t${metadata.name}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Status:\t${status?.phase ?? ''}`,
    ...conditionLines(status?.conditions ?? []),
    '',
    ...(quotas.length === 0 ? ['No resource quota.'] : ['Resource Quotas', ...quotas.flatMap(quotaInside)]),
    '',
    ...(ranges.length === 0 ? ['No LimitRange resource.'] : ['Resource Limits', ...limitTable(ranges, ' ')]),
  ];
}

function quotaInside({ metadata, ...quota }: ResourceQuota): Lines {
  return [
    `  Name:\t${metadata.name}`,
    ...scopeLines(quota, '  '),
    '  Resource\tUsed\tHard',
    '  --------\t---\t---',
    ...usage(quota, '  '),
  ];
}

interface Condition {
  type: string;
  status: string;
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

function conditionLines(conditions: readonly Condition[]): Lines {
  if (conditions.length === 0) return [];
  const rows = conditions.map(
    ({ type, status, lastTransitionTime = '', reason = '', message = '' }) =>
      `  ${type}\t${status}\t${lastTransitionTime}\t${reason}\t${message}`,
  );
  const header = ['Type', 'Status', 'LastTransitionTime', 'Reason', 'Message'];
  const rule = header.map((title) => '-'.repeat(title.length));
  return ['Conditions:', `  ${header.join('\t')}`, `  ${rule.join('\t')}`, ...rows];
}

export function disruptionBudgetLines({ metadata, spec = {}, status }: PodDisruptionBudget): Lines {
  const { minAvailable, maxUnavailable, selector } = spec;
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...(minAvailable === undefined ? [] : [`Min available:\t${minAvailable}`]),
    ...(minAvailable === undefined && maxUnavailable !== undefined ? [`Max unavailable:\t${maxUnavailable}`] : []),
    `Selector:\t${selector ? formatLabelSelector(selector) : '<unset>'}`,
    'Status:',
    `    Allowed disruptions:\t${status?.disruptionsAllowed ?? 0}`,
    `    Current:\t${status?.currentHealthy ?? 0}`,
    `    Desired:\t${status?.desiredHealthy ?? 0}`,
    `    Total:\t${status?.expectedPods ?? 0}`,
  ];
}
