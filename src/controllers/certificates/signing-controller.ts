import { formatTime } from '../../base/clock.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { done, type Outcome } from '../reconciler.ts';
import { unlessGone } from '../unless-gone.ts';

/** What of a PKCS #10 request a signer decides by. */
export interface RequestedSubject {
  commonName: string;
  organizations: readonly string[];
}

/** Holds the key of the cluster's CA. */
export interface CertificateSigner {
  /** Throws for what is no request, or not signed with its own key. */
  subjectOf(pem: string): RequestedSubject;
  /** The certificate, PEM: the request's subject, key and alternative names, for these usages. */
  sign(pem: string, options: { usages: readonly string[]; expirationSeconds: number | undefined }): string;
}

const both = ['digital signature', 'key encipherment'];
/** The usages that each signer may give; the last one it must (API documentation, "Kubernetes signers"). */
const signers: Readonly<Record<string, readonly string[] | undefined>> = {
  'kubernetes.io/kube-apiserver-client': [...both, 'client auth'],
  'kubernetes.io/kube-apiserver-client-kubelet': [...both, 'client auth'],
  'kubernetes.io/kubelet-serving': [...both, 'server auth'],
};

/** Issues the certificates of approved requests to the signers of kubernetes.io. */
export class CertificateSigningReconciler implements Controller {
  readonly name = 'certificatesigningrequest-signing-controller';
  readonly #context: ControllerContext;
  readonly #signer: CertificateSigner;
  readonly #requests: Informer<CertificateSigningRequest>;

  constructor(context: ControllerContext, signer: CertificateSigner) {
    this.#context = context;
    this.#signer = signer;
    this.#requests = context.informers.of(certificateSigningRequests);
  }

  watch(enqueue: Enqueue): () => void {
    return this.#requests.subscribe({
      added: (request) => enqueue(keyOf(request)),
      updated: (request) => enqueue(keyOf(request)),
    });
  }

  async reconcile(key: string): Promise<Outcome> {
    const request = this.#requests.get(key);
    if (!request || !isDue(request)) return done;
    const { spec, status = {} } = request;
    const pem = Buffer.from(spec.request, 'base64').toString();
    const problem = this.#problem(request, pem);
    const now = formatTime(this.#context.clock.now());
    const times = { lastUpdateTime: now, lastTransitionTime: now };
    const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: problem, ...times };
    const next = problem
      ? { ...status, conditions: [...(status.conditions ?? []), failed] }
      : { ...status, certificate: Buffer.from(this.#sign(request, pem)).toString('base64') };
    const { client } = this.#context;
    const write = client.update(certificateSigningRequests, { ...request, status: next }, { subresource: 'status' });
    await unlessGone(write);
    return done;
  }

  /** Why the signer does not sign this. */
  #problem({ spec }: CertificateSigningRequest, pem: string): string | undefined {
    const allowed = signers[spec.signerName] ?? [];
    const usages = spec.usages ?? [];
    const needed = allowed.at(-1) ?? '';
    const wrong = usages.find((usage) => !allowed.includes(usage));
    if (wrong !== undefined) return `invalid usage ${JSON.stringify(wrong)}: must be of ${allowed.join(', ')}`;
    if (!usages.includes(needed)) return `usages did not include required usage ${JSON.stringify(needed)}`;
    try {
      const { commonName, organizations } = this.#signer.subjectOf(pem);
      if (spec.signerName === 'kubernetes.io/kube-apiserver-client') return undefined;
      if (organizations.join() !== 'system:nodes') return 'organization must be exactly system:nodes';
      return commonName.startsWith('system:node:') ? undefined : 'common name must begin with system:node:';
    } catch (error) {
      return (error as Error).message;
    }
  }

  #sign({ spec }: CertificateSigningRequest, pem: string): string {
    return this.#signer.sign(pem, { usages: spec.usages ?? [], expirationSeconds: spec.expirationSeconds });
  }
}

/** Approved, for one of our signers, and neither signed nor refused yet. */
function isDue({ spec, status }: CertificateSigningRequest): boolean {
  const has = (type: string): boolean => status?.conditions?.some((each) => each.type === type) === true;
  if (signers[spec.signerName] === undefined || status?.certificate) return false;
  return has('Approved') && !has('Denied') && !has('Failed');
}
