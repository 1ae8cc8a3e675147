import type { DaemonSet } from '../../types/apps-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, notSupported, required } from '../../field-errors.ts';
import { nonNegative } from '../checks.ts';
import { immutable } from '../immutable.ts';
import { isZero, validateIntOrPercent } from '../int-or-percent.ts';
import { validateReplicatedTemplate, validateSelector } from './workload-validation.ts';

export function validateDaemonSet({ spec }: DaemonSet): StatusCause[] {
  if (!spec) return [required('spec', '')];
  const causes = [
    ...validateSelector(spec.selector, 'daemonset'),
    ...validateReplicatedTemplate(spec.template, spec.selector, 'DaemonSet'),
  ];
  nonNegative(causes, 'spec.minReadySeconds', spec.minReadySeconds);
  nonNegative(causes, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  const { type = '', rollingUpdate } = spec.updateStrategy ?? {};
  if (type === 'OnDelete') return causes;
  if (type !== 'RollingUpdate') {
    causes.push(notSupported('spec.updateStrategy.type', type, ['RollingUpdate', 'OnDelete']));
    return causes;
  }
  const path = 'spec.updateStrategy.rollingUpdate';
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
  causes.push(...validateIntOrPercent(`${path}.maxUnavailable`, maxUnavailable));
  causes.push(...validateIntOrPercent(`${path}.maxSurge`, maxSurge));
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    causes.push(required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  } else if (!isZero(maxUnavailable) && !isZero(maxSurge)) {
    causes.push(invalidValue(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  }
  return causes;
}

export function validateDaemonSetUpdate(object: DaemonSet, old: DaemonSet, subresource: string): StatusCause[] {
  return subresource === '' ? immutable('spec.selector', object.spec?.selector, old.spec?.selector) : [];
}
