import { notFound } from '../../api/status.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { namespaces } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { refusal, writes } from './refuse.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);

/** Nothing is written into a namespace that is not there, nothing new into one that is going. */
export function namespaceLifecycle(lookup: Lookup): AdmissionPlugin {
  const check = async (request: AdmissionRequest): Promise<void> => {
    const { namespace, operation } = request;
    if (operation === 'DELETE') {
      if (immortal.has(request.name)) throw refusal(request, 'this namespace may not be deleted');
      return;
    }
    let home = lookup.get(namespaces, '', namespace);
    home ??= await lookup.fresh(namespaces, '', namespace);
    if (!home) throw notFound('', 'namespaces', namespace);
    if (operation !== 'CREATE' || (home.status?.phase !== 'Terminating' && !home.metadata.deletionTimestamp)) return;
    const reason = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const error = refusal(request, reason);
    error.status.details = {
      ...error.status.details,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    };
    throw error;
  };
  return {
    name: 'NamespaceLifecycle',
    handles(request) {
      if (request.operation === 'DELETE') return writes(request, '', 'namespaces');
      if (request.kind.plural === 'localsubjectaccessreviews') return false;
      return request.namespace !== '' && request.kind.scope === 'Namespaced' && request.operation !== 'CONNECT';
    },
    mutate: check,
  };
}
