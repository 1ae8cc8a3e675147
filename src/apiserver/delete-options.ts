import type { AnyObject } from '../api/object.ts';
import { ApiError } from '../api/status.ts';
import type { DeleteOptions as WireOptions } from '../api/types/meta-v1.ts';
import { isDryRun } from './core.ts';
import type { ResourceRequest } from './core.ts';
import { decodeAs, readBody } from './read-body.ts';
import { isTrue } from './request-info.ts';

/** How to delete (`metav1.DeleteOptions`), checked. */
export interface DeleteOptions {
  gracePeriodSeconds: number | undefined;
  propagation: 'Orphan' | 'Background' | 'Foreground' | undefined;
  uid: string | undefined;
  resourceVersion: string | undefined;
  dryRun: boolean;
}

const optionsType = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

/** Options from the body, or from the query where there is none. */
export async function deleteOptionsOf(request: ResourceRequest): Promise<DeleteOptions> {
  const body = await readBody(request.request);
  if (body.isEmpty) return checkDeleteOptions(fromQuery(request.request.query));
  const { value, duplicates } = body.parse('Ignore');
  const { kind } = value as { kind?: unknown };
  if (kind !== undefined && kind !== '' && kind !== 'DeleteOptions') {
    throw ApiError.of('BadRequest', `decoded object cannot be converted to DeleteOptions`);
  }
  const options = decodeAs(value, { type: optionsType, mode: 'Ignore', duplicates, warn: () => {} });
  return checkDeleteOptions(options as AnyObject & WireOptions);
}

function fromQuery(query: URLSearchParams): WireOptions {
  const grace = query.get('gracePeriodSeconds');
  const orphan = query.get('orphanDependents');
  const policy = query.get('propagationPolicy');
  const dryRun = query.getAll('dryRun');
  if (grace !== null && !/^[+-]?\d+$/.test(grace)) {
    throw ApiError.of('BadRequest', `strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
  }
  return {
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(orphan !== null && { orphanDependents: isTrue(orphan) }),
    ...(policy !== null && { propagationPolicy: policy }),
    ...(dryRun.length > 0 && { dryRun }),
  };
}

export function checkDeleteOptions(options: WireOptions): DeleteOptions {
  const { orphanDependents, propagationPolicy, gracePeriodSeconds, preconditions } = options;
  if (orphanDependents !== undefined && propagationPolicy !== undefined) {
    refuse('propagationPolicy', propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set');
  }
  return {
    gracePeriodSeconds,
    propagation:
      orphanDependents === undefined ? propagation(propagationPolicy) : orphanDependents ? 'Orphan' : 'Background',
    uid: preconditions?.uid,
    resourceVersion: preconditions?.resourceVersion,
    dryRun: isDryRun(options.dryRun ?? []),
  };
}

function propagation(policy: string | undefined): DeleteOptions['propagation'] {
  if (policy === undefined || policy === 'Orphan' || policy === 'Background' || policy === 'Foreground') return policy;
  return refuse('propagationPolicy', policy, 'supported values: "Background", "Foreground", "Orphan"', 'NotSupported');
}

function refuse(field: string, value: string, detail: string, reason = 'Invalid'): never {
  const head = reason === 'Invalid' ? 'Invalid value' : 'Unsupported value';
  const message = `${head}: ${JSON.stringify(value)}: ${detail}`;
  const causes = [{ reason: `FieldValue${reason}`, message, field }];
  throw ApiError.of('Invalid', `DeleteOptions.meta.k8s.io "" is invalid: ${field}: ${message}`, {
    group: 'meta.k8s.io',
    kind: 'DeleteOptions',
    causes,
  });
}
