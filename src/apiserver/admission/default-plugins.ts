import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { AdmissionPlugin } from '../admission.ts';
import type { Authorizer } from '../authorization.ts';
import type { Rbac } from '../authorization/rbac.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './certificates.ts';
import { persistentVolumeClaimResize } from './claim-resize.ts';
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import type { TolerationSeconds } from './default-toleration-seconds.ts';
import { expressionCheck } from './expression-check.ts';
import { limitRanger } from './limit-ranger.ts';
import type { Lookup } from './lookup.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { priority } from './priority.ts';
import type { QuotaLedger } from './quota-ledger.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { resourceQuota } from './resource-quota.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

/** The plugins of an API server with default settings, in upstream's order. */
export function defaultPlugins(options: {
  lookup: Lookup;
  ledger: QuotaLedger;
  clock: Clock;
  random: Random;
  rbac: Rbac;
  authorize: Authorizer;
  tolerationSeconds: TolerationSeconds;
  policies: { mutating: AdmissionPlugin; validating: AdmissionPlugin };
  webhooks: { mutating: AdmissionPlugin; validating: AdmissionPlugin };
}): AdmissionPlugin[] {
  const { lookup, ledger, clock, random, rbac, authorize, tolerationSeconds, policies, webhooks } = options;
  return [
    namespaceLifecycle(lookup),
    limitRanger(lookup),
    serviceAccount(lookup, random),
    nodeRestriction(lookup),
    taintNodesByCondition(),
    priority(lookup),
    defaultTolerationSeconds(tolerationSeconds),
    defaultStorageClass(lookup),
    storageObjectInUseProtection(),
    persistentVolumeClaimResize(lookup),
    runtimeClass(lookup),
    certificateApproval(authorize),
    certificateSigning(authorize),
    certificateSubjectRestriction(),
    defaultIngressClass(lookup),
    podTopologyLabels(lookup),
    rbacEscalation(rbac, authorize),
    expressionCheck,
    policies.mutating,
    webhooks.mutating,
    policies.validating,
    webhooks.validating,
    resourceQuota(lookup, ledger, clock),
  ];
}
