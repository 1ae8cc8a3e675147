import { labelValue, qualifiedName } from '../../names.ts';
import type { Toleration } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, notSupported } from '../../field-errors.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const operators = ['Equal', 'Exists'];

export function validateTolerations(causes: StatusCause[], tolerations: readonly Toleration[], path: string): void {
  tolerations.forEach((toleration, index) => validateToleration(causes, toleration, `${path}[${index}]`));
}

function validateToleration(causes: StatusCause[], toleration: Toleration, path: string): void {
  const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
  if (key !== '') for (const text of qualifiedName(key)) causes.push(invalidValue(`${path}.key`, key, text));
  if (key === '' && operator !== 'Exists') {
    const rule = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    causes.push(invalidValue(`${path}.operator`, operator, rule));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    const rule = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    causes.push(invalidValue(`${path}.effect`, effect, rule));
  }
  if (operator === '' || operator === 'Equal') {
    for (const text of labelValue(value)) causes.push(invalidValue(`${path}.operator`, value, text));
  } else if (operator === 'Exists') {
    if (value !== '') {
      causes.push(invalidValue(`${path}.operator`, toleration, "value must be empty when `operator` is 'Exists'"));
    }
  } else {
    causes.push(notSupported(`${path}.operator`, operator, operators));
  }
  if (effect !== '' && !effects.includes(effect)) causes.push(notSupported(`${path}.effect`, effect, effects));
}
