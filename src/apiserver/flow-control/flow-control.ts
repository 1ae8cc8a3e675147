import { ApiError, isApiError } from '../../api/status.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/types/flowcontrol-v1.ts';
import { formatTime, type Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client, Resource } from '../../client/client.ts';
import { flowSchemas, priorityLevelConfigurations } from '../admission/lookup.ts';
import type { StoreLookup } from '../admission/store-lookup.ts';
import type { ApiRequest, User } from '../handler.ts';
import type { Metrics } from '../metrics.ts';
import type { RequestInfo } from '../request-info.ts';
import { danglingCondition } from './dangling.ts';
import { defaultFlowSchemas, defaultPriorityLevels } from './default-objects.ts';
import { inOrder, matches } from './match.ts';
import { PriorityLevel } from './priority-level.ts';
import { assignSeats, mayTakeSeat } from './seats.ts';

/** A request that may begin. */
export interface Ticket {
  /** Which schema and level it was put to. */
  readonly headers: Readonly<Record<string, string>>;
  /** It has been answered. */
  leave(): void;
}

export interface FlowControlOptions {
  lookup: StoreLookup;
  clock: Clock;
  log: Logger;
}

interface Classified {
  schema: FlowSchema;
  level: PriorityLevel;
  headers: Ticket['headers'];
}

const resource: Resource<FlowSchema> = {
  ...{
    group: 'flowcontrol.apiserver.k8s.io',
    version: 'v1',
    plural: 'flowschemas',
    kind: 'FlowSchema',
    namespaced: false,
  },
};
const longRunning = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);
const mostRemembered = 5000;
const mandatory = new Set(['exempt', 'catch-all']);

/** Which requests may begin, and who has to wait for others: API Priority and Fairness (KEP-1040). */
export class FlowControl {
  readonly #options: FlowControlOptions;
  readonly #levels = new Map<string, PriorityLevel>();
  #schemas: FlowSchema[] = [];
  /** By everything that a request is judged by. */
  readonly #classified = new Map<string, Classified>();
  #client: Client | undefined;
  #isStale = true;

  constructor(options: FlowControlOptions) {
    this.#options = options;
    const changed = (): void => {
      this.#isStale = true;
      this.#classified.clear();
      void this.#writeStatuses();
    };
    options.lookup.subscribe(flowSchemas, changed);
    options.lookup.subscribe(priorityLevelConfigurations, changed);
  }

  /** Flow schemas are told in their status whether their level is there, from now on. `client` may do everything. */
  start(client: Client): void {
    this.#client = client;
    void this.#writeStatuses();
  }

  /** Resolves when the request may begin; rejects with 429 when there is no room for it. */
  enter(info: RequestInfo, user: User, request: ApiRequest): Ticket | Promise<Ticket> {
    const { schema, level, headers } = this.#classify(info, user);
    // Watches and streams take no seat: they last, and do little.
    if (info.kind === 'resource' && (info.verb === 'watch' || longRunning.has(info.subresource))) {
      return { headers, leave: () => undefined };
    }
    const entrance = level.enter(flowOf(schema, info, user), () => request.signal);
    const ticket: Ticket = { headers, leave: () => this.#leave(level) };
    if (entrance === 'entered') return ticket;
    if (!(entrance instanceof Promise)) throw tooMany();
    return entrance.then((outcome) => {
      if (outcome !== 'entered') throw tooMany();
      return ticket;
    });
  }

  describe(metrics: Metrics): void {
    const prefix = 'apiserver_flowcontrol_';
    const perLevel = (name: string, help: string, value: (level: PriorityLevel) => number): void =>
      metrics.gauges(prefix + name, help, () => {
        this.#refresh();
        return Array.from(this.#levels, ([level, state]) => ({
          labels: { priority_level: level },
          value: value(state),
        }));
      });
    perLevel('nominal_limit_seats', 'Seats of the level, borrowed ones apart.', (level) => level.nominalSeats);
    perLevel('current_executing_requests', 'Requests that are worked on.', (level) => level.inUse);
    perLevel('current_inqueue_requests', 'Requests that wait.', (level) => level.waiting);
  }

  #classify(info: RequestInfo, user: User): Classified {
    if (this.#isStale) this.#refresh();
    const what =
      info.kind === 'resource'
        ? `${info.verb} ${info.group} ${info.resource} ${info.subresource} ${info.namespace}`
        : `${info.verb} ${info.path}`;
    const key = `${what} ${user.name}\n${user.groups.join('\n')}`;
    const known = this.#classified.get(key);
    if (known) return known;
    // Whoever it is has a group that the last one, catch-all, is about.
    const schema = this.#schemas.find((each) => matches(each, info, user)) ?? this.#schemas.at(-1);
    const level = schema && this.#levels.get(levelOf(schema));
    if (!level) throw new Error('no flow schema is there');
    const headers = {
      'x-kubernetes-pf-flowschema-uid': schema.metadata.uid ?? '',
      'x-kubernetes-pf-prioritylevel-uid': level.configuration.metadata.uid ?? '',
    };
    const classified = { schema, level, headers };
    if (this.#classified.size >= mostRemembered) this.#classified.clear();
    this.#classified.set(key, classified);
    return classified;
  }

  /** Takes over what is stored by now. The mandatory ones are there even when somebody has deleted them. */
  #refresh(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const { lookup, clock } = this.#options;
    const configurations = withMandatory(lookup.list(priorityLevelConfigurations), defaultPriorityLevels());
    for (const configuration of configurations) {
      const name = configuration.metadata.name ?? '';
      const level = this.#levels.get(name);
      const mayTake = (asking: PriorityLevel): boolean => mayTakeSeat(asking, this.#levels.values());
      if (!level) this.#levels.set(name, new PriorityLevel(configuration, { clock, mayTake }));
      else if (level.configuration !== configuration) level.configure(configuration);
    }
    const names = new Set(configurations.map(({ metadata }) => metadata.name));
    for (const [name, level] of this.#levels) if (!names.has(name) && level.waiting === 0) this.#levels.delete(name);
    assignSeats(this.#levels.values());
    this.#dispatch();
    const stored = withMandatory(lookup.list(flowSchemas), defaultFlowSchemas(formatTime(clock.now())));
    this.#schemas = inOrder(stored).filter((schema) => this.#levels.has(levelOf(schema)));
  }

  /** A seat that one level leaves may be lent to another. */
  #leave(level: PriorityLevel): void {
    level.leave();
    this.#dispatch();
  }

  #dispatch(): void {
    for (const level of this.#levels.values()) level.dispatch();
  }

  async #writeStatuses(): Promise<void> {
    const { lookup, clock, log } = this.#options;
    if (!this.#client) return;
    for (const schema of lookup.list(flowSchemas)) {
      const level = levelOf(schema);
      const exists = lookup.get(priorityLevelConfigurations, '', level) !== undefined;
      const condition = danglingCondition(level, exists, formatTime(clock.now()));
      const conditions = schema.status?.conditions ?? [];
      const old = conditions.find(({ type }) => type === condition.type);
      if (old?.status === condition.status && old?.message === condition.message) continue;
      const rest = conditions.filter((each) => each !== old);
      const patch = { kind: 'merge', document: { status: { conditions: [...rest, condition] } } } as const;
      await this.#client
        .patch(resource, { name: schema.metadata.name ?? '' }, patch, { subresource: 'status' })
        .catch((error: unknown) => {
          if (!isApiError(error, 'NotFound')) log.warn('the status of a flow schema could not be written', { error });
        });
    }
  }
}

function levelOf({ spec }: FlowSchema): string {
  return spec?.priorityLevelConfiguration.name ?? '';
}

function flowOf({ metadata, spec }: FlowSchema, info: RequestInfo, user: User): string {
  const method = spec?.distinguisherMethod?.type;
  const namespace = info.kind === 'resource' ? info.namespace : '';
  return `${metadata.name} ${method === 'ByUser' ? user.name : method === 'ByNamespace' ? namespace : ''}`;
}

function withMandatory<T extends FlowSchema | PriorityLevelConfiguration>(stored: Iterable<T>, defaults: T[]): T[] {
  const all = [...stored];
  const names = new Set(all.map(({ metadata }) => metadata.name));
  return [...all, ...defaults.filter(({ metadata: { name = '' } }) => mandatory.has(name) && !names.has(name))];
}

function tooMany(): ApiError {
  return ApiError.of('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });
}
