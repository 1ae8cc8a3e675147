import type { Event, ObjectReference } from '../api/types/core-v1.ts';
import { apiVersionOf, type KubeObject } from '../api/object.ts';
import { isApiError } from '../api/status.ts';
import { type Clock, formatTime } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';
import type { EventRecorder } from './event-recorder.ts';
import { events } from './resources.ts';

export interface RecorderOptions {
  client: Client;
  /** `source.component` of the events: `kubelet`, `deployment-controller`. */
  component: string;
  /** `source.host`: the node. */
  host?: string;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** Events about one object that differ only in their message are counted together from the tenth message on. */
const maxSimilarEvents = 10;
const similarWindowMs = 10 * 60_000;
/** Each object may cause this many events at once, and then one every five minutes (client-go's spam filter). */
const burst = 25;
const refillMs = 5 * 60_000;
const maxRemembered = 4096;

interface Written {
  name: string;
  namespace: string;
  count: number;
  /** The write before this one, so that counts arrive in order. */
  pending: Promise<void>;
}

/** Writes events as client-go's correlator does: repeated ones are counted up, floods are thinned out. */
export function createEventRecorder(options: RecorderOptions): EventRecorder {
  const { clock, log } = options;
  const written = new Map<string, Written>();
  const similar = new Map<string, Similar>();
  const allowances = new Map<string, { tokens: number; at: number }>();
  const nextName = eventNames(options.random);
  return {
    record(object, type, reason, message, fieldPath) {
      const now = clock.now();
      const reference = { ...referenceTo(object), ...(fieldPath && { fieldPath }) };
      const subject = [reference.kind, reference.namespace, reference.name, reference.uid].join('/');
      const isCombined = isFlood(similar, { key: `${subject}/${type}/${reason}`, message, now });
      if (!takeToken(allowances, subject, now)) return;
      const text = isCombined ? `(combined from similar events): ${message}` : message;
      const key = `${subject}/${fieldPath ?? ''}/${type}/${reason}/${isCombined ? '' : text}`;
      const last = written.get(key);
      const name = nextName(reference.name ?? '', now);
      const createIt = (): Promise<Event> => create(options, { name, reference, type, reason, message: text, now });
      const write = last
        ? last.pending.then(() =>
            last.name === '' ? createIt() : countUp(options, last, text, now).catch(orElse(createIt)),
          )
        : createIt();
      const remembered: Written = last ?? { name: '', namespace: '', count: 0, pending: Promise.resolve() };
      remembered.pending = write.then(
        (event) => {
          remembered.name = event.metadata.name ?? '';
          remembered.namespace = event.metadata.namespace ?? '';
          remembered.count = event.count ?? 1;
        },
        (error: unknown) => {
          written.delete(key);
          const isExpected = isApiError(error, 'NotFound', 'Forbidden');
          log[isExpected ? 'debug' : 'warn']('an event could not be written', { reason, object: subject, error });
        },
      );
      remember(written, key, remembered);
    },
  };
}

function create(
  { client, component, host }: RecorderOptions,
  event: { name: string; reference: ObjectReference; type: string; reason: string; message: string; now: number },
): Promise<Event> {
  const { name, reference, type, reason, message, now } = event;
  const time = formatTime(now);
  return client.create(events, {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: reference.namespace || 'default' },
    involvedObject: reference,
    ...{ type, reason, message, count: 1, firstTimestamp: time, lastTimestamp: time },
    source: { component, ...(host && { host }) },
    reportingComponent: component,
    reportingInstance: host ?? '',
  });
}

/**
 * Names as client-go gives them: the object's, and the time in nanoseconds as hexadecimal digits. A list comes in the
 * order of names, and clients that sort it by whole seconds leave it so: the events of one second stay in order.
 * Below the clock's milliseconds the digits are random, rising, so that two recorders hardly ever give the same name.
 */
function eventNames(random: Random): (object: string, now: number) => string {
  let last = 0n;
  return (object, now) => {
    const start = BigInt(now) * 1_000_000n;
    last = last < start ? start + BigInt(random.int(500_000)) : last + 1n + BigInt(random.int(1000));
    return `${object}.${last.toString(16)}`;
  };
}

function countUp({ client }: RecorderOptions, last: Written, message: string, now: number): Promise<Event> {
  const document = { count: last.count + 1, lastTimestamp: formatTime(now), message };
  const { name, namespace } = last;
  return client.patch(events, { name, namespace }, { kind: 'merge', document });
}

/** Events live for an hour: one that is gone by now, or never came to be, is written anew. */
function orElse(createIt: () => Promise<Event>): (error: unknown) => Promise<Event> {
  return (error) => {
    if (isApiError(error, 'NotFound')) return createIt();
    throw error;
  };
}

function referenceTo(object: KubeObject): ObjectReference {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    kind: object.kind,
    apiVersion: object.apiVersion ?? apiVersionOf('', 'v1'),
    name,
    namespace,
    uid,
    resourceVersion,
  };
}

interface Similar {
  messages: Set<string>;
  lastAt: number;
}

/** The same message again is counted, not combined: only ever new ones make a flood. */
function isFlood(similar: Map<string, Similar>, event: { key: string; message: string; now: number }): boolean {
  const { key, message, now } = event;
  const known = similar.get(key);
  const current = known && now - known.lastAt < similarWindowMs ? known : { messages: new Set<string>(), lastAt: now };
  current.lastAt = now;
  current.messages.add(message);
  remember(similar, key, current);
  if (current.messages.size < maxSimilarEvents) return false;
  // The set need not grow for as long as the flood lasts.
  for (const oldest of current.messages) {
    if (current.messages.size < maxSimilarEvents) break;
    current.messages.delete(oldest);
  }
  return true;
}

function takeToken(allowances: Map<string, { tokens: number; at: number }>, key: string, now: number): boolean {
  const known = allowances.get(key) ?? { tokens: burst, at: now };
  const tokens = Math.min(burst, known.tokens + (now - known.at) / refillMs);
  remember(allowances, key, { tokens: Math.max(0, tokens - 1), at: now });
  return tokens >= 1;
}

/** Keeps the newest keys only: what is long past need not be remembered. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > maxRemembered) map.delete(map.keys().next().value as string);
}
