import type { ConfigMap, Namespace } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { configMaps, namespaces } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { done, type Outcome } from '../reconciler.ts';
import { createUnlessThere, takesObjects } from './service-account-controller.ts';

const mapName = 'kube-root-ca.crt';
const description = 'The certificate authority of the API server, for clients inside the cluster.';

/** Every namespace has the cluster's CA certificate where the tokens of pods are projected from. */
export class RootCaPublisher implements Controller {
  readonly name = 'root-ca-certificate-publisher';
  readonly #context: ControllerContext;
  readonly #certificate: string;
  readonly #namespaces: Informer<Namespace>;
  readonly #maps: Informer<ConfigMap>;

  /** `certificate` is PEM. */
  constructor(context: ControllerContext, certificate: string) {
    this.#context = context;
    this.#certificate = certificate;
    this.#namespaces = context.informers.of(namespaces);
    this.#maps = context.informers.of(configMaps);
  }

  watch(enqueue: Enqueue): () => void {
    const mapSeen = ({ metadata }: ConfigMap): void => {
      if (metadata.name === mapName) enqueue(metadata.namespace ?? '');
    };
    const ends = [
      this.#namespaces.subscribe({
        added: (namespace) => enqueue(keyOf(namespace)),
        updated: (namespace) => enqueue(keyOf(namespace)),
      }),
      this.#maps.subscribe({ updated: mapSeen, deleted: mapSeen }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    if (!takesObjects(this.#namespaces.get(key))) return done;
    const { client } = this.#context;
    const data = { 'ca.crt': this.#certificate };
    const current = this.#maps.get(`${key}/${mapName}`);
    if (!current) {
      const annotations = { 'kubernetes.io/description': description };
      const metadata = { name: mapName, namespace: key, annotations };
      await createUnlessThere(client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
    } else if (current.data?.['ca.crt'] !== this.#certificate || Object.keys(current.data).length !== 1) {
      await client.update(configMaps, { ...current, data });
    }
    return done;
  }
}
