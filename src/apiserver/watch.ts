import { ApiError } from '../api/status.ts';
import type { Entry, StoreEvent, Watch as StoreWatch } from '../store/store.ts';
import type { Core, ResourceRequest } from './core.ts';
import type { ApiResponse, WatchResponseSink } from './handler.ts';
import { revisionOf, tooLargeResourceVersion } from './list-options.ts';
import type { ListOptions, Selection } from './list-options.ts';
import { listPage, listPrefix } from './read.ts';
import type { Page } from './read.ts';
import { decodedOf, selectableForm } from './stored-object.ts';
import type { EncodedEvent, EventEncoder } from './watch-events.ts';
import type { Served } from './kind-index.ts';
import { prepareConversions } from './webhooks/conversion.ts';

const bookmarkIntervalMs = 60_000;
const minTimeoutSeconds = 1800;
/** A client that lets this much pile up is too slow to be kept. */
const backlogLimitBytes = 64 * 1024 * 1024;
/** Present objects are sent this many at a time, and no faster than the client reads. */
const initialSlice = 500;

/** What the server counts. */
export interface WatchObserver {
  opened(): void;
  closed(): void;
}

/** The answer to a watch: events of everything that the selection matches, from `resourceVersion` on. */
export function watchResponse(
  core: Core,
  request: ResourceRequest,
  { options, encoder, observer }: { options: ListOptions; encoder: EventEncoder; observer: WatchObserver },
): ApiResponse {
  const wanted = revisionOf(options.resourceVersion);
  const sendsInitial = options.sendInitialEvents ?? wanted === undefined;
  if (sendsInitial && wanted !== undefined && wanted > core.store.revision) {
    throw tooLargeResourceVersion(wanted, core.store.revision);
  }
  return {
    status: 200,
    headers: { 'content-type': encoder.contentType, 'cache-control': 'no-cache, private' },
    body: {
      kind: 'watch',
      start(sink) {
        const selection = named(options.selection, request.name);
        const watch = new ApiWatch(core, request, { options: { ...options, selection }, encoder, observer, sink });
        void watch.run(sendsInitial ? undefined : (wanted ?? core.store.revision));
        return { close: () => watch.close() };
      },
    },
  };
}

/** The old way to watch one object has its name in the path: `/api/v1/watch/nodes/a`. */
function named(selection: Selection, name: string): Selection {
  if (name === '' || selection.name === name) return selection;
  return {
    isEverything: false,
    matches: (object) => object.metadata.name === name && selection.matches(object),
    name,
  };
}

/** One client's watch. */
class ApiWatch {
  readonly #core: Core;
  readonly #request: ResourceRequest;
  readonly #options: ListOptions;
  readonly #encoder: EventEncoder;
  readonly #observer: WatchObserver;
  readonly #sink: WatchResponseSink;
  #storeWatch: StoreWatch | undefined;
  readonly #cancels: (() => void)[] = [];
  #forget: () => void = () => {};
  #isClosed = false;
  /** What waits for a webhook that converts it. */
  #sending: Promise<void> = Promise.resolve();
  #endsAfterProgress = false;
  /** Events up to here are the client's already. */
  #afterRevision = 0;

  constructor(
    core: Core,
    request: ResourceRequest,
    parts: {
      options: ListOptions;
      encoder: EventEncoder;
      observer: WatchObserver;
      sink: WatchResponseSink;
    },
  ) {
    this.#core = core;
    this.#request = request;
    this.#options = parts.options;
    this.#encoder = parts.encoder;
    this.#observer = parts.observer;
    this.#sink = parts.sink;
    this.#observer.opened();
  }

  /** From `revision`, or from the present state when that is undefined. Never rejects. */
  async run(revision: number | undefined): Promise<void> {
    const { clock, random } = this.#core;
    const seconds = this.#options.timeoutSeconds || minTimeoutSeconds * (1 + random.float());
    this.#cancels.push(clock.setTimer(seconds * 1000, () => this.#timeOut()));
    const { retirement } = this.#request.served;
    if (retirement) this.#forget = retirement.onRetired(() => this.#end());
    try {
      const from = revision ?? (await this.#sendPresent());
      if (this.#isClosed || from === undefined) return;
      this.#follow(from);
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#storeWatch?.close();
    for (const cancel of this.#cancels) cancel();
    this.#forget();
    this.#observer.closed();
  }

  /** Sends what is there as ADDED; answers the revision of that state. */
  async #sendPresent(): Promise<number | undefined> {
    const all: ListOptions = { ...this.#options, limit: 0, continueToken: '', match: '' };
    const page: Page = await listPage(this.#core, this.#request, all);
    const { entries, revision } = page;
    const { served } = this.#request;
    if (served.version.webhook) await prepareConversions(this.#core, served, entries.map(decodedOf));
    for (let i = 0; i < entries.length; i++) {
      if (i > 0 && i % initialSlice === 0) await this.#sink.drained();
      if (this.#isClosed) return undefined;
      this.#send(this.#encoder.ofEntry('ADDED', entries[i] as Entry));
    }
    if (this.#options.sendInitialEvents && this.#options.allowBookmarks) {
      this.#send(this.#encoder.bookmark(revision, true));
    }
    return revision;
  }

  #follow(afterRevision: number): void {
    const { store, clock } = this.#core;
    const { compactedRevision, revision } = store;
    if (afterRevision < compactedRevision) return this.#expire(afterRevision, compactedRevision);
    this.#afterRevision = afterRevision;
    const { served, namespace } = this.#request;
    this.#storeWatch = store.watch(
      // A revision that is still to come is waited for: what happens before it is passed over.
      { prefix: listPrefix(served, namespace), afterRevision: Math.min(afterRevision, revision) },
      {
        events: (events) => this.#inOrder(served, events, () => this.#deliver(events)),
        progress: (at) => this.#inOrder(served, [], () => this.#bookmark(at)),
        ended: (reason) => {
          if (reason.kind === 'compacted') this.#expire(afterRevision, reason.compactedRevision);
          else this.#end();
        },
      },
    );
    if (!this.#options.allowBookmarks) return;
    const tick = (): void => {
      this.#storeWatch?.requestProgress();
      this.#cancels[1] = clock.setTimer(bookmarkIntervalMs, tick);
    };
    this.#cancels[1] = clock.setTimer(bookmarkIntervalMs, tick);
  }

  /** At once, or when a webhook has converted these events and those before them are sent. */
  #inOrder(served: Served, events: readonly StoreEvent[], send: () => void): void {
    if (!served.version.webhook) return send();
    const objects = events.flatMap(({ entry, previous }) => (previous ? [entry, previous] : [entry])).map(decodedOf);
    this.#sending = this.#sending
      .then(() => prepareConversions(this.#core, served, objects))
      .then(send)
      .catch((error: unknown) => this.#fail(error));
  }

  #deliver(events: readonly StoreEvent[]): void {
    try {
      for (const event of events) {
        if (this.#isClosed) return;
        if (event.entry.revision <= this.#afterRevision) continue;
        const encoded = this.#eventFor(event);
        if (encoded) this.#send(encoded);
      }
    } catch (error) {
      // What cannot be encoded for this client is no reason to fail the store's delivery to all others.
      return this.#fail(error);
    }
    if (this.#sink.backlogBytes() > backlogLimitBytes) {
      this.#core.log.warn('a watch is too slow and is ended', { path: this.#request.request.path });
      this.#end();
    }
  }

  /** What a change looks like through the selection: objects come into it and leave it. */
  #eventFor(event: StoreEvent): EncodedEvent | undefined {
    const { entry, previous } = event;
    const { selection } = this.#options;
    if (selection.isEverything) return this.#encoder.ofEntry(plainType(event), entry);
    const { served } = this.#request;
    const matched = previous !== undefined && selection.matches(selectableForm(previous, served));
    if (event.kind === 'delete') return matched ? this.#encoder.ofEntry('DELETED', entry) : undefined;
    const matches = selection.matches(selectableForm(entry, served));
    if (matches) return this.#encoder.ofEntry(matched ? 'MODIFIED' : 'ADDED', entry);
    if (!matched) return undefined;
    return this.#encoder.ofLeft(previous, entry.revision);
  }

  #bookmark(revision: number): void {
    if (this.#isClosed) return;
    this.#send(this.#encoder.bookmark(Math.max(revision, this.#afterRevision), false));
    if (this.#endsAfterProgress) this.#end();
  }

  /** The last thing a client learns is how far it has come. */
  #timeOut(): void {
    if (!this.#storeWatch || !this.#options.allowBookmarks) return this.#end();
    this.#endsAfterProgress = true;
    this.#storeWatch.requestProgress();
  }

  #expire(wanted: number, compacted: number): void {
    const text = `too old resource version: ${wanted} (${compacted + 1})`;
    this.#fail(ApiError.of('Expired', text));
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    if (!(error instanceof ApiError)) this.#core.log.error('a watch failed', { error });
    const { status } = error instanceof ApiError ? error : ApiError.of('InternalError', String(error));
    this.#send(this.#encoder.error(status));
    this.#end();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.close();
    this.#sink.end();
  }

  #send({ type, bytes, object }: EncodedEvent): void {
    this.#sink.event(type, bytes, object);
  }
}

function plainType(event: StoreEvent): 'ADDED' | 'MODIFIED' | 'DELETED' {
  if (event.kind === 'delete') return 'DELETED';
  return event.previous ? 'MODIFIED' : 'ADDED';
}
