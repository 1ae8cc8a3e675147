import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { WebhookClientConfig } from '../../api/types/admissionregistration-v1.ts';
import { services } from '../admission/lookup.ts';
import type { Lookup } from '../admission/lookup.ts';
import { readText } from '../read-text.ts';
import { chooseEndpoint } from '../streaming/service-endpoint.ts';

/** An answer may be this long. */
const longestAnswerBytes = 16 * 1024 * 1024;

/** Calls webhooks: admission's and those that convert custom resources. */
export interface WebhookClient {
  /**
   * Posts `review` as JSON and answers the parsed body. Rejects with an error that names the URL for whatever goes
   * wrong: no endpoint, a certificate that does not verify, a status other than 200, no answer in time.
   */
  post(config: WebhookClientConfig, review: object, timeoutSeconds: number): Promise<unknown>;
  close(): void;
}

interface Target {
  /** As errors show it: the service by its name. */
  url: URL;
  host: string;
  port: number;
}

/** Services are reached at one of their ready endpoints, under the name `<service>.<namespace>.svc`. */
export function createWebhookClient(options: { lookup: Lookup; random: Random; clock: Clock }): WebhookClient {
  const { clock } = options;
  const agent = new Agent({ keepAlive: true });
  return {
    async post(config, review, timeoutSeconds) {
      const url = urlOf(config);
      url.searchParams.set('timeout', `${timeoutSeconds}s`);
      const abort = new AbortController();
      const cancel = clock.setTimer(timeoutSeconds * 1000, () => abort.abort());
      try {
        const target = { url, ...(await addressOf(config, url, options)) };
        const { caBundle } = config;
        const ca = caBundle ? Buffer.from(caBundle, 'base64') : undefined;
        const sent = { agent, ca, body: Buffer.from(JSON.stringify(review)), signal: abort.signal };
        return JSON.parse(await postOnce(target, sent)) as unknown;
      } catch (error) {
        const reason = abort.signal.aborted ? 'context deadline exceeded' : (error as Error).message;
        throw new Error(`Post ${JSON.stringify(url.href)}: ${reason}`, { cause: error });
      } finally {
        cancel();
      }
    },
    close: () => agent.destroy(),
  };
}

function urlOf({ url, service }: WebhookClientConfig): URL {
  if (!service) return new URL(url ?? '');
  const { namespace, name, path = '', port = 443 } = service;
  return new URL(`https://${name}.${namespace}.svc:${port}${path.startsWith('/') || path === '' ? '' : '/'}${path}`);
}

async function addressOf(
  { service }: WebhookClientConfig,
  url: URL,
  { lookup, random }: { lookup: Lookup; random: Random },
): Promise<{ host: string; port: number }> {
  if (!service) return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 443) };
  const found = await lookup.fresh(services, service.namespace, service.name);
  if (!found) throw new Error(`service ${JSON.stringify(service.name)} not found`);
  return chooseEndpoint({ lookup, random, service: found, wanted: String(service.port ?? 443) });
}

interface Sent {
  agent: Agent;
  ca: Buffer | undefined;
  body: Buffer;
  signal: AbortSignal;
}

/** Once more where a connection that was kept had been closed by the other side. */
async function postOnce(target: Target, sent: Sent): Promise<string> {
  const reused = { value: false };
  try {
    return await send(target, sent, reused);
  } catch (error) {
    const isStale = reused.value && (error as NodeJS.ErrnoException).code === 'ECONNRESET' && !sent.signal.aborted;
    if (!isStale) throw error;
    return send(target, sent, reused);
  }
}

function send({ url, host, port }: Target, sent: Sent, reused: { value: boolean }): Promise<string> {
  const { agent, ca, body, signal } = sent;
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({
      ...{ host, port, agent, signal, ...(ca && { ca }) },
      // An address is verified as such, and is no server name (RFC 6066, 3).
      ...(host !== url.hostname && { servername: url.hostname }),
      method: 'POST',
      path: url.pathname + url.search,
      headers: {
        ...{ host: url.host, accept: 'application/json', 'content-type': 'application/json' },
        'content-length': body.length,
      },
    });
    outgoing.once('response', (answer) => void read(answer).then(resolve, reject));
    outgoing.once('error', (error) => {
      reused.value = outgoing.reusedSocket;
      reject(error);
    });
    outgoing.end(body);
  });
}

async function read(answer: IncomingMessage): Promise<string> {
  const text = await readText(answer, longestAnswerBytes);
  if (answer.statusCode === 200) return text;
  throw new Error(`the server answered ${answer.statusCode ?? 0}: ${text.slice(0, 500)}`);
}
