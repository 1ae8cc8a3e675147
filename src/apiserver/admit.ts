import type { AnyObject } from '../api/object.ts';
import type { AdmissionRequest } from './admission.ts';
import type { Core, ResourceRequest } from './core.ts';

/** The plugins' view of a write. */
export function admissionRequest(
  request: ResourceRequest,
  write: {
    operation: AdmissionRequest['operation'];
    object: AnyObject | undefined;
    old: AnyObject | undefined;
    dryRun: boolean;
    name?: string;
    subresource?: string;
  },
): AdmissionRequest {
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
  };
}

export async function mutate({ admission }: Core, request: AdmissionRequest): Promise<void> {
  for (const plugin of admission) {
    if (!plugin.mutate || !plugin.handles(request)) continue;
    const pending = plugin.mutate(request);
    if (pending) await pending;
  }
}

export async function validate({ admission }: Core, request: AdmissionRequest): Promise<void> {
  for (const plugin of admission) {
    if (!plugin.validate || !plugin.handles(request)) continue;
    const pending = plugin.validate(request);
    if (pending) await pending;
  }
}
