import type { KubeObject } from '../../api/object.ts';
import type { APIService } from '../../api/types/apiregistration-v1.ts';
import type { ConfigMap } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { isApiError } from '../../api/status.ts';
import { jsonEquals } from '../../api/plain-json.ts';
import { formatTime, type Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client, Resource } from '../../client/client.ts';
import type { Store, StoreEvent, Watch } from '../../store/store.ts';
import type { KindIndex } from '../kind-index.ts';
import { decodedOf } from '../stored-object.ts';
import type { Aggregator } from './aggregator.ts';
import { conditionsAfter, local, type Verdict } from './availability.ts';
import { localServices, type Repair, repairs } from './local-services.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

const prefix = '/apiregistration.k8s.io/apiservices/';
const definitionsPrefix = '/apiextensions.k8s.io/customresourcedefinitions/';
const servicesPrefix = '/core/services/';
const slicesPrefix = '/discovery.k8s.io/endpointslices/';
/** Extension servers that nothing is told of are asked this often; those that failed sooner, later each time. */
const resyncMs = 30_000;
const firstRetryMs = 1000;
/** What is served ourselves is served without: whoever waits for a new server's first pod comes first. */
const quietStartMs = 1500;
const apiServices: Resource<APIService> = {
  ...{ group: 'apiregistration.k8s.io', version: 'v1', plural: 'apiservices', kind: 'APIService', namespaced: false },
};
const configMaps: Resource<ConfigMap> = {
  ...{ group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
};

export interface ApiServicesOptions {
  store: Store;
  kinds: KindIndex;
  /** May do everything. */
  client: Client;
  clock: Clock;
  log: Logger;
  aggregator: Aggregator;
  /** What extension servers verify us and our clients by: the data of the ConfigMap that they read. */
  authentication: Readonly<Record<string, string>>;
}

/**
 * Keeps APIServices: those of what this server serves itself, and whether those of others are available.
 * Level-triggered: each round compares all that is stored with all that should be.
 */
export class ApiServices {
  readonly #options: ApiServicesOptions;
  readonly #services = new Map<string, APIService>();
  /** Names of those that are to be asked in the next round. */
  readonly #due = new Set<string>();
  /** Names of those of what is served itself that were as they should be since this began. */
  readonly #settled = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, () => void>();
  readonly #watches: Watch[] = [];
  /** Of services and their endpoints: only where there is somebody to be asked. */
  #backends: Watch[] = [];
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: ApiServicesOptions) {
    this.#options = options;
  }

  /** Extension servers are served once this resolves; what has to be written is, after it. */
  async start(): Promise<void> {
    const { store } = this.#options;
    const listed = await store.list({ prefix });
    if (listed.kind !== 'entries') throw new Error('the API services cannot be listed');
    for (const entry of listed.entries) this.#services.set(entry.key, decodedOf(entry));
    this.#publish();
    for (const { metadata, spec } of this.#services.values()) if (spec?.service) this.#due.add(metadata.name ?? '');
    this.#watches.push(
      this.#watch(prefix, listed.revision, (events) => {
        for (const event of events) this.#take(event);
        this.#publish();
        this.#run();
      }),
      this.#watch(definitionsPrefix, listed.revision, () => this.#run()),
    );
    if (this.#due.size > 0) this.#run();
    else this.#later('', quietStartMs, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const watch of [...this.#watches, ...this.#backends]) watch.close();
    for (const cancel of this.#timers.values()) cancel();
    await this.#running;
  }

  #watch(from: string, afterRevision: number, events: (events: readonly StoreEvent[]) => void): Watch {
    return this.#options.store.watch({ prefix: from, afterRevision }, { events, progress() {}, ended() {} });
  }

  #take({ kind, entry, previous }: StoreEvent): void {
    if (kind === 'delete') return void this.#services.delete(entry.key);
    const service = decodedOf(entry) as APIService;
    this.#services.set(entry.key, service);
    const old = previous && (decodedOf(previous) as APIService);
    // Its status is what we write ourselves.
    if (service.spec?.service && !jsonEquals(service.spec, old?.spec)) this.#due.add(service.metadata.name ?? '');
  }

  #publish(): void {
    this.#options.aggregator.follow(this.#services.values());
    const isNeeded = [...this.#services.values()].some(({ spec }) => spec?.service);
    if (isNeeded === this.#backends.length > 0) return;
    for (const watch of this.#backends) watch.close();
    const { revision } = this.#options.store;
    this.#backends = isNeeded
      ? [servicesPrefix, slicesPrefix].map((from) => this.#watch(from, revision, (events) => this.#changed(events)))
      : [];
  }

  /** A service or its endpoints changed: whoever is reached by them is asked again. */
  #changed(events: readonly StoreEvent[]): void {
    const changed = new Set(
      events.map(({ entry }) => {
        const { kind, metadata } = decodedOf(entry) as Partial<EndpointSlice> & KubeObject;
        const name = kind === 'EndpointSlice' ? metadata.labels?.[serviceNameLabel] : metadata.name;
        return `${metadata.namespace}/${name}`;
      }),
    );
    let isDue = false;
    for (const { metadata, spec } of this.#services.values()) {
      if (!spec?.service || !changed.has(`${spec.service.namespace}/${spec.service.name}`)) continue;
      this.#due.add(metadata.name ?? '');
      isDue = true;
    }
    if (isDue) this.#run();
  }

  #run(): void {
    this.#again = true;
    if (this.#stopped) return;
    this.#running ??= this.#rounds().finally(() => (this.#running = undefined));
  }

  async #rounds(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        await this.#round();
      } catch (error) {
        if (this.#stopped) return;
        this.#options.log.warn('API services: a round failed', { error });
        this.#later('', firstRetryMs, () => this.#run());
        return;
      }
    }
  }

  async #round(): Promise<void> {
    const { kinds } = this.#options;
    await this.#writeAuthentication();
    const wanted = localServices(kinds.all);
    for (const repair of repairs(wanted, [...this.#services.values()], this.#settled)) {
      if (this.#stopped) return;
      await tolerating(this.#repair(repair));
    }
    for (const name of wanted.keys()) this.#settled.add(name);
    const due = new Set(this.#due);
    this.#due.clear();
    await Promise.all([...this.#services.values()].map((service) => this.#look(service, due)));
  }

  async #look(service: APIService, due: ReadonlySet<string>): Promise<void> {
    const { aggregator } = this.#options;
    const name = service.metadata.name ?? '';
    if (!service.spec?.service) return this.#write(service, local);
    if (!due.has(name)) return;
    const verdict = await aggregator.check(service);
    const hasFailed = verdict.status !== 'True';
    const failures = hasFailed ? (this.#failures.get(name) ?? 0) + 1 : 0;
    this.#failures.set(name, failures);
    this.#later(name, hasFailed ? Math.min(resyncMs, firstRetryMs * 2 ** (failures - 1)) : resyncMs, () => {
      this.#due.add(name);
      this.#run();
    });
    await this.#write(service, verdict);
  }

  async #write(service: APIService, verdict: Verdict): Promise<void> {
    const { client, clock } = this.#options;
    const conditions = conditionsAfter(service, verdict, formatTime(clock.now()));
    if (!conditions || this.#stopped) return;
    const document = { status: { conditions } };
    const name = { name: service.metadata.name ?? '' };
    await tolerating(client.patch(apiServices, name, { kind: 'merge', document }, { subresource: 'status' }));
  }

  #repair(repair: Repair): Promise<unknown> {
    const { client } = this.#options;
    switch (repair.kind) {
      case 'create':
        return client.create(apiServices, repair.service);
      case 'update':
        return client.update(apiServices, repair.service);
      case 'delete':
        return client.delete(apiServices, { name: repair.name });
    }
  }

  async #writeAuthentication(): Promise<void> {
    const { client, authentication } = this.#options;
    const metadata = { name: 'extension-apiserver-authentication', namespace: 'kube-system' };
    const present = await client.get(configMaps, metadata).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    });
    if (!present) return tolerating(client.create(configMaps, { metadata, data: { ...authentication } }));
    if (jsonEquals({ ...present.data, ...authentication }, present.data)) return;
    await tolerating(client.patch(configMaps, metadata, { kind: 'merge', document: { data: authentication } }));
  }

  #later(name: string, afterMs: number, act: () => void): void {
    if (this.#stopped) return;
    this.#timers.get(name)?.();
    this.#timers.set(name, this.#options.clock.setTimer(afterMs, act));
  }
}

/** Somebody else was faster: their event brings the next round. */
async function tolerating(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isApiError(error, 'NotFound', 'Conflict', 'AlreadyExists')) throw error;
  }
}
