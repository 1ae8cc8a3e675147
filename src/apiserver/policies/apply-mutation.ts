import { decodeObject } from '../../api/decode.ts';
import type { AdmissionVariables } from '../../api/custom-resources/admission-expressions.ts';
import { objectShape } from '../../api/field-ownership/field-shape.ts';
import type { FieldShape } from '../../api/field-ownership/field-shape.ts';
import { mergeApplied } from '../../api/field-ownership/merge.ts';
import { undeclared } from '../../api/field-ownership/undeclared.ts';
import { applyJsonPatch, FailedTest } from '../../api/json-patch.ts';
import type { KindVersion } from '../../api/kind.ts';
import type { AnyObject } from '../../api/object.ts';
import { cloneJson, isJsonObject } from '../../api/plain-json.ts';
import type { JsonObject } from '../../api/plain-json.ts';
import type { Mutation } from '../../api/types/admissionregistration-v1.ts';

/**
 * What a mutation makes of an object, in the version that the policy looks at. Rejects for an expression that fails,
 * a configuration that the schema does not know or that replaces what is owned as a whole, a patch that does not fit.
 */
export async function applyMutation(
  { patchType, applyConfiguration, jsonPatch }: Mutation,
  object: AnyObject,
  { version, values }: { version: KindVersion; values: AdmissionVariables },
): Promise<AnyObject> {
  const expressions = await import('../../api/custom-resources/admission-expressions.ts');
  if (patchType === 'JSONPatch') {
    return patched(object, await expressions.evaluatePatch(jsonPatch?.expression ?? '', values));
  }
  const configuration = await expressions.evaluateConfiguration(applyConfiguration?.expression ?? '', values);
  return merged(object, configuration, version);
}

/** A `test` that fails leaves the object as it is. */
function patched(object: AnyObject, operations: readonly JsonObject[]): AnyObject {
  try {
    return applyJsonPatch(object, operations);
  } catch (error) {
    if (error instanceof FailedTest) return object;
    throw new Error(`JSONPath: ${(error as Error).message}`, { cause: error });
  }
}

function merged(object: AnyObject, configuration: JsonObject, version: KindVersion): AnyObject {
  const { apiVersion, kind } = object;
  const applied = { ...configuration, apiVersion, kind };
  const shape = objectShape(version, 'all');
  const unknown = undeclared(problemsOf(cloneJson(applied) as AnyObject, version), applied, shape);
  if (unknown !== undefined) {
    throw new Error(`error applying patch: failed to convert patch object to typed object: ${unknown}`);
  }
  const atomics = atomicsIn(configuration, shape, '');
  if (atomics.length > 0) {
    const reason = `may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`;
    throw new Error(`error applying patch: invalid ApplyConfiguration: ${reason}`);
  }
  return mergeApplied(object, applied, shape) as AnyObject;
}

function problemsOf(object: AnyObject, { type, custom }: KindVersion): string[] {
  return (custom ? custom.decodeApplied(object, 'Strict') : decodeObject(object, type, 'Strict')).problems;
}

/** Paths of the values that would be replaced as a whole, other than scalars. */
function atomicsIn(value: unknown, shape: FieldShape | undefined, path: string): string[] {
  const isComposite = Array.isArray(value) || isJsonObject(value);
  if (!isComposite || !shape) return [];
  if (shape.kind === 'leaf') return [path];
  if (shape.kind === 'list') {
    return Array.isArray(value) ? value.flatMap((item, i) => atomicsIn(item, shape.item, `${path}[${i}]`)) : [];
  }
  return Object.entries(value).flatMap(([key, inner]) => atomicsIn(inner, shape.child(key), `${path}.${key}`));
}
