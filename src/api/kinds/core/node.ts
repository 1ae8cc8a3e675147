import type { Node } from '../../types/core-v1.ts';
import { ageColumn, column, nameColumn, wideColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { validateNode, validateNodeUpdate } from './node-validation.ts';

export const node = defineKind<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  scope: 'Cluster',
  status: true,
  keepsStatusOnCreate: true,
  hasGeneration: false,
  subresources: [{ name: 'proxy', kind: 'NodeProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] }],
  defaults: ({ spec, status }) => {
    mirrorPodCidr(spec);
    if (status) status.allocatable ??= status.capacity === undefined ? {} : { ...status.capacity };
  },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  columns: [
    nameColumn,
    column('Status', state),
    column('Roles', roles),
    ageColumn,
    column('Version', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
    wideColumn('Internal-IP', (object) => address(object, 'InternalIP')),
    wideColumn('External-IP', (object) => address(object, 'ExternalIP')),
    wideColumn('OS-Image', ({ status }) => status?.nodeInfo?.osImage || '<unknown>'),
    wideColumn('Kernel-Version', ({ status }) => status?.nodeInfo?.kernelVersion || '<unknown>'),
    wideColumn('Container-Runtime', ({ status }) => status?.nodeInfo?.containerRuntimeVersion || '<unknown>'),
  ],
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
});

/** `podCIDR` is the first of `podCIDRs`, kept for clients of one address family. */
function mirrorPodCidr(spec: Node['spec']): void {
  if (!spec) return;
  if (spec.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
}

function state({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const words = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'];
  if (spec?.unschedulable) words.push('SchedulingDisabled');
  return words.join(',');
}

const rolePrefix = 'node-role.kubernetes.io/';

function roles({ metadata }: Node): string {
  const names = new Set<string>();
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) names.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role' && value !== '') names.add(value);
  }
  return [...names].toSorted().join(',') || '<none>';
}

function address({ status }: Node, type: string): string {
  return status?.addresses?.find((entry) => entry.type === type)?.address ?? '<none>';
}
