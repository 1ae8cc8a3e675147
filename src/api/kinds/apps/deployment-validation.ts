import type { Deployment, DeploymentStrategy } from '../../types/apps-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue, notSupported, required } from '../../field-errors.ts';
import { nonNegative } from '../checks.ts';
import { immutable } from '../immutable.ts';
import { isZero, percentOf, validateIntOrAnyPercent } from '../int-or-percent.ts';
import { validateReplicatedTemplate, validateSelector } from './workload-validation.ts';

export function validateDeployment({ spec }: Deployment): StatusCause[] {
  if (!spec) return [required('spec', '')];
  const causes: StatusCause[] = [];
  nonNegative(causes, 'spec.replicas', spec.replicas);
  causes.push(...validateSelector(spec.selector, 'deployment'));
  causes.push(...validateReplicatedTemplate(spec.template, spec.selector));
  causes.push(...validateStrategy(spec.strategy ?? {}));
  nonNegative(causes, 'spec.minReadySeconds', spec.minReadySeconds);
  nonNegative(causes, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  const deadline = spec.progressDeadlineSeconds;
  nonNegative(causes, 'spec.progressDeadlineSeconds', deadline);
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    causes.push(invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  }
  return causes;
}

function validateStrategy({ type, rollingUpdate }: DeploymentStrategy): StatusCause[] {
  const path = 'spec.strategy.rollingUpdate';
  if (type === 'Recreate') {
    const reason = "may not be specified when strategy `type` is 'Recreate'";
    return rollingUpdate ? [forbidden(path, reason)] : [];
  }
  if (type !== 'RollingUpdate') return [notSupported('spec.strategy.type', type ?? '', ['Recreate', 'RollingUpdate'])];
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
  const causes = [
    ...validateIntOrAnyPercent(`${path}.maxUnavailable`, maxUnavailable),
    ...validateIntOrAnyPercent(`${path}.maxSurge`, maxSurge),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    causes.push(invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  if (typeof maxUnavailable === 'string' && percentOf(maxUnavailable) > 100) {
    causes.push(invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'must not be greater than 100%'));
  }
  return causes;
}

export function validateDeploymentUpdate(object: Deployment, old: Deployment, subresource: string): StatusCause[] {
  if (subresource !== '') return [];
  return immutable('spec.selector', object.spec?.selector, old.spec?.selector);
}
