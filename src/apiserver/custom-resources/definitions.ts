import type { Clock } from '../../base/clock.ts';
import type * as customKindModule from '../../api/custom-resources/custom-kind.ts';
import type { Logger } from '../../base/log.ts';
import { cleanupFinalizer } from '../../api/kinds/apiextensions/custom-resource-definition.ts';
import { isApiError } from '../../api/status.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from '../../api/types/apiextensions-v1.ts';
import type { Client, Resource } from '../../client/client.ts';
import type { Entry, Store, Watch } from '../../store/store.ts';
import { Retirement, type KindIndex, type Served } from '../kind-index.ts';
import { decodedOf } from '../stored-object.ts';
import { definitionStatus, isEstablished } from './naming.ts';

const prefix = '/apiextensions.k8s.io/customresourcedefinitions/';
const retryMs = 1000;
const definitions: Resource<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

export interface DefinitionsOptions {
  store: Store;
  kinds: KindIndex;
  /** May do everything. */
  client: Client;
  clock: Clock;
  log: Logger;
}

/** Follows the definitions of custom resources: what is established is served before this resolves. */
export async function followDefinitions(options: DefinitionsOptions): Promise<{ stop(): void }> {
  const follower = new DefinitionFollower(options);
  await follower.start();
  return follower;
}

type CustomKinds = typeof customKindModule;

interface Serving {
  /** Of everything that the kinds follow from. */
  key: string;
  served: readonly Served[];
  retirement: Retirement;
}

/**
 * Level-triggered: each round looks at every stored definition, writes the status that it should have, serves what is
 * established, and empties what is being deleted.
 */
class DefinitionFollower {
  readonly #options: DefinitionsOptions;
  readonly #definitions = new Map<string, CustomResourceDefinition>();
  readonly #serving = new Map<string, Serving>();
  /** Definitions that wait for the last of their objects to go. */
  readonly #waits = new Map<string, Watch>();
  #customKinds: CustomKinds | undefined;
  #watch: Watch | undefined;
  #cancelRetry: () => void = () => {};
  #running = false;
  #again = false;
  #stopped = false;

  constructor(options: DefinitionsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { store } = this.#options;
    const listed = await store.list({ prefix });
    if (listed.kind !== 'entries') throw new Error('the definitions of custom resources cannot be listed');
    for (const entry of listed.entries) this.#remember(entry);
    if (listed.entries.length > 0) {
      this.#customKinds = await import('../../api/custom-resources/custom-kind.ts');
      this.#serve();
    }
    this.#watch = store.watch(
      { prefix, afterRevision: listed.revision },
      {
        events: (events) => {
          for (const { kind, entry } of events) {
            if (kind === 'put') this.#remember(entry);
            else this.#definitions.delete(entry.key);
          }
          // At once: who hears of this change after us finds discovery changed.
          this.#serve();
          this.#run();
        },
        progress() {},
        ended() {},
      },
    );
    this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRetry();
    this.#watch?.close();
    for (const watch of this.#waits.values()) watch.close();
  }

  #remember(entry: Entry): void {
    this.#definitions.set(entry.key, decodedOf(entry) as unknown as CustomResourceDefinition);
  }

  #run(): void {
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    this.#rounds().catch((error: unknown) => {
      this.#running = false;
      if (this.#stopped) return;
      this.#options.log.warn('custom resources: a round failed', { error });
      this.#cancelRetry();
      this.#cancelRetry = this.#options.clock.setTimer(retryMs, () => this.#run());
    });
  }

  async #rounds(): Promise<void> {
    do {
      this.#again = false;
      await this.#round();
    } while (this.#again && !this.#stopped);
    this.#running = false;
  }

  async #round(): Promise<void> {
    if (this.#definitions.size > 0 && !this.#customKinds) {
      this.#customKinds = await import('../../api/custom-resources/custom-kind.ts');
      this.#serve();
    }
    await this.#writeStatuses();
    for (const [key, definition] of this.#definitions) {
      if (this.#stopped) return;
      if (isTerminating(definition)) await this.#cleanUp(key, definition);
    }
  }

  async #writeStatuses(): Promise<void> {
    const { client, clock } = this.#options;
    const accepted = new Map<string, { group: string; names: CustomResourceDefinitionNames }>();
    for (const [key, { spec, status }] of this.#definitions) {
      if (status?.acceptedNames?.plural) accepted.set(key, { group: spec.group, names: status.acceptedNames });
    }
    for (const [key, definition] of Array.from(this.#definitions)) {
      if (this.#stopped) return;
      const { group } = definition.spec;
      const others = [...accepted].filter(([other, named]) => other !== key && named.group === group);
      const status = definitionStatus(
        definition,
        others.map(([, { names }]) => names),
        clock.now(),
      );
      if (!status) continue;
      if (status.acceptedNames) accepted.set(key, { group, names: status.acceptedNames });
      await ignoring(client.update(definitions, { ...definition, status }, { subresource: 'status' }));
    }
  }

  /** Makes the index say what the definitions say; a kind that changed is a new one, and its watches end. */
  #serve(): void {
    const custom = this.#customKinds;
    if (!custom || this.#stopped) return;
    let changed = false;
    for (const [key, serving] of this.#serving) {
      const definition = this.#definitions.get(key);
      if (definition && isEstablished(definition) && keyOf(definition) === serving.key) continue;
      this.#serving.delete(key);
      serving.retirement.retire();
      changed = true;
    }
    for (const [key, definition] of this.#definitions) {
      if (this.#serving.has(key) || !isEstablished(definition)) continue;
      const retirement = new Retirement();
      const served = custom.customKinds(definition).map((kind): Served => ({
        ...kind,
        apiVersion: `${definition.spec.group}/${kind.version.version}`,
        prefix: objectsPrefix(definition),
        isVirtual: false,
        isTerminating: isTerminating(definition),
        retirement,
      }));
      this.#serving.set(key, { key: keyOf(definition), served, retirement });
      changed = true;
    }
    if (changed) this.#options.kinds.replaceCustom([...this.#serving.values()].flatMap(({ served }) => served));
  }

  /** Deletes the objects of a definition that is being deleted, and lets it go when there are none. */
  async #cleanUp(key: string, definition: CustomResourceDefinition): Promise<void> {
    const { client } = this.#options;
    if (!definition.metadata.finalizers?.includes(cleanupFinalizer)) return;
    const left = await this.#objectsOf(definition);
    if (left.length > 0) {
      this.#await(key, definition);
      await this.#deleteObjects(key, definition, left);
      if ((await this.#objectsOf(definition)).length > 0) return;
    }
    this.#waits.get(key)?.close();
    this.#waits.delete(key);
    const finalizers = definition.metadata.finalizers.filter((name) => name !== cleanupFinalizer);
    const metadata = { ...definition.metadata, finalizers };
    await ignoring(client.update(definitions, { ...definition, metadata }));
  }

  async #objectsOf(definition: CustomResourceDefinition): Promise<readonly Entry[]> {
    const listed = await this.#options.store.list({ prefix: objectsPrefix(definition) });
    return listed.kind === 'entries' ? listed.entries : [];
  }

  #await(key: string, definition: CustomResourceDefinition): void {
    if (this.#waits.has(key)) return;
    const { store } = this.#options;
    const watch = store.watch(
      { prefix: objectsPrefix(definition), afterRevision: store.revision },
      {
        events: (events) => {
          if (events.some(({ kind }) => kind === 'delete')) this.#run();
        },
        progress() {},
        ended() {},
      },
    );
    this.#waits.set(key, watch);
  }

  async #deleteObjects(key: string, definition: CustomResourceDefinition, entries: readonly Entry[]): Promise<void> {
    const { client, store } = this.#options;
    const { group, scope, names } = definition.spec;
    const [served] = this.#serving.get(key)?.served ?? [];
    if (!served) {
      // No version is served: there is no way through the API, and nobody who could hold an object.
      await store.commit(
        entries.map(({ key: each, value }) => ({ kind: 'delete', key: each, encode: () => ({ value }) }) as const),
      );
      return;
    }
    const resource = {
      group,
      version: served.version.version,
      plural: served.kind.plural,
      kind: names.kind,
      namespaced: scope === 'Namespaced',
    };
    if (!resource.namespaced) return ignoring(client.deleteCollection(resource, {}));
    const namespaces = new Set(entries.map((entry) => decodedOf(entry).metadata.namespace ?? ''));
    for (const namespace of namespaces) await ignoring(client.deleteCollection(resource, { namespace }));
  }
}

function objectsPrefix({ spec }: CustomResourceDefinition): string {
  return `/${spec.group}/${spec.names.plural}/`;
}

function isTerminating({ metadata }: CustomResourceDefinition): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function keyOf(definition: CustomResourceDefinition): string {
  const { metadata, status } = definition;
  const { uid, generation } = metadata;
  return JSON.stringify([uid, generation, status?.acceptedNames, status?.storedVersions, isTerminating(definition)]);
}

/** Somebody else wrote or deleted the object in between: its event brings the next round. */
async function ignoring(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isApiError(error, 'Conflict', 'NotFound')) throw error;
  }
}
