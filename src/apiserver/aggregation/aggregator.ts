import { ApiError } from '../../api/status.ts';
import type { APIService } from '../../api/types/apiregistration-v1.ts';
import type { APIResourceList } from '../../api/types/meta-v1.ts';
import { endpointSlices, services, type Lookup } from '../admission/lookup.ts';
import type { ApiRequest, ApiResponse, User } from '../handler.ts';
import type { KindIndex } from '../kind-index.ts';
import type { RequestInfo } from '../request-info.ts';
import { passThrough } from '../streaming/pass-through.ts';
import { encodePath, handOn } from '../streaming/proxy.ts';
import { available, failedCheck, isAvailable, obstacleOf, type Verdict } from './availability.ts';
import { type ExtensionServers, userHeaders } from './extension-servers.ts';
import type { RemoteVersion } from './remote-discovery.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

/** So many questions at once; one that is answered is enough. */
const attempts = 5;
/** Lists of resources are not longer. */
const longestListBytes = 4 * 1024 * 1024;

export interface AggregatorParts {
  kinds: KindIndex;
  lookup: Lookup;
  servers: ExtensionServers;
}

/**
 * Serves groups and versions that somebody else has, by the APIServices that name a service: requests go on to it with
 * the user in headers (kube-aggregator). What is built in stays ours, whatever APIServices say.
 */
export class Aggregator {
  readonly #parts: AggregatorParts;
  #remote = new Map<string, APIService>();
  #versions: readonly RemoteVersion[] = [];
  /** What each extension server said it serves. */
  readonly #resources = new Map<string, APIResourceList['resources']>();

  constructor(parts: AggregatorParts) {
    this.#parts = parts;
  }

  /** Another array after each change. */
  get versions(): readonly RemoteVersion[] {
    return this.#versions;
  }

  /** The APIServices of extension servers that are there, those of the highest priority first. */
  get available(): APIService[] {
    const priorityOf = ({ spec }: APIService): [number, number] => [
      spec?.groupPriorityMinimum ?? 0,
      spec?.versionPriority ?? 0,
    ];
    return [...this.#remote.values()].filter(isAvailable).toSorted((a, b) => {
      const [groupA, versionA] = priorityOf(a);
      const [groupB, versionB] = priorityOf(b);
      return groupB - groupA || versionB - versionA;
    });
  }

  /** Takes the APIServices as they are now. */
  follow(apiServices: Iterable<APIService>): void {
    this.#remote = new Map();
    for (const service of apiServices) {
      const { group = '', version = '' } = service.spec ?? {};
      if (service.spec?.service && !this.#isBuiltIn(group, version)) this.#remote.set(`${group}/${version}`, service);
    }
    const names = new Set([...this.#remote.values()].map(({ metadata }) => metadata.name ?? ''));
    for (const name of this.#resources.keys()) if (!names.has(name)) this.#resources.delete(name);
    this.#parts.servers.retain(names);
    this.#describe();
  }

  /** The answer of the extension server that serves this; undefined: nobody but us. */
  handle(
    info: RequestInfo,
    { request, user, remoteAddress }: { request: ApiRequest; user: User; remoteAddress: string | undefined },
  ): Promise<ApiResponse> | undefined {
    if (this.#remote.size === 0) return undefined;
    const place = placeOf(info);
    const service = place === undefined ? undefined : this.#remote.get(place);
    return service && this.#proxy(service, { request, user, remoteAddress });
  }

  /** Whether the extension server is there, as its service and it itself say. Never rejects. */
  async check(service: APIService): Promise<Verdict> {
    const { lookup } = this.#parts;
    const { namespace = '', name = '' } = service.spec?.service ?? {};
    const slices = (await lookup.freshList(endpointSlices, namespace)).filter(
      ({ metadata }) => metadata.labels?.[serviceNameLabel] === name,
    );
    const obstacle = obstacleOf(service, { service: await lookup.fresh(services, namespace, name), slices });
    if (obstacle) return obstacle;
    try {
      await Promise.any(Array.from({ length: attempts }, () => this.#ask(service, true)));
    } catch (error) {
      return failedCheck((error as AggregateError).errors.map((each: Error) => each.message).at(-1) ?? '');
    }
    // Availability is told of whatever certificate there is, as upstream does; what is shown to clients is verified.
    const list = await this.#ask(service, false).catch(() => undefined);
    if (list) {
      this.#resources.set(service.metadata.name ?? '', list.resources);
      this.#describe();
    }
    return available;
  }

  #isBuiltIn(group: string, version: string): boolean {
    return this.#parts.kinds.all.some(
      (served) =>
        served.version.group === group && served.version.version === version && served.version.custom === undefined,
    );
  }

  #describe(): void {
    this.#versions = [...this.#remote.values()].map((service) => {
      const { group = '', version = '', groupPriorityMinimum = 0, versionPriority = 0 } = service.spec ?? {};
      return {
        ...{ group, version, versionPriority, groupPriority: groupPriorityMinimum },
        isAvailable: isAvailable(service),
        resources: this.#resources.get(service.metadata.name ?? '') ?? [],
      };
    });
  }

  async #proxy(
    service: APIService,
    { request, user, remoteAddress }: { request: ApiRequest; user: User; remoteAddress: string | undefined },
  ): Promise<ApiResponse> {
    if (!isAvailable(service)) return unavailable('service unavailable');
    const reached = await this.#parts.servers.reach(service).catch(() => undefined);
    if (!reached) return unavailable('service unavailable');
    const { 'content-type': given, ...rest } = request.headers;
    // What a client says of itself in these headers is not true.
    const headers = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('x-remote-')));
    const contentType = given ?? (request.body.kind === 'object' ? 'application/json' : undefined);
    try {
      const { body, method, path, query, signal } = request;
      const onward = { body, method, path, query, signal, headers: { ...headers, 'content-type': contentType } };
      const to = { path: encodePath(path), remoteAddress, headers: userHeaders(user) };
      return passThrough(await handOn(reached.backend, onward, to));
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'ServiceUnavailable') return unavailable(error.message);
      throw error;
    }
  }

  /** What the extension server says that it serves. */
  async #ask(service: APIService, skipVerify: boolean): Promise<APIResourceList> {
    const { group, version } = service.spec ?? {};
    const path = `/apis/${group}/${version}`;
    const { text = '' } = await this.#parts.servers.ask(service, { path, skipVerify, longestBytes: longestListBytes });
    return JSON.parse(text) as APIResourceList;
  }
}

function placeOf(info: RequestInfo): string | undefined {
  if (info.kind === 'resource') return `${info.group}/${info.version}`;
  return /^(?:\/openapi\/v3)?\/apis\/([^/]+\/[^/]+)\/?$/.exec(info.path)?.[1];
}

/** Upstream's aggregator answers in plain words. */
function unavailable(text: string): ApiResponse {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
  return { status: 503, headers, body: { kind: 'bytes', bytes: Buffer.from(`${text}\n`) } };
}
