import type { ApiError } from '../../api/status.ts';
import type { AdmissionRequest } from '../admission.ts';
import { forbiddenObject } from '../authorization/forbidden.ts';

/** 403 in the words of upstream's plugins: `pods "web" is forbidden: <reason>`. */
export function refusal(request: AdmissionRequest, reason: string): ApiError {
  return forbiddenObject(request.kind.group, request.kind.plural, shownName(request), reason);
}

function shownName(request: AdmissionRequest): string {
  const { name, generateName } = request.object?.metadata ?? {};
  return request.name || name || generateName || 'Unknown';
}

/** Is this a write of the main resource of that kind? */
export function writes(request: AdmissionRequest, group: string, plural: string): boolean {
  return request.subresource === '' && request.kind.plural === plural && request.kind.group === group;
}

/** Does it change the resources of a pod that is there (KEP-1287)? */
export function resizesPod({ kind, subresource }: AdmissionRequest): boolean {
  return subresource === 'resize' && kind.plural === 'pods' && kind.group === '';
}
