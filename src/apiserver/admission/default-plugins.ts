import type { Random } from '../../base/random.ts';
import type { AdmissionPlugin } from '../admission.ts';
import type { Authorizer } from '../authorization.ts';
import type { Rbac } from '../authorization/rbac.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './certificates.ts';
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import type { TolerationSeconds } from './default-toleration-seconds.ts';
import type { Lookup } from './lookup.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { priority } from './priority.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

/** The plugins of an API server with default settings, in upstream's order. */
export function defaultPlugins(options: {
  lookup: Lookup;
  random: Random;
  rbac: Rbac;
  authorize: Authorizer;
  tolerationSeconds: TolerationSeconds;
}): AdmissionPlugin[] {
  const { lookup, random, rbac, authorize, tolerationSeconds } = options;
  return [
    namespaceLifecycle(lookup),
    serviceAccount(lookup, random),
    nodeRestriction(lookup),
    taintNodesByCondition(),
    priority(lookup),
    defaultTolerationSeconds(tolerationSeconds),
    defaultStorageClass(lookup),
    storageObjectInUseProtection(),
    runtimeClass(lookup),
    certificateApproval(authorize),
    certificateSigning(authorize),
    certificateSubjectRestriction(),
    defaultIngressClass(lookup),
    rbacEscalation(rbac, authorize),
  ];
}
