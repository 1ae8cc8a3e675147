import { invalidValue, notSupported, required } from '../field-errors.ts';
import { compileJsonPath } from '../json-path.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../types/apiextensions-v1.ts';
import type { StatusCause } from '../types/meta-v1.ts';
import { validateStructural } from './structural-rules.ts';

/** Causes for what is wrong in the versions of a definition: their schemas, columns, subresources, selectable fields. */
export function validateVersions({ spec }: CustomResourceDefinition): StatusCause[] {
  return spec.versions.flatMap((version, i) => {
    const path = `spec.versions[${i}]`;
    const schema = version.schema?.openAPIV3Schema;
    return [
      ...(schema ? validateStructural(schema, `${path}.schema.openAPIV3Schema`) : []),
      ...validateColumns(version, path),
      ...validateScale(version, path),
      ...validateSelectable(version, path),
    ];
  });
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];

function validateColumns(
  { additionalPrinterColumns = [] }: CustomResourceDefinitionVersion,
  path: string,
): StatusCause[] {
  return additionalPrinterColumns.flatMap(({ name, type, jsonPath }, i) => {
    const at = `${path}.additionalPrinterColumns[${i}]`;
    const causes: StatusCause[] = [];
    if (!name) causes.push(required(`${at}.name`, ''));
    if (!type) causes.push(required(`${at}.type`, `must be one of ${columnTypes.join(',')}`));
    else if (!columnTypes.includes(type)) {
      causes.push(invalidValue(`${at}.type`, type, `must be one of ${columnTypes.join(',')}`));
    }
    return [...causes, ...pathProblems(jsonPath, `${at}.jsonPath`)];
  });
}

function pathProblems(jsonPath: string | undefined, at: string, under = ''): StatusCause[] {
  if (!jsonPath) return [required(at, '')];
  if (!jsonPath.startsWith('.')) {
    return [invalidValue(at, jsonPath, 'must be a simple json path starting with .')];
  }
  if (under !== '' && !jsonPath.startsWith(`${under}.`)) {
    return [invalidValue(at, jsonPath, `should be a json path under ${under}`)];
  }
  try {
    compileJsonPath(jsonPath);
    return [];
  } catch (error) {
    return [invalidValue(at, jsonPath, `is an invalid path: ${(error as Error).message}`)];
  }
}

function validateScale({ subresources }: CustomResourceDefinitionVersion, path: string): StatusCause[] {
  const scale = subresources?.scale;
  if (!scale) return [];
  const at = `${path}.subresources.scale`;
  const causes = [
    ...pathProblems(scale.specReplicasPath, `${at}.specReplicasPath`, '.spec'),
    ...pathProblems(scale.statusReplicasPath, `${at}.statusReplicasPath`, '.status'),
  ];
  const selector = scale.labelSelectorPath;
  if (selector === undefined) return causes;
  if (!selector.startsWith('.spec.') && !selector.startsWith('.status.')) {
    const rule = 'should be a json path under either .spec or .status';
    causes.push(invalidValue(`${at}.labelSelectorPath`, selector, rule));
  }
  return causes;
}

const selectableLimit = 8;

function validateSelectable(
  { selectableFields = [], schema }: CustomResourceDefinitionVersion,
  path: string,
): StatusCause[] {
  const causes: StatusCause[] = [];
  if (selectableFields.length > selectableLimit) {
    const message = `Too many: ${selectableFields.length}: must have at most ${selectableLimit} items`;
    causes.push({ reason: 'FieldValueTooMany', message, field: `${path}.selectableFields` });
  }
  selectableFields.forEach(({ jsonPath }, i) => {
    const at = `${path}.selectableFields[${i}].jsonPath`;
    causes.push(...pathProblems(jsonPath, at));
    let node = schema?.openAPIV3Schema;
    for (const name of jsonPath?.split('.').slice(1) ?? []) node = node?.properties?.[name];
    if (!node) causes.push(invalidValue(at, jsonPath, 'is an invalid path: does not refer to a valid field'));
    else if (!['string', 'boolean', 'integer'].includes(node.type ?? '')) {
      causes.push(invalidValue(at, jsonPath, 'must point to a field of type string, boolean or integer'));
    }
  });
  return causes;
}

const strategies = ['None', 'Webhook'];

export function validateConversion({ spec }: CustomResourceDefinition): StatusCause[] {
  const { conversion } = spec;
  if (!conversion) return [];
  const at = 'spec.conversion';
  if (!strategies.includes(conversion.strategy))
    return [notSupported(`${at}.strategy`, conversion.strategy, strategies)];
  const { webhook } = conversion;
  if (conversion.strategy === 'None') {
    if (!webhook) return [];
    const text = 'Forbidden: should not be set when strategy is not set to Webhook';
    return [{ reason: 'FieldValueForbidden', message: text, field: `${at}.webhook` }];
  }
  if (!webhook?.clientConfig) {
    return [required(`${at}.webhook.clientConfig`, 'required when strategy is set to Webhook')];
  }
  if (webhook.conversionReviewVersions.length === 0) {
    return [required(`${at}.webhook.conversionReviewVersions`, '')];
  }
  return [];
}
