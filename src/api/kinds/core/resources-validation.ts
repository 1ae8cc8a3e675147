import { qualifiedName } from '../../names.ts';
import { compareQuantities, parseQuantity, quantityToMilli } from '../../quantity.ts';
import type { ResourceRequirements } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue, required } from '../../field-errors.ts';

const known = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Limits and requests of a container, or of a pod as a whole: known names, no request above its limit. */
export function validateResources(causes: StatusCause[], resources: ResourceRequirements, path: string): void {
  const { limits, requests } = resources;
  if (limits) validateResourceList(causes, limits, `${path}.limits`);
  if (!requests) return;
  validateResourceList(causes, requests, `${path}.requests`);
  for (const name in requests) {
    const limit = limits?.[name];
    const request = requests[name]!;
    if (limit === undefined) {
      if (isExtended(name) || isHugePages(name)) {
        causes.push(required(`${path}.limits`, 'Limit must be set for non overcommitable resources'));
      }
      continue;
    }
    if (limit === request || !isQuantity(limit) || !isQuantity(request)) continue;
    const order = compareQuantities(request, limit);
    if (order !== 0 && (isExtended(name) || isHugePages(name))) {
      const rule = `must be equal to ${name} limit of ${limit}`;
      causes.push(invalidValue(`${path}.requests`, request, rule));
    } else if (order > 0) {
      const rule = `must be less than or equal to ${name} limit of ${limit}`;
      causes.push(invalidValue(`${path}.requests`, request, rule));
    }
  }
  const huge = Object.keys({ ...limits, ...requests }).some(isHugePages);
  if (
    huge &&
    limits?.cpu === undefined &&
    requests.cpu === undefined &&
    limits?.memory === undefined &&
    requests.memory === undefined
  ) {
    causes.push(forbidden(path, 'HugePages require cpu or memory'));
  }
}

/** Amounts by name, as `overhead` has them. */
export function validateResourceList(causes: StatusCause[], list: Record<string, string>, path: string): void {
  for (const name in list) {
    const value = list[name]!;
    if (!known.has(name)) validateName(causes, name, `${path}[${name}]`);
    if (!isQuantity(value)) {
      const rule = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
      causes.push(invalidValue(`${path}[${name}]`, value, rule));
    } else if (compareQuantities(value, '0') < 0) {
      causes.push(invalidValue(`${path}[${name}]`, value, 'must be greater than or equal to 0'));
    } else if (isExtended(name) && quantityToMilli(value) % 1000 !== 0) {
      causes.push(invalidValue(`${path}[${name}]`, value, 'must be an integer'));
    }
  }
}

function validateName(causes: StatusCause[], name: string, path: string): void {
  const problems = qualifiedName(name);
  for (const text of problems) causes.push(invalidValue(path, name, text));
  if (problems.length > 0 || isHugePages(name)) return;
  if (!name.includes('/')) {
    causes.push(invalidValue(path, name, 'must be a standard resource type or fully qualified'));
    causes.push(invalidValue(path, name, 'must be a standard resource for containers'));
  }
}

function isQuantity(value: string): boolean {
  return parseQuantity(value) !== undefined;
}

function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}

/** A resource of somebody else's, counted in whole pieces: `example.com/gpu`. */
function isExtended(name: string): boolean {
  return name.includes('/') && !name.startsWith('kubernetes.io/') && !name.includes('.kubernetes.io/');
}
