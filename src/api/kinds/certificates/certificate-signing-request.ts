import { humanDuration } from '../../human-duration.ts';
import type { CertificateSigningRequest } from '../../types/certificates-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind, keep } from '../define-kind.ts';
import type { AnyObject } from '../../object.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, required } from '../../field-errors.ts';
import { parseSigningRequest } from '../../signing-request.ts';

export const certificateSigningRequest = defineKind<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  scope: 'Cluster',
  status: true,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  subresources: [{ name: 'approval', verbs: ['get', 'patch', 'update'] }],
  defaults: ({ spec }) => {
    spec.usages ??= [];
  },
  prepareForCreate: ({ spec }, { user }) => {
    // Who asks is what the server authenticated, whatever the body says.
    delete spec.uid;
    delete spec.extra;
    if (user) {
      spec.username = user.name;
      spec.groups = [...user.groups];
      if (user.uid) spec.uid = user.uid;
      if (user.extra) spec.extra = Object.fromEntries(Object.entries(user.extra).map(([key, v]) => [key, [...v]]));
    }
  },
  prepareForUpdate: (object, old, subresource) => {
    keep(object as unknown as AnyObject, old as unknown as AnyObject, 'spec');
    if (subresource !== 'approval') return;
    const conditions = object.status?.conditions;
    object.status = { ...old.status, ...(conditions && { conditions }) };
  },
  validate,
  columns: [
    nameColumn,
    ageColumn,
    column('SignerName', ({ spec }) => spec.signerName || '<none>'),
    column('Requestor', ({ spec }) => spec.username ?? ''),
    column('RequestedDuration', ({ spec }) =>
      spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
    ),
    column('Condition', condition),
  ],
  selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName },
});

function validate({ spec }: CertificateSigningRequest): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!spec.request) causes.push(required('spec.request', ''));
  else causes.push(...requestCauses(spec.request));
  if (!spec.usages?.length) causes.push(required('spec.usages', ''));
  if (!spec.signerName) causes.push(required('spec.signerName', ''));
  else if (spec.signerName === 'kubernetes.io/legacy-unknown') {
    causes.push(
      invalidValue('spec.signerName', spec.signerName, 'the legacy signerName is not allowed via this API version'),
    );
  }
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < 600) {
    causes.push(
      invalidValue(
        'spec.expirationSeconds',
        spec.expirationSeconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    );
  }
  return causes;
}

/** Whoever signs it later would find the same. */
function requestCauses(request: string): StatusCause[] {
  try {
    parseSigningRequest(Buffer.from(request, 'base64').toString());
    return [];
  } catch (error) {
    return [invalidValue('spec.request', request, (error as Error).message)];
  }
}

function condition({ status }: CertificateSigningRequest): string {
  const types = new Set(status?.conditions?.map(({ type }) => type));
  const words = ['Approved', 'Denied'].filter((type) => types.has(type)).slice(0, 1);
  if (words.length === 0) words.push('Pending');
  if (types.has('Failed')) words.push('Failed');
  if (status?.certificate) words.push('Issued');
  return words.join(',');
}
