import type { PodFailurePolicy, PodFailurePolicyRule } from '../../api/types/batch-v1.ts';
import type { ContainerStatus, Pod } from '../../api/types/core-v1.ts';

/** What the policy says about a failed pod. */
export interface PolicyMatch {
  /** Absent when no rule matches. */
  action?: string;
  /** Does the failure count towards the back-off limit? */
  counts: boolean;
  /** Why the job fails at once (FailJob). */
  jobFailure?: string;
}

/** The first rule that matches decides. (`podFailurePolicy` of batch/v1, KEP-3329.) */
export function matchPodFailurePolicy(policy: PodFailurePolicy | undefined, pod: Pod): PolicyMatch {
  for (const [index, rule] of (policy?.rules ?? []).entries()) {
    const reason = matchRule(rule, pod);
    if (reason === undefined) continue;
    const { action } = rule;
    if (action !== 'FailJob') return { action, counts: action !== 'Ignore' };
    return { action, counts: true, jobFailure: `${reason} matching ${action} rule at index ${index}` };
  }
  return { counts: true };
}

/** The part of the message that says what matched; undefined when the rule does not. */
function matchRule(rule: PodFailurePolicyRule, pod: Pod): string | undefined {
  const { name, namespace } = pod.metadata;
  if (rule.onExitCodes) {
    const { containerName, operator, values } = rule.onExitCodes;
    const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const matches = (status: ContainerStatus): boolean => {
      const exitCode = status.state?.terminated?.exitCode ?? 0;
      if (exitCode === 0 || (containerName !== undefined && containerName !== status.name)) return false;
      return values.includes(exitCode) === (operator === 'In');
    };
    const found = statuses.find(matches);
    if (!found) return undefined;
    const exitCode = found.state?.terminated?.exitCode;
    return `Container ${found.name} for pod ${namespace}/${name} failed with exit code ${exitCode}`;
  }
  const conditions = pod.status?.conditions ?? [];
  for (const pattern of rule.onPodConditions ?? []) {
    const found = conditions.find(({ type, status }) => type === pattern.type && status === (pattern.status ?? 'True'));
    if (found) return `Pod ${namespace}/${name} has condition ${found.type}`;
  }
  return undefined;
}
