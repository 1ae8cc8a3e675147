import { isApiError } from '../../api/status.ts';
import type { TokenRequest } from '../../api/types/authentication-v1.ts';
import type { Secret, ServiceAccount } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { secrets, serviceAccounts } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { nameOf } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';
import { serviceAccountNameAnnotation } from '../../api/well-known.ts';

const tokenType = 'kubernetes.io/service-account-token';
const uidAnnotation = 'kubernetes.io/service-account.uid';
/** Such a token is meant to last as long as its Secret: ten years stand for that. */
const lifetimeSeconds = 10 * 365 * 24 * 3600;

export type TokenPlan = { kind: 'none' } | { kind: 'remove' } | { kind: 'fill'; account: ServiceAccount };

/** What a token Secret needs. A Secret that has no account, or another one of the same name, has no reason to be. */
export function planToken(secret: Secret, account: ServiceAccount | undefined, caData: string): TokenPlan {
  if (secret.type !== tokenType || secret.metadata.deletionTimestamp !== undefined) return { kind: 'none' };
  const uid = secret.metadata.annotations?.[uidAnnotation];
  if (!account || (uid !== undefined && uid !== account.metadata.uid)) return { kind: 'remove' };
  const { token, namespace } = secret.data ?? {};
  const isFilled = uid !== undefined && Boolean(token) && Boolean(namespace) && secret.data?.['ca.crt'] === caData;
  return isFilled ? { kind: 'none' } : { kind: 'fill', account };
}

/** Fills hand-made Secrets of type service-account-token, and removes them with their account. */
export class ServiceAccountTokenReconciler implements Controller {
  readonly name = 'serviceaccount-token-controller';
  readonly #context: ControllerContext;
  readonly #caData: string;
  readonly #secrets: Informer<Secret>;
  readonly #accounts: Informer<ServiceAccount>;

  /** `certificate` is PEM. */
  constructor(context: ControllerContext, certificate: string) {
    this.#context = context;
    this.#caData = base64(certificate);
    this.#secrets = context.informers.of(secrets);
    this.#accounts = context.informers.of(serviceAccounts);
    this.#secrets.addIndex('account', accountsOf);
  }

  watch(enqueue: Enqueue): () => void {
    const secretSeen = (secret: Secret): void => {
      if (secret.type === tokenType) enqueue(keyOf(secret));
    };
    const accountSeen = (account: ServiceAccount): void => {
      for (const secret of this.#secrets.byIndex('account', keyOf(account))) enqueue(keyOf(secret));
    };
    const ends = [
      this.#secrets.subscribe({ added: secretSeen, updated: secretSeen }),
      this.#accounts.subscribe({ added: accountSeen, deleted: accountSeen }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const secret = this.#secrets.get(key);
    if (!secret) return done;
    const account = await this.#accountOf(secret);
    const plan = planToken(secret, account, this.#caData);
    if (plan.kind === 'remove') await this.#remove(secret);
    if (plan.kind === 'fill') await this.#fill(secret, plan.account);
    return done;
  }

  /** From the server when the cache has none: a Secret made right after its account must not be removed. */
  async #accountOf(secret: Secret): Promise<ServiceAccount | undefined> {
    const name = secret.metadata.annotations?.[serviceAccountNameAnnotation] ?? '';
    const namespace = secret.metadata.namespace ?? '';
    const cached = this.#accounts.get(`${namespace}/${name}`);
    const uid = secret.metadata.annotations?.[uidAnnotation];
    if (cached && (uid === undefined || uid === cached.metadata.uid)) return cached;
    if (name === '') return undefined;
    try {
      return await this.#context.client.get(serviceAccounts, { name, namespace });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async #remove(secret: Secret): Promise<void> {
    try {
      const preconditions = { uid: secret.metadata.uid ?? '' };
      await this.#context.client.delete(secrets, nameOf(secret), { preconditions });
    } catch (error) {
      if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  async #fill(secret: Secret, account: ServiceAccount): Promise<void> {
    const { client } = this.#context;
    const token = secret.data?.token ?? base64(await this.#requestToken(secret, account));
    const namespace = base64(secret.metadata.namespace ?? '');
    const annotations = { ...secret.metadata.annotations, [uidAnnotation]: account.metadata.uid ?? '' };
    await client.update(secrets, {
      ...secret,
      metadata: { ...secret.metadata, annotations },
      data: { ...secret.data, token, namespace, 'ca.crt': this.#caData },
    });
  }

  /** Bound to the Secret: it dies with it. */
  async #requestToken(secret: Secret, account: ServiceAccount): Promise<string> {
    const { name = '', uid = '' } = secret.metadata;
    const request: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: {
        audiences: [],
        expirationSeconds: lifetimeSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid },
      },
    };
    const answer = await this.#context.client.createSubresource<TokenRequest, TokenRequest>(
      serviceAccounts,
      nameOf(account),
      'token',
      request,
    );
    return answer.status?.token ?? '';
  }
}

function accountsOf(secret: Secret): string[] {
  const name = secret.metadata.annotations?.[serviceAccountNameAnnotation];
  return secret.type === tokenType && name !== undefined ? [`${secret.metadata.namespace}/${name}`] : [];
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
