import { Agent } from 'node:https';
import type { APIService } from '../../api/types/apiregistration-v1.ts';
import type { Clock } from '../../base/clock.ts';
import { hostAndPort } from '../../base/ip-address.ts';
import type { Random } from '../../base/random.ts';
import { services } from '../admission/lookup.ts';
import type { Lookup } from '../admission/lookup.ts';
import type { User } from '../handler.ts';
import { readText } from '../read-text.ts';
import { backend } from '../streaming/https-node-connector.ts';
import type { Backend } from '../streaming/node-connector.ts';
import { chooseEndpoint } from '../streaming/service-endpoint.ts';
import { defaultServicePort } from './availability.ts';

/** An extension server that takes longer to say what it serves is not available. */
const askTimeoutMs = 5000;
const asker: User = { name: 'system:kube-aggregator', groups: ['system:masters'] };

/** How the aggregator proves to extension servers that it may speak for others. PEM. */
export interface FrontProxy {
  certificate: string;
  key: string;
  /** Of the authority that signed it. */
  authority: string;
}

/** One endpoint of an extension server. */
export interface Reached {
  backend: Backend;
  host: string;
  port: number;
}

export interface Question {
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** Whatever certificate the server shows. */
  skipVerify?: boolean;
  /** A longer answer is none. */
  longestBytes: number;
}

interface ExtensionServersOptions {
  lookup: Lookup;
  clock: Clock;
  random: Random;
  frontProxy: FrontProxy;
}

/** Connections to extension servers, of each APIService its own; they are reached at the endpoints of their service. */
export class ExtensionServers {
  readonly #options: ExtensionServersOptions;
  readonly #agents = new Map<string, { key: string; agent: Agent }>();

  constructor(options: ExtensionServersOptions) {
    this.#options = options;
  }

  /** Rejects when the service has no endpoint. `skipVerify`: whatever certificate it shows. */
  async reach(apiService: APIService, { skipVerify = false } = {}): Promise<Reached> {
    const { lookup, random } = this.#options;
    const { namespace = '', name = '', port = defaultServicePort } = apiService.spec?.service ?? {};
    const service = await lookup.fresh(services, namespace, name);
    if (!service) throw new Error(`service ${JSON.stringify(name)} not found`);
    const address = await chooseEndpoint({ lookup, random, service, wanted: String(port) });
    const agent = this.#agentOf(apiService, skipVerify);
    return { ...address, backend: backend({ protocol: 'https:', ...address, agent }) };
  }

  /**
   * Asks an extension server for ourselves. Rejects when it does not answer in time, or with a status that is no
   * success. 304 is one where the question has `if-none-match`: the text is undefined then.
   */
  async ask(
    apiService: APIService,
    { path, headers, skipVerify = false, longestBytes }: Question,
  ): Promise<{ text: string | undefined; etag: string | undefined }> {
    const reached = await this.reach(apiService, { skipVerify });
    const url = `https://${hostAndPort(reached.host, reached.port)}${path}`;
    const abort = new AbortController();
    const cancel = this.#options.clock.setTimer(askTimeoutMs, () => abort.abort(new Error('timed out')));
    try {
      const sent = { ...userHeaders(asker), accept: 'application/json', ...headers };
      const answer = await reached.backend.send({ method: 'GET', path, headers: sent, signal: abort.signal });
      if (answer.kind !== 'answer') throw new Error(`bad status from ${url}: 101`);
      const isSame = answer.status === 304 && headers?.['if-none-match'] !== undefined;
      if (!isSame && (answer.status < 200 || answer.status >= 300)) {
        answer.body.resume();
        throw new Error(`bad status from ${url}: ${answer.status}`);
      }
      const text = await readText(answer.body, longestBytes);
      return { text: isSame ? undefined : text, etag: answer.headers.etag?.toString() };
    } catch (error) {
      const reason = abort.signal.aborted ? 'context deadline exceeded' : (error as Error).message;
      throw new Error(`failing or missing response from ${url}: ${reason}`, { cause: error });
    } finally {
      cancel();
    }
  }

  /** Keeps the connections of these APIServices alone. */
  retain(names: ReadonlySet<string>): void {
    for (const [key, { agent }] of this.#agents) {
      if (names.has(key.slice(0, key.indexOf(' ')))) continue;
      agent.destroy();
      this.#agents.delete(key);
    }
  }

  close(): void {
    this.retain(new Set());
  }

  #agentOf({ metadata, spec }: APIService, skipVerify: boolean): Agent {
    const {
      caBundle,
      insecureSkipTLSVerify = false,
      service,
    } = spec ?? { groupPriorityMinimum: 0, versionPriority: 0 };
    const isUnverified = skipVerify || insecureSkipTLSVerify;
    const place = `${metadata.name} ${isUnverified}`;
    const servername = `${service?.name}.${service?.namespace}.svc`;
    const key = `${servername} ${caBundle}`;
    const known = this.#agents.get(place);
    if (known?.key === key) return known.agent;
    known?.agent.destroy();
    const { certificate: cert, key: privateKey } = this.#options.frontProxy;
    const agent = new Agent({
      ...{ cert, key: privateKey, servername, keepAlive: true, rejectUnauthorized: !isUnverified },
      ...(caBundle && { ca: Buffer.from(caBundle, 'base64') }),
    });
    this.#agents.set(place, { key, agent });
    return agent;
  }
}

/** The headers by which an extension server, which trusts our certificate, knows for whom we ask. */
export function userHeaders({ name, uid, groups, extra = {} }: User): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': name };
  if (uid) headers['x-remote-uid'] = uid;
  if (groups.length > 0) headers['x-remote-group'] = [...groups];
  for (const [key, values] of Object.entries(extra)) {
    headers[`x-remote-extra-${escapedKey(key)}`] = [...values];
  }
  return headers;
}

/** Bytes that no header name may have (RFC 9110, 5.6.2), and the percent sign, are written as in URLs. */
function escapedKey(key: string): string {
  return Array.from(Buffer.from(key), (byte) => {
    const letter = String.fromCharCode(byte);
    return /[!#$&'*+.^_`|~0-9A-Za-z-]/.test(letter) ? letter : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}
