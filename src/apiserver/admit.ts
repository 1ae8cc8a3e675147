import type { AnyObject } from '../api/object.ts';
import type { GroupVersionKind } from '../api/types/meta-v1.ts';
import type { AdmissionRequest } from './admission.ts';
import type { Core, ResourceRequest } from './core.ts';

/** The plugins' view of a write. */
export function admissionRequest(
  { kinds }: Core,
  request: ResourceRequest,
  write: {
    operation: AdmissionRequest['operation'];
    object: AnyObject | undefined;
    old: AnyObject | undefined;
    dryRun: boolean;
    name?: string;
    subresource?: string;
    objectKind?: AdmissionRequest['objectKind'];
  },
): AdmissionRequest {
  const { served } = request;
  return {
    operation: write.operation,
    kind: request.kind,
    subresource: write.subresource ?? request.subresource,
    namespace: request.namespace,
    name: write.name ?? request.name,
    object: write.object,
    old: write.old,
    user: request.user,
    dryRun: write.dryRun,
    warn: request.warn,
    versions: { served, kinds },
    ...(write.objectKind && { objectKind: write.objectKind }),
  };
}

/** Once more when somebody wants all others to look again. */
export async function mutate({ admission }: Core, request: AdmissionRequest): Promise<void> {
  let rounds = 1;
  for (let round = 1; round <= rounds; round++) {
    for (const plugin of admission) {
      if (!plugin.mutate || !plugin.handles(request)) continue;
      const pending = plugin.mutate(request);
      if (pending && (await pending) === 'reinvoke') rounds = 2;
    }
  }
}

export async function validate({ admission }: Core, request: AdmissionRequest): Promise<void> {
  for (const plugin of admission) {
    if (!plugin.validate || !plugin.handles(request)) continue;
    const pending = plugin.validate(request);
    if (pending) await pending;
  }
}

/** Asks everybody about a write whose body is of another kind than the resource: a binding, an eviction, a scale. */
export async function admitBody(
  core: Core,
  request: ResourceRequest,
  write: Parameters<typeof admissionRequest>[2] & { objectKind: GroupVersionKind },
): Promise<void> {
  const admission = admissionRequest(core, request, write);
  await mutate(core, admission);
  await validate(core, admission);
}
