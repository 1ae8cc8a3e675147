import { readAll } from '../../base/der.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Authorizer } from '../authorization.ts';
import { refusal } from './refuse.ts';

const group = 'certificates.k8s.io';

/** Who approves a request must be allowed to approve for its signer (KEP-1513). */
export function certificateApproval(authorize: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    handles: (request) => request.operation === 'UPDATE' && isRequest(request, 'approval'),
    validate: (request) => checkSigner(request, authorize, 'approve'),
  };
}

/** Who writes a certificate (or that signing failed) must be allowed to sign for its signer. */
export function certificateSigning(authorize: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    handles: (request) => request.operation === 'UPDATE' && isRequest(request, 'status'),
    async validate(request) {
      const made = request.object as unknown as CertificateSigningRequest;
      const old = request.old as unknown as CertificateSigningRequest | undefined;
      const failed = (one: CertificateSigningRequest | undefined): string =>
        JSON.stringify(one?.status?.conditions?.filter((condition) => condition.type === 'Failed') ?? []);
      if (made.status?.certificate === old?.status?.certificate && failed(made) === failed(old)) return;
      await checkSigner(request, authorize, 'sign');
    },
  };
}

/** No certificate makes its owner a member of system:masters. */
export function certificateSubjectRestriction(): AdmissionPlugin {
  return {
    name: 'CertificateSubjectRestriction',
    handles: (request) => request.operation === 'CREATE' && isRequest(request, ''),
    validate(request) {
      const { spec } = request.object as unknown as CertificateSigningRequest;
      if (spec.signerName !== 'kubernetes.io/kube-apiserver-client') return;
      if (!organizationsOf(spec.request).includes('system:masters')) return;
      const text = `use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed`;
      throw refusal(request, text);
    },
  };
}

function isRequest(request: AdmissionRequest, subresource: string): boolean {
  const { kind } = request;
  return kind.group === group && kind.plural === 'certificatesigningrequests' && request.subresource === subresource;
}

async function checkSigner(request: AdmissionRequest, authorize: Authorizer, verb: 'approve' | 'sign'): Promise<void> {
  const stored = (request.old ?? request.object) as unknown as CertificateSigningRequest;
  const { signerName } = stored.spec;
  const domain = signerName.slice(0, signerName.indexOf('/'));
  for (const name of [signerName, `${domain}/*`]) {
    const decision = await authorize({
      kind: 'resource',
      user: request.user,
      verb,
      group,
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name,
    });
    if (decision.kind === 'allow') return;
  }
  throw refusal(request, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`);
}

/** The organizations in the subject of a PKCS #10 request (RFC 2986), which the API carries as PEM in base64. */
function organizationsOf(encoded: string): string[] {
  const pem = Buffer.from(encoded, 'base64').toString();
  const base64 = /-----BEGIN [A-Z ]*CERTIFICATE REQUEST-----([\s\S]*?)-----END/.exec(pem)?.[1];
  if (!base64) return [];
  try {
    const info = readAll(readAll(Buffer.from(base64, 'base64'))[0]?.content ?? Buffer.alloc(0))[0];
    const subject = readAll(info?.content ?? Buffer.alloc(0))[1];
    const organization = Buffer.from([0x55, 0x04, 0x0a]);
    return readAll(subject?.content ?? Buffer.alloc(0))
      .flatMap((set) => readAll(set.content))
      .map((attribute) => readAll(attribute.content))
      .flatMap(([type, value]) => (type?.content.equals(organization) && value ? [value.content.toString()] : []));
  } catch {
    // What is no request is refused by the kind's own validation.
    return [];
  }
}
