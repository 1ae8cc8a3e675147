import type {
  FlowSchema,
  LimitedPriorityLevelConfiguration,
  NonResourcePolicyRule,
  PriorityLevelConfiguration,
  ResourcePolicyRule,
  Subject,
} from '../../api/types/flowcontrol-v1.ts';
import { danglingCondition } from './dangling.ts';

const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';
const metadataOf = (name: string) => ({
  ...{ name, generation: 1 },
  annotations: { 'apf.kubernetes.io/autoupdate-spec': 'true' },
});

/** Shares, share that may be lent (percent), and the queues: their number, a flow's hand, and the length of each. */
const limitedLevels: readonly [string, number, number, ...([number, number, number] | [])][] = [
  ['catch-all', 5, 0],
  ['global-default', 20, 50, 128, 6, 50],
  ['leader-election', 10, 0, 16, 4, 50],
  ['node-high', 40, 25, 64, 6, 50],
  ['system', 30, 33, 64, 6, 50],
  ['workload-high', 40, 50, 128, 6, 50],
  ['workload-low', 100, 90, 128, 6, 50],
];

/** The priority levels that every API server makes for itself (API Priority and Fairness, "Defaults"). */
export function defaultPriorityLevels(): PriorityLevelConfiguration[] {
  const kind = 'PriorityLevelConfiguration';
  const exempt = { nominalConcurrencyShares: 0, lendablePercent: 0 };
  return [
    { apiVersion, kind, metadata: metadataOf('exempt'), spec: { type: 'Exempt', exempt }, status: {} },
    ...limitedLevels.map(([name, nominalConcurrencyShares, lendablePercent, queues, handSize, queueLengthLimit]) => {
      const limited: LimitedPriorityLevelConfiguration = {
        ...{ nominalConcurrencyShares, lendablePercent },
        limitResponse:
          queues === undefined || handSize === undefined || queueLengthLimit === undefined
            ? { type: 'Reject' }
            : { type: 'Queue', queuing: { queues, handSize, queueLengthLimit } },
      };
      return { apiVersion, kind, metadata: metadataOf(name), spec: { type: 'Limited', limited }, status: {} };
    }),
  ];
}

const everyResource: ResourcePolicyRule = {
  ...{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true },
};
const everyPath: NonResourcePolicyRule = { verbs: ['*'], nonResourceURLs: ['*'] };
const group = (name: string): Subject => ({ kind: 'Group', group: { name } });
const user = (name: string): Subject => ({ kind: 'User', user: { name } });
const account = (name: string): Subject => ({
  kind: 'ServiceAccount',
  serviceAccount: { namespace: 'kube-system', name },
});
const everybody = [group('system:unauthenticated'), group('system:authenticated')];
const nodes = [group('system:nodes')];
const keep = ['get', 'create', 'update'];
const locks = (namespace: string): ResourcePolicyRule => {
  return { verbs: keep, apiGroups: [''], resources: ['endpoints', 'configmaps'], namespaces: [namespace] };
};
const leases = (verbs: string[]): ResourcePolicyRule => {
  return { verbs, apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['*'] };
};

interface SchemaRow {
  name: string;
  level: string;
  precedence: number;
  by?: 'ByUser' | 'ByNamespace';
  subjects: Subject[];
  /** Default: all. */
  resources?: ResourcePolicyRule[];
  paths?: NonResourcePolicyRule[];
}

const schemas: readonly SchemaRow[] = [
  { name: 'exempt', level: 'exempt', precedence: 1, subjects: [group('system:masters')] },
  {
    ...{ name: 'probes', level: 'exempt', precedence: 2, subjects: everybody, resources: [] },
    paths: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  },
  {
    ...{ name: 'system-leader-election', level: 'leader-election', precedence: 100, by: 'ByUser', paths: [] },
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), account('*')],
    resources: [locks('kube-system'), leases(keep)],
  },
  {
    ...{ name: 'endpoint-controller', level: 'workload-high', precedence: 150, by: 'ByUser', paths: [] },
    subjects: [
      user('system:kube-controller-manager'),
      account('endpoint-controller'),
      account('endpointslicemirroring-controller'),
    ],
    resources: [{ verbs: keep, apiGroups: [''], resources: ['endpoints'], namespaces: ['*'] }],
  },
  {
    ...{ name: 'workload-leader-election', level: 'leader-election', precedence: 200, by: 'ByUser', paths: [] },
    ...{ subjects: [account('*')], resources: [locks('*'), leases(keep)] },
  },
  {
    ...{ name: 'system-node-high', level: 'node-high', precedence: 400, by: 'ByUser', subjects: nodes, paths: [] },
    resources: [{ ...everyResource, apiGroups: [''], resources: ['nodes', 'nodes/status'] }, leases(['*'])],
  },
  { name: 'system-nodes', level: 'system', precedence: 500, by: 'ByUser', subjects: nodes },
  {
    ...{ name: 'kube-controller-manager', level: 'workload-high', precedence: 800, by: 'ByNamespace' },
    subjects: [user('system:kube-controller-manager')],
  },
  {
    ...{ name: 'kube-scheduler', level: 'workload-high', precedence: 800, by: 'ByNamespace' },
    subjects: [user('system:kube-scheduler')],
  },
  {
    ...{ name: 'kube-system-service-accounts', level: 'workload-high', precedence: 900, by: 'ByNamespace' },
    subjects: [account('*')],
  },
  {
    ...{ name: 'service-accounts', level: 'workload-low', precedence: 9000, by: 'ByUser' },
    subjects: [group('system:serviceaccounts')],
  },
  { name: 'global-default', level: 'global-default', precedence: 9900, by: 'ByUser', subjects: everybody },
  { name: 'catch-all', level: 'catch-all', precedence: 10_000, by: 'ByUser', subjects: everybody },
];

/** The flow schemas that every API server makes for itself; `now`: when, in RFC 3339. */
export function defaultFlowSchemas(now: string): FlowSchema[] {
  return schemas.map(({ name, level, precedence, by, subjects, resources = [everyResource], paths = [everyPath] }) => ({
    ...{ apiVersion, kind: 'FlowSchema', metadata: metadataOf(name) },
    spec: {
      ...{ priorityLevelConfiguration: { name: level }, matchingPrecedence: precedence },
      ...(by && { distinguisherMethod: { type: by } }),
      rules: [
        {
          subjects,
          ...(resources.length > 0 && { resourceRules: resources }),
          ...(paths.length > 0 && { nonResourceRules: paths }),
        },
      ],
    },
    status: { conditions: [danglingCondition(level, true, now)] },
  }));
}
