import { compareQuantities } from '../../api/quantity.ts';
import { claimClass } from '../../api/volume-binding.ts';
import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { storageClasses, type Lookup } from './lookup.ts';
import { refusal, writes } from './refuse.ts';

/** Claims grow only where their storage class lets them. */
export function persistentVolumeClaimResize(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    handles: (request) => request.operation === 'UPDATE' && writes(request, '', 'persistentvolumeclaims'),
    validate(request) {
      const claim = request.object as unknown as PersistentVolumeClaim;
      const old = request.old as unknown as PersistentVolumeClaim;
      if (compareQuantities(sizeOf(claim), sizeOf(old)) <= 0) return;
      if (old.status?.phase !== 'Bound') throw refusal(request, 'Only bound persistent volume claims can be expanded');
      const grows = lookup.get(storageClasses, '', claimClass(old))?.allowVolumeExpansion === true;
      if (grows) return;
      const rule = 'the storageclass that provisions the pvc must support resize';
      throw refusal(request, `only dynamically provisioned pvc can be resized and ${rule}`);
    },
  };
}

function sizeOf({ spec }: PersistentVolumeClaim): string {
  return spec?.resources?.requests?.storage ?? '0';
}
