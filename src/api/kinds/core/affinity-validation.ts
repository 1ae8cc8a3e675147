import { dnsLabel, dnsSubdomain, labelValue, qualifiedName } from '../../names.ts';
import type {
  Affinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
} from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue, required } from '../../field-errors.ts';
import { validateLabelSelector } from '../label-selector-validation.ts';

export function validateAffinity(causes: StatusCause[], affinity: Affinity, path: string): void {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  if (nodeAffinity) {
    const selector = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    const requiredPath = `${path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`;
    if (selector) validateNodeSelectorTerms(causes, selector.nodeSelectorTerms, `${requiredPath}.nodeSelectorTerms`);
    nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ weight, preference }, index) => {
      const at = `${path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
      validateWeight(causes, weight, at);
      validateTerm(causes, preference, `${at}.preference`);
    });
  }
  if (podAffinity) validatePodAffinity(causes, podAffinity, `${path}.podAffinity`);
  if (podAntiAffinity) validatePodAffinity(causes, podAntiAffinity, `${path}.podAntiAffinity`);
}

function validateNodeSelectorTerms(
  causes: StatusCause[],
  terms: readonly NodeSelectorTerm[] | undefined,
  path: string,
): void {
  if (!terms?.length) causes.push(required(path, 'must have at least one node selector term'));
  terms?.forEach((term, index) => validateTerm(causes, term, `${path}[${index}]`));
}

function validateTerm(causes: StatusCause[], { matchExpressions, matchFields }: NodeSelectorTerm, path: string): void {
  matchExpressions?.forEach((expression, index) => {
    validateExpression(causes, expression, `${path}.matchExpressions[${index}]`);
  });
  matchFields?.forEach((field, index) => validateField(causes, field, `${path}.matchFields[${index}]`));
}

function validateExpression(causes: StatusCause[], requirement: NodeSelectorRequirement, path: string): void {
  const { key, operator, values = [] } = requirement;
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        causes.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        const rule = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        causes.push(forbidden(`${path}.values`, rule));
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        const rule = "must be specified single value when `operator` is 'Lt' or 'Gt'";
        causes.push(required(`${path}.values`, rule));
      }
      break;
    default:
      causes.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'));
  }
  for (const text of qualifiedName(key)) causes.push(invalidValue(`${path}.key`, key, text));
  values.forEach((value, index) => {
    for (const text of labelValue(value)) causes.push(invalidValue(`${path}.values[${index}]`, value, text));
  });
}

function validateField(causes: StatusCause[], requirement: NodeSelectorRequirement, path: string): void {
  const { key, operator, values = [] } = requirement;
  if (operator !== 'In' && operator !== 'NotIn') {
    causes.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'));
  } else if (values.length !== 1) {
    const rule = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    causes.push(required(`${path}.values`, rule));
  }
  if (key !== 'metadata.name') {
    causes.push(invalidValue(`${path}.key`, key, 'not a valid field selector key'));
    return;
  }
  values.forEach((value, index) => {
    for (const text of dnsSubdomain(value)) causes.push(invalidValue(`${path}.values[${index}]`, value, text));
  });
}

function validatePodAffinity(causes: StatusCause[], affinity: PodAffinity, path: string): void {
  affinity.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, index) => {
    validatePodTerm(causes, term, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`);
  });
  affinity.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ weight, podAffinityTerm }, index) => {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
    validateWeight(causes, weight, at);
    validatePodTerm(causes, podAffinityTerm, `${at}.podAffinityTerm`);
  });
}

function validatePodTerm(causes: StatusCause[], term: PodAffinityTerm, path: string): void {
  causes.push(...validateLabelSelector(term.labelSelector, `${path}.labelSelector`));
  causes.push(...validateLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`));
  term.namespaces?.forEach((name) => {
    for (const text of dnsLabel(name)) causes.push(invalidValue(`${path}.namespace`, name, text));
  });
  if (!term.topologyKey) causes.push(required(`${path}.topologyKey`, 'can not be empty'));
  for (const text of qualifiedName(term.topologyKey ?? '')) {
    causes.push(invalidValue(`${path}.topologyKey`, term.topologyKey ?? '', text));
  }
  if ((term.matchLabelKeys?.length || term.mismatchLabelKeys?.length) && !term.labelSelector) {
    const field = term.matchLabelKeys?.length ? 'matchLabelKeys' : 'mismatchLabelKeys';
    causes.push(forbidden(`${path}.${field}`, 'must not be specified when labelSelector is not set'));
  }
}

function validateWeight(causes: StatusCause[], weight: number, path: string): void {
  if (weight <= 0 || weight > 100) causes.push(invalidValue(`${path}.weight`, weight, 'must be in the range 1-100'));
}
