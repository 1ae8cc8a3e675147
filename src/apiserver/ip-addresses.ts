import type { AnyObject } from '../api/object.ts';
import type { Service } from '../api/types/core-v1.ts';
import type { IPAddress, ServiceCIDR } from '../api/types/networking-v1.ts';
import { formatTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Operation, Store, StoreEvent } from '../store/store.ts';
import { familyOf } from '../base/ip-address.ts';
import { decodedOf, encoder, mutableCopyOf } from './stored-object.ts';

interface Options {
  store: Store;
  clock: Clock;
  random: Random;
  log: Logger;
  serviceCidr: string;
}

const servicePrefix = '/core/services/';
const addressPrefix = '/networking.k8s.io/ipaddresses/';
const defaultCidrKey = '/networking.k8s.io/servicecidrs/kubernetes';
const managedBy = { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' };

/**
 * Shows which service has which cluster address, as KEP-1880 has it: an IPAddress for each, and the ServiceCIDR
 * `kubernetes` for the range. What is missing is written, what has no service any more removed, from the start on and
 * whenever a service or an address changes, until it is stopped.
 */
export async function keepIpAddresses(options: Options): Promise<{ stop(): void }> {
  const keeper = new IpAddressKeeper(options);
  await keeper.start();
  return keeper;
}

class IpAddressKeeper {
  readonly #options: Options;
  /** The service that has an address, as `namespace/name`. */
  readonly #owners = new Map<string, string>();
  readonly #dirty = new Set<string>();
  #isWriting = false;
  #watches: { close(): void }[] = [];

  constructor(options: Options) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { store } = this.#options;
    const afterRevision = store.revision;
    await this.#writeDefaultCidr();
    for (const prefix of [servicePrefix, addressPrefix]) {
      const listed = await store.list({ prefix });
      if (listed.kind !== 'entries') continue;
      for (const entry of listed.entries) {
        if (prefix === servicePrefix) this.#own(decodedOf(entry), undefined);
        else this.#dirty.add(entry.key.slice(addressPrefix.length));
      }
    }
    this.#watches = [servicePrefix, addressPrefix].map((prefix) =>
      store.watch(
        { prefix, afterRevision },
        {
          events: (events) => {
            for (const event of events) this.#saw(event, prefix);
            this.#writeSoon();
          },
          progress() {},
          ended() {},
        },
      ),
    );
    this.#writeSoon();
  }

  stop(): void {
    for (const watch of this.#watches.splice(0)) watch.close();
    this.#dirty.clear();
  }

  #saw(event: StoreEvent, prefix: string): void {
    if (prefix === addressPrefix) {
      this.#dirty.add(event.entry.key.slice(addressPrefix.length));
      return;
    }
    const before = event.previous ? (decodedOf(event.previous) as Service) : undefined;
    this.#own(event.kind === 'put' ? decodedOf(event.entry) : undefined, before);
  }

  #own(service: Service | undefined, before: Service | undefined): void {
    const kept = new Set(service ? addressesOf(service) : []);
    for (const address of before ? addressesOf(before) : []) {
      if (kept.has(address) || this.#owners.get(address) !== nameOf(before as Service)) continue;
      this.#owners.delete(address);
      this.#dirty.add(address);
    }
    for (const address of kept) {
      if (this.#owners.get(address) === nameOf(service as Service)) continue;
      this.#owners.set(address, nameOf(service as Service));
      this.#dirty.add(address);
    }
  }

  #writeSoon(): void {
    if (this.#isWriting || this.#dirty.size === 0) return;
    this.#isWriting = true;
    void this.#write()
      .catch((error: unknown) => this.#options.log.warn('IPAddress objects could not be written', { error }))
      .finally(() => {
        this.#isWriting = false;
        // What was seen since the last look.
        this.#writeSoon();
      });
  }

  async #write(): Promise<void> {
    const { store } = this.#options;
    while (this.#dirty.size > 0) {
      const addresses = [...this.#dirty].slice(0, 100);
      for (const address of addresses) this.#dirty.delete(address);
      const operations: Operation[] = [];
      for (const address of addresses) {
        const operation = await this.#operationFor(address);
        if (operation) operations.push(operation);
      }
      if (operations.length === 0) continue;
      const result = await store.commit(operations);
      if (result.kind === 'failed') throw result.error;
      // Somebody was faster with one of them: all are looked at again.
      if (result.kind !== 'committed') for (const address of addresses) this.#dirty.add(address);
    }
  }

  async #operationFor(address: string): Promise<Operation | undefined> {
    const { store, clock, random } = this.#options;
    const key = addressPrefix + address;
    const found = await store.get(key);
    const entry = found.kind === 'found' ? found.entry : undefined;
    const owner = this.#owners.get(address);
    if (!entry) {
      if (owner === undefined) return undefined;
      const metadata = { uid: random.uuid(), creationTimestamp: formatTime(clock.now()) };
      return { kind: 'put', key, expectedRevision: 0, encode: encoder(addressObject(address, owner, metadata)) };
    }
    const object = decodedOf(entry) as unknown as IPAddress;
    const { namespace, name } = object.spec.parentRef;
    if (owner !== undefined && `${namespace}/${name}` === owner) return undefined;
    // What others made is theirs, as long as no service of ours has the address.
    const isOurs = Object.entries(managedBy).every(([label, value]) => object.metadata.labels?.[label] === value);
    if (owner === undefined && !isOurs) return undefined;
    if (owner === undefined) {
      return { kind: 'delete', key, expectedRevision: entry.revision, encode: encoder(mutableCopyOf(entry)) };
    }
    const metadata = { uid: object.metadata.uid ?? '', creationTimestamp: object.metadata.creationTimestamp ?? '' };
    const encode = encoder(addressObject(address, owner, metadata));
    return { kind: 'put', key, expectedRevision: entry.revision, encode };
  }

  async #writeDefaultCidr(): Promise<void> {
    const { store, clock, random, serviceCidr } = this.#options;
    if ((await store.get(defaultCidrKey)).kind === 'found') return;
    const now = formatTime(clock.now());
    const object: ServiceCIDR = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: {
        name: 'kubernetes',
        uid: random.uuid(),
        creationTimestamp: now,
        finalizers: ['networking.k8s.io/service-cidr-finalizer'],
      },
      spec: { cidrs: serviceCidr.split(',').map((cidr) => cidr.trim()) },
      status: {
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: '',
            message: 'Kubernetes default Service CIDR is ready',
            lastTransitionTime: now,
          },
        ],
      },
    };
    const encode = encoder(object as unknown as AnyObject);
    const result = await store.commit([{ kind: 'put', key: defaultCidrKey, expectedRevision: 0, encode }]);
    // A conflict: another server has written it.
    if (result.kind === 'failed') throw result.error;
  }
}

function addressObject(
  address: string,
  owner: string,
  metadata: { uid: string; creationTimestamp: string },
): AnyObject {
  const [namespace = '', name = ''] = owner.split('/');
  const object: IPAddress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: address,
      ...metadata,
      labels: { 'ipaddress.kubernetes.io/ip-family': familyOf(address), ...managedBy },
    },
    spec: { parentRef: { group: '', resource: 'services', namespace, name } },
  };
  return object as unknown as AnyObject;
}

function nameOf({ metadata }: Service): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function addressesOf({ spec }: Service): string[] {
  const addresses = spec?.clusterIPs?.length ? spec.clusterIPs : [spec?.clusterIP ?? ''];
  return addresses.filter((address) => address !== '' && address !== 'None');
}
