import type {
  Affinity,
  NodeSelectorRequirement,
  PodSpec,
  TopologySpreadConstraint,
} from '../../../api/types/core-v1.ts';
import { serviceSelector } from './names.ts';
import type { ServiceScope } from './scope.ts';
import { besideOthers } from './shared-namespaces.ts';
import { hostnameLabel } from '../../../api/well-known.ts';

/** Where a service's pods may run: Swarm's constraints and preferences, and the platform. */
export function placementOf(
  scope: ServiceScope,
): Pick<PodSpec, 'affinity' | 'topologySpreadConstraints' | 'nodeSelector'> {
  const requirements = constraintsOf(scope);
  const nodeAffinity = requirements.length > 0 && {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: requirements }] },
    },
  };
  const podAntiAffinity = apartFromEachOther(scope);
  const beside = scope.options.isLocal === false ? [] : besideOthers(scope);
  const podAffinity = beside.length > 0 && { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: beside } };
  const affinity = { ...nodeAffinity, ...podAffinity, ...podAntiAffinity };
  return {
    affinity: Object.keys(affinity).length > 0 ? affinity : undefined,
    topologySpreadConstraints: spreadOf(scope),
    nodeSelector: platformOf(scope),
  };
}

const attributes: Readonly<Record<string, string>> = {
  'node.hostname': hostnameLabel,
  'node.id': hostnameLabel,
  'node.platform.os': 'kubernetes.io/os',
  'node.platform.arch': 'kubernetes.io/arch',
};
const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };
const roleLabel = 'node-role.kubernetes.io/control-plane';

function constraintsOf({ service, problems, at }: ServiceScope): NodeSelectorRequirement[] {
  return (service.deploy?.placement?.constraints ?? []).flatMap((text, index) => {
    const [, attribute = '', operator = '', given = ''] = /^\s*(\S+?)\s*(==|!=)\s*(.*?)\s*$/.exec(text) ?? [];
    const is = operator === '==';
    if (attribute === 'node.role') {
      const isManager = (given === 'manager') === is;
      return [{ key: roleLabel, operator: isManager ? 'Exists' : 'DoesNotExist' }];
    }
    const key = attribute.startsWith('node.labels.') ? attribute.slice('node.labels.'.length) : attributes[attribute];
    if (key === undefined) {
      problems.refuse(
        at('deploy', 'placement', 'constraints', index),
        `nodes have no ${attribute || text} to select by`,
      );
      return [];
    }
    const value = key === 'kubernetes.io/arch' ? (architectures[given] ?? given) : given;
    return [{ key, operator: is ? 'In' : 'NotIn', values: [value] }];
  });
}

function apartFromEachOther({ service, project, name, problems, at }: ServiceScope): Affinity {
  const max = service.deploy?.placement?.max_replicas_per_node;
  if (max === undefined) return {};
  if (max > 1) {
    problems.refuse(
      at('deploy', 'placement', 'max_replicas_per_node'),
      'the scheduler knows only one on each node, or as many as fit',
    );
    return {};
  }
  const labelSelector = { matchLabels: serviceSelector(project.name, name) };
  return {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector, topologyKey: hostnameLabel }],
    },
  };
}

function spreadOf({ service, project, name, problems, at }: ServiceScope): TopologySpreadConstraint[] | undefined {
  const constraints = (service.deploy?.placement?.preferences ?? []).flatMap(({ spread = '' }, index) => {
    const topologyKey = spread.startsWith('node.labels.') ? spread.slice('node.labels.'.length) : attributes[spread];
    if (topologyKey === undefined) {
      problems.refuse(at('deploy', 'placement', 'preferences', index), `nodes have no ${spread} to spread over`);
      return [];
    }
    const labelSelector = { matchLabels: serviceSelector(project.name, name) };
    return [{ maxSkew: 1, topologyKey, whenUnsatisfiable: 'ScheduleAnyway', labelSelector }];
  });
  return constraints.length > 0 ? constraints : undefined;
}

function platformOf({ service, problems, at }: ServiceScope): Record<string, string> | undefined {
  const { platform } = service;
  if (!platform) return undefined;
  const [os = '', arch] = platform.split('/');
  problems.warn(at('platform'), `pods go to nodes of ${platform} only: nothing is emulated`);
  if (arch === undefined)
    return ['linux', 'windows'].includes(os) ? { 'kubernetes.io/os': os } : { 'kubernetes.io/arch': os };
  return { 'kubernetes.io/os': os, 'kubernetes.io/arch': architectures[arch] ?? arch };
}
