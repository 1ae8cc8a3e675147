import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { isPodFinished } from '../../api/pod-phase.ts';
import type { KubeObject } from '../../api/object.ts';
import type { ResourceQuota } from '../../api/types/core-v1.ts';
import type { Store } from '../../store/store.ts';
import { resourceQuotas } from './lookup.ts';
import type { Collection } from './lookup.ts';
import { addTo, inScope, usageOf } from './quota-usage.ts';
import type { Usage } from './quota-usage.ts';
import { putObject, storeKey } from './store-lookup.ts';
import type { StoreLookup } from './store-lookup.ts';

interface Reservation {
  namespace: string;
  group: string;
  plural: string;
  object: KubeObject;
  delta: Usage;
  /** Epoch milliseconds. */
  expires: number;
}

/**
 * How much of each quota is used: counted from what is stored, plus what has been admitted and is on its way into the
 * store. Keeps the quotas' statuses, at admission and when objects go.
 */
export class QuotaLedger {
  readonly #options: { store: Store; lookup: StoreLookup; clock: Clock; log: Logger };
  readonly #turns = new Map<string, Promise<void>>();
  readonly #followed = new Set<string>();
  readonly #timers = new Set<() => void>();
  #reservations: Reservation[] = [];
  #closed = false;

  constructor(options: { store: Store; lookup: StoreLookup; clock: Clock; log: Logger }) {
    this.#options = options;
    options.lookup.subscribe(resourceQuotas, (quota, old) => {
      if (!quota) return;
      const isSame = JSON.stringify(quota.spec) === JSON.stringify(old?.spec);
      // A status that somebody else wrote is put right again.
      if (isSame && sameAmounts(quota.status?.hard, quota.spec?.hard)) return;
      for (const collection of collectionsOf(quota)) this.#follow(collection);
      this.#refresh(quota.metadata.namespace ?? '');
    });
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#timers) cancel();
  }

  /** One at a time in each namespace: two that fit alone might not fit together. */
  async exclusively<T>(namespace: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(namespace) ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.then(
      () => {},
      () => {},
    );
    this.#turns.set(namespace, settled);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(namespace) === settled) this.#turns.delete(namespace);
    }
  }

  /** Counts what is on its way into the store, until it is there, or until the time in which it should have come is over. */
  reserve(reservation: Reservation): void {
    const { clock } = this.#options;
    this.#reservations.push(reservation);
    const cancel = clock.setTimer(Math.max(0, reservation.expires - clock.now()), () => {
      this.#timers.delete(cancel);
      if (!this.#reservations.includes(reservation)) return;
      this.#reservations = this.#reservations.filter((one) => one !== reservation);
      this.#refresh(reservation.namespace);
    });
    this.#timers.add(cancel);
  }

  /** The object has come, or gone again. */
  #settle({ group, plural }: Collection, { metadata: { namespace, name } }: KubeObject): void {
    this.#reservations = this.#reservations.filter(
      (one) =>
        one.namespace !== namespace ||
        one.group !== group ||
        one.plural !== plural ||
        one.object.metadata.name !== name,
    );
  }

  /** What is used of each quota's own resources. */
  async used(namespace: string, quotas: readonly ResourceQuota[]): Promise<Map<ResourceQuota, Usage>> {
    const { lookup, clock } = this.#options;
    const result = new Map<ResourceQuota, Usage>();
    for (const quota of quotas) {
      result.set(quota, Object.fromEntries(Object.keys(quota.spec?.hard ?? {}).map((name) => [name, '0'])));
    }
    const collections = new Map(quotas.flatMap(collectionsOf).map((one) => [storeKey(one, '', ''), one]));
    for (const { group, plural } of collections.values()) {
      const stored = await lookup.freshList({ group, plural }, namespace);
      const names = new Set(stored.map((object) => object.metadata.name));
      const now = clock.now();
      // What is stored by now is counted there.
      this.#reservations = this.#reservations.filter(
        (one) =>
          one.expires > now &&
          !(
            one.namespace === namespace &&
            one.group === group &&
            one.plural === plural &&
            names.has(one.object.metadata.name)
          ),
      );
      const coming = this.#reservations.filter(
        (one) => one.namespace === namespace && one.group === group && one.plural === plural,
      );
      for (const [quota, usage] of result) {
        for (const object of stored) {
          if (inScope(quota, plural, object)) addTo(usage, limitTo(usage, usageOf(group, plural, object)));
        }
        for (const { object, delta } of coming) if (inScope(quota, plural, object)) addTo(usage, limitTo(usage, delta));
      }
    }
    return result;
  }

  /** Writes the statuses of a namespace's quotas that are not up to date. */
  async record(namespace: string): Promise<void> {
    const { store, lookup, log } = this.#options;
    const quotas = await lookup.freshList(resourceQuotas, namespace);
    for (const [quota, used] of await this.used(namespace, quotas)) {
      const status = { hard: quota.spec?.hard ?? {}, used };
      if (sameStatus(quota.status, status)) continue;
      const key = storeKey(resourceQuotas, namespace, quota.metadata.name ?? '');
      const next = { ...quota, status } as KubeObject;
      const found = await store.get(key);
      // Where somebody else has written, his change brings us back here.
      if (found.kind !== 'found' || String(found.entry.revision) !== quota.metadata.resourceVersion) continue;
      const result = await store.commit([putObject(key, next, found.entry)]);
      if (result.kind === 'failed')
        log.error('cannot write the status of a quota', { quota: key, error: result.error });
    }
  }

  /** Objects of this kind give room back when they go, and pods when they end. */
  #follow(collection: Collection): void {
    const { lookup, log } = this.#options;
    const prefix = storeKey(collection, '', '');
    if (this.#followed.has(prefix)) return;
    this.#followed.add(prefix);
    lookup.follow(collection).then(
      () =>
        lookup.subscribe(collection, (object, old) => {
          const known = object ?? old;
          if (known && !(object && old)) this.#settle(collection, known);
          const ended = object && collection.plural === 'pods' && isPodFinished(object) && old && !isPodFinished(old);
          if (!old || (object && !ended)) return;
          this.#refresh(old.metadata.namespace ?? '');
        }),
      (error: unknown) => log.error('cannot follow what a quota counts', { prefix, error }),
    );
  }

  #refresh(namespace: string): void {
    if (this.#closed || [...this.#options.lookup.list(resourceQuotas, namespace)].length === 0) return;
    this.exclusively(namespace, () => this.record(namespace)).catch((error: unknown) =>
      this.#options.log.error('cannot count a namespace against its quotas', { namespace, error }),
    );
  }
}

function limitTo(counted: Usage, usage: Usage): Usage {
  return Object.fromEntries(Object.entries(usage).filter(([name]) => name in counted));
}

function sameStatus(one: ResourceQuota['status'], other: NonNullable<ResourceQuota['status']>): boolean {
  return sameAmounts(one?.hard, other.hard) && sameAmounts(one?.used, other.used);
}

function sameAmounts(one: Usage | undefined, other: Usage | undefined): boolean {
  const sorted = (amounts: Usage = {}): string =>
    JSON.stringify(Object.entries(amounts).sort(([a], [b]) => (a < b ? -1 : 1)));
  return sorted(one) === sorted(other);
}

/** Where the objects lie that a quota counts. */
function collectionsOf(quota: ResourceQuota): Collection[] {
  const found = new Map<string, Collection>();
  for (const name of Object.keys(quota.spec?.hard ?? {})) {
    const one = collectionFor(name);
    found.set(storeKey(one, '', ''), one);
  }
  return [...found.values()];
}

function collectionFor(name: string): Collection {
  const counted = /^count\/([^.]+)(?:\.(.+))?$/.exec(name);
  if (counted) return { group: counted[2] ?? '', plural: counted[1] ?? '' };
  if (name.startsWith('services')) return { group: '', plural: 'services' };
  const storage = name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/');
  if (storage || name === 'persistentvolumeclaims') return { group: '', plural: 'persistentvolumeclaims' };
  const plain = ['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas'];
  return { group: '', plural: plain.includes(name) ? name : 'pods' };
}
