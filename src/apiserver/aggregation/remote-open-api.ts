import type { RemoteDescription } from '../../api/open-api-merge.ts';
import { isJsonObject, jsonEquals, type JsonObject } from '../../api/plain-json.ts';
import type { APIService } from '../../api/types/apiregistration-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { RemoteOpenApiSource } from '../open-api-handler.ts';
import type { ExtensionServers } from './extension-servers.ts';

/** What an extension server said is believed for as long. */
const freshMs = 60_000;
const longestBytes = 16 * 1024 * 1024;

/** What one extension server said to a path. */
interface Said {
  /** The APIService as it was. */
  service: APIService;
  atMs: number;
  etag: string | undefined;
  /** Undefined: nothing that could be used. */
  value: JsonObject | undefined;
}

/**
 * How extension servers describe what they serve. They are asked when a client asks us, at most once a minute; one that
 * does not answer is left out, or stands as it was before.
 */
export class RemoteOpenApi implements RemoteOpenApiSource {
  readonly #options: { servers: ExtensionServers; clock: Clock; services: () => APIService[] };
  readonly #said = new Map<string, Promise<Said>>();
  #descriptions: readonly RemoteDescription[] = [];

  constructor(options: { servers: ExtensionServers; clock: Clock; services: () => APIService[] }) {
    this.#options = options;
  }

  /** `paths` of /openapi/v3. */
  async index(): Promise<JsonObject> {
    const paths: JsonObject = {};
    for (const { service, value } of await this.#ask('/openapi/v3')) {
      const place = `apis/${placeOf(service)}`;
      const found = isJsonObject(value?.paths) ? value.paths[place] : undefined;
      if (isJsonObject(found)) paths[place] = found;
    }
    return paths;
  }

  /** The documents of /openapi/v2, with what is to be taken of each; the same array until something changes. */
  async descriptions(): Promise<readonly RemoteDescription[]> {
    const said = await this.#ask('/openapi/v2');
    const descriptions = said.flatMap(({ service, value: description }) =>
      description ? [{ prefix: `/apis/${placeOf(service)}`, description }] : [],
    );
    const known = this.#descriptions;
    const isSame =
      known.length === descriptions.length &&
      known.every(({ prefix, description }, i) => {
        const other = descriptions[i];
        return prefix === other?.prefix && description === other.description;
      });
    return isSame ? known : (this.#descriptions = descriptions);
  }

  #ask(path: string): Promise<Said[]> {
    const services = this.#options.services();
    const wanted = new Map(services.map((service) => [`${service.metadata.name} ${path}`, service]));
    for (const key of this.#said.keys()) if (key.endsWith(` ${path}`) && !wanted.has(key)) this.#said.delete(key);
    return Promise.all(
      [...wanted].map(([key, service]) => {
        const asked = this.#askOne(service, path, this.#said.get(key));
        this.#said.set(key, asked);
        return asked;
      }),
    );
  }

  async #askOne(service: APIService, path: string, earlier: Promise<Said> | undefined): Promise<Said> {
    const { servers, clock } = this.#options;
    const before = await earlier;
    const isSame = before && jsonEquals(before.service.spec, service.spec);
    const known = isSame ? before : undefined;
    if (known && clock.monotonic() - known.atMs < freshMs) return known;
    const headers = known?.etag === undefined ? undefined : { 'if-none-match': known.etag };
    let value = known?.value;
    let etag = known?.etag;
    try {
      const answer = await servers.ask(service, { path, longestBytes, ...(headers && { headers }) });
      if (answer.text !== undefined) {
        const parsed: unknown = JSON.parse(answer.text);
        value = isJsonObject(parsed) ? parsed : undefined;
        etag = answer.etag;
      }
    } catch {
      // Not every extension server describes itself; what it serves is served all the same.
    }
    return { service, atMs: clock.monotonic(), etag, value };
  }
}

function placeOf({ spec }: APIService): string {
  return `${spec?.group}/${spec?.version}`;
}
