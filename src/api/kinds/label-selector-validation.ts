import { forbidden, invalidValue, required } from '../field-errors.ts';
import { labelValue, qualifiedName } from '../names.ts';
import type { LabelSelector, LabelSelectorRequirement, StatusCause } from '../types/meta-v1.ts';

/** Rules of a label selector, wherever it stands. */
export function validateLabelSelector(selector: LabelSelector | undefined, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!selector) return causes;
  for (const key in selector.matchLabels) {
    for (const text of qualifiedName(key)) causes.push(invalidValue(`${path}.matchLabels`, key, text));
    const value = selector.matchLabels[key]!;
    for (const text of labelValue(value)) causes.push(invalidValue(`${path}.matchLabels`, value, text));
  }
  selector.matchExpressions?.forEach((expression, index) => {
    causes.push(...validateRequirement(expression, `${path}.matchExpressions[${index}]`));
  });
  return causes;
}

function validateRequirement({ key, operator, values }: LabelSelectorRequirement, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (!values?.length) {
        causes.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values?.length) {
        causes.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    default:
      causes.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'));
  }
  for (const text of qualifiedName(key)) causes.push(invalidValue(`${path}.key`, key, text));
  values?.forEach((value, index) => {
    for (const text of labelValue(value)) causes.push(invalidValue(`${path}.values[${index}]`, value, text));
  });
  return causes;
}
