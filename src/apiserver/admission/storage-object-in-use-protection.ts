import type { AdmissionPlugin } from '../admission.ts';
import { writes } from './refuse.ts';

const finalizers: Record<string, string> = {
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  persistentvolumes: 'kubernetes.io/pv-protection',
};

/** Volumes and claims stay until nobody uses them. */
export function storageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: 'StorageObjectInUseProtection',
    handles: (request) =>
      request.operation === 'CREATE' && request.kind.plural in finalizers && writes(request, '', request.kind.plural),
    mutate(request) {
      const metadata = request.object?.metadata;
      const finalizer = finalizers[request.kind.plural];
      if (!metadata || !finalizer || metadata.finalizers?.includes(finalizer)) return;
      metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
    },
  };
}
