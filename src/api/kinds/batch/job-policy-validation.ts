import type { JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from '../../types/batch-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, invalidValue, notSupported, required, tooMany } from '../../field-errors.ts';

const maxRules = 20;
const maxExitCodes = 255;
const maxPatterns = 20;

/** Rules of `podFailurePolicy` and `successPolicy`: how a job with particular ends is judged. */
export function validateJobPolicies(spec: JobSpec, path: string): StatusCause[] {
  return [...validateFailurePolicy(spec, path), ...validateSuccessPolicy(spec, path)];
}

function validateFailurePolicy({ podFailurePolicy, template, ...spec }: JobSpec, path: string): StatusCause[] {
  if (!podFailurePolicy) return [];
  const rulesPath = `${path}.podFailurePolicy.rules`;
  const rules = podFailurePolicy.rules ?? [];
  if (rules.length > maxRules) return [tooMany(rulesPath, rules.length, maxRules)];
  const { containers = [], initContainers = [] } = template?.spec ?? {};
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
  return rules.flatMap((rule, i) => {
    const at = `${rulesPath}[${i}]`;
    const causes: StatusCause[] = [];
    if (!rule.action) causes.push(required(`${at}.action`, `valid values: ${actions.map((a) => `"${a}"`).join(', ')}`));
    else if (!actions.includes(rule.action)) causes.push(notSupported(`${at}.action`, rule.action, actions));
    else if (rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
      causes.push(invalidValue(`${at}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'));
    }
    return [...causes, ...validateFailureRule(rule, at, names)];
  });
}

function validateFailureRule(rule: PodFailurePolicyRule, at: string, names: ReadonlySet<string>): StatusCause[] {
  const { onExitCodes, onPodConditions = [] } = rule;
  const causes: StatusCause[] = [];
  const whole = (message: string): StatusCause => ({
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${message}`,
    field: at,
  });
  if (onExitCodes && onPodConditions.length > 0) {
    causes.push(whole('specifying both OnExitCodes and OnPodConditions is not supported'));
  }
  if (!onExitCodes && onPodConditions.length === 0) {
    causes.push(whole('specifying one of OnExitCodes and OnPodConditions is required'));
  }
  if (onExitCodes) causes.push(...validateExitCodes(onExitCodes, `${at}.onExitCodes`, names));
  if (onPodConditions.length > maxPatterns) {
    return [...causes, tooMany(`${at}.onPodConditions`, onPodConditions.length, maxPatterns)];
  }
  for (const [i, { type, status }] of onPodConditions.entries()) {
    const patternPath = `${at}.onPodConditions[${i}]`;
    if (!type) causes.push(required(`${patternPath}.type`, 'name part must be non-empty'));
    if (!['True', 'False', 'Unknown'].includes(status ?? '')) {
      causes.push(notSupported(`${patternPath}.status`, status ?? '', ['False', 'True', 'Unknown']));
    }
  }
  return causes;
}

function validateExitCodes(
  { containerName, operator, values }: NonNullable<PodFailurePolicyRule['onExitCodes']>,
  at: string,
  names: ReadonlySet<string>,
): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!operator) causes.push(required(`${at}.operator`, 'valid values: "In", "NotIn"'));
  else if (operator !== 'In' && operator !== 'NotIn') {
    causes.push(notSupported(`${at}.operator`, operator, ['In', 'NotIn']));
  }
  if (containerName !== undefined && !names.has(containerName)) {
    const rule = 'must be one of the container or initContainer names in the pod template';
    causes.push(invalidValue(`${at}.containerName`, containerName, rule));
  }
  if (values.length === 0) causes.push(invalidValue(`${at}.values`, values, 'at least one value is required'));
  if (values.length > maxExitCodes) return [...causes, tooMany(`${at}.values`, values.length, maxExitCodes)];
  const seen = new Set<number>();
  for (const [i, value] of values.entries()) {
    const valuePath = `${at}.values[${i}]`;
    if (value === 0 && operator === 'In')
      causes.push(invalidValue(valuePath, value, 'must not be 0 for the In operator'));
    if (seen.has(value)) causes.push(duplicate(valuePath, value));
    seen.add(value);
  }
  if (values.some((value, i) => i > 0 && value < values[i - 1]!)) {
    causes.push(invalidValue(`${at}.values`, values, 'must be ordered'));
  }
  return causes;
}

function validateSuccessPolicy(spec: JobSpec, path: string): StatusCause[] {
  const { successPolicy, completionMode, completions = 0 } = spec;
  if (!successPolicy) return [];
  const at = `${path}.successPolicy`;
  if (completionMode !== 'Indexed') return [invalidValue(at, successPolicy, 'requires indexed completion mode')];
  const rules = successPolicy.rules ?? [];
  if (rules.length === 0) {
    return [required(`${at}.rules`, 'at least one rules must be specified when the successPolicy is specified')];
  }
  if (rules.length > maxRules) return [tooMany(`${at}.rules`, rules.length, maxRules)];
  return rules.flatMap((rule, i) => validateSuccessRule(rule, `${at}.rules[${i}]`, completions));
}

function validateSuccessRule(rule: SuccessPolicyRule, at: string, completions: number): StatusCause[] {
  const { succeededCount, succeededIndexes } = rule;
  if (succeededCount === undefined && succeededIndexes === undefined) {
    return [required(at, 'at least one of succeededCount or succeededIndexes must be specified')];
  }
  const causes: StatusCause[] = [];
  let indexes = completions;
  if (succeededIndexes !== undefined) {
    const parsed = countIndexes(succeededIndexes, completions);
    if (typeof parsed === 'number') indexes = parsed;
    else {
      const message = `error parsing succeededIndexes: ${parsed.problem}`;
      causes.push(invalidValue(`${at}.succeededIndexes`, succeededIndexes, message));
    }
  }
  if (succeededCount === undefined) return causes;
  const countPath = `${at}.succeededCount`;
  if (succeededCount < 1) causes.push(invalidValue(countPath, succeededCount, 'must be greater than 0'));
  if (succeededCount > completions) {
    const limit = `must be less than or equal to ${completions} (the number of specified completions)`;
    causes.push(invalidValue(countPath, succeededCount, limit));
  } else if (succeededCount > indexes) {
    const source = 'the number of indexes in the specified succeededIndexes field';
    causes.push(invalidValue(countPath, succeededCount, `must be less than or equal to ${indexes} (${source})`));
  }
  return causes;
}

/** How many indexes a text names: `1,3-5`. */
function countIndexes(text: string, completions: number): number | { problem: string } {
  let count = 0;
  let last = -1;
  for (const part of text === '' ? [] : text.split(',')) {
    const limits = part.split('-');
    if (limits.length > 2) {
      const rule = "an index interval can have at most two parts separated by '-'";
      return { problem: `the fragment ${JSON.stringify(part)} violates the requirement that ${rule}` };
    }
    const numbers = limits.map((limit) => (/^\d+$/.test(limit) ? Number(limit) : NaN));
    const bad = limits[numbers.findIndex((number) => Number.isNaN(number))];
    if (bad !== undefined) return { problem: `cannot convert string to integer for index: ${JSON.stringify(bad)}` };
    const [first = 0, end = first] = numbers;
    const beyond = numbers.find((number) => number >= completions);
    if (beyond !== undefined) return { problem: `too large index: "${beyond}"` };
    if (first <= last) return { problem: `non-increasing order, previous: ${last}, current: ${first}` };
    if (end < first || (end === first && numbers.length === 2)) {
      return { problem: `non-increasing order, previous: ${first}, current: ${end}` };
    }
    count += end - first + 1;
    last = end;
  }
  return count;
}
