import { isApiError } from '../../api/status.ts';
import type { Namespace, ServiceAccount } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { namespaces, serviceAccounts } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { done, type Outcome } from '../reconciler.ts';

const accountName = 'default';

/** Every namespace that is not on its way out has the service account that pods use when they name none. */
export class ServiceAccountReconciler implements Controller {
  readonly name = 'service-account-controller';
  readonly #context: ControllerContext;
  readonly #namespaces: Informer<Namespace>;
  readonly #accounts: Informer<ServiceAccount>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#namespaces = context.informers.of(namespaces);
    this.#accounts = context.informers.of(serviceAccounts);
  }

  watch(enqueue: Enqueue): () => void {
    const ends = [
      this.#namespaces.subscribe({
        added: (namespace) => enqueue(keyOf(namespace)),
        updated: (namespace) => enqueue(keyOf(namespace)),
      }),
      this.#accounts.subscribe({
        deleted: ({ metadata }) => metadata.name === accountName && enqueue(metadata.namespace ?? ''),
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    if (!takesObjects(this.#namespaces.get(key)) || this.#accounts.get(`${key}/${accountName}`)) return done;
    const metadata = { name: accountName, namespace: key };
    await createUnlessThere(
      this.#context.client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata }),
    );
    return done;
  }
}

/** There, and not being emptied. */
export function takesObjects(namespace: Namespace | undefined): boolean {
  return (
    namespace !== undefined &&
    namespace.metadata.deletionTimestamp === undefined &&
    namespace.status?.phase !== 'Terminating'
  );
}

/** Someone else's creation is as good, and a namespace that has begun to go needs nothing any more. */
export async function createUnlessThere(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists', 'NotFound') && !isTerminating(error)) throw error;
  }
}

function isTerminating(error: unknown): boolean {
  return (
    isApiError(error, 'Forbidden') &&
    (error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false)
  );
}
