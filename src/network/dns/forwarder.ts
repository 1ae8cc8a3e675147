import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Exchange } from './exchange.ts';
import { ForwardCache, forwardKey, replyFor } from './forward-cache.ts';
import type { Forward, ForwardedAnswer, Transport } from './responder.ts';
import { noUpstreamSettings, splitServer, type UpstreamSettings, upstreamsFor } from './upstreams.ts';
import { ownPayloadSize, parseQuery, type Query, questionEndOf, typeNumbers, udpLimit } from './wire.ts';

/** As many questions are under way at once, as with CoreDNS in kubeadm's clusters (`max_concurrent`). */
const maxConcurrent = 1_000;
/** A resolver that did not answer is asked last for a while. */
const downMs = 10_000;
/** That nobody answers is remembered, so that each client need not wait for it again (RFC 9520). */
const failureMs = 5_000;

export interface ForwarderOptions {
  clock: Clock;
  random: Random;
  log: Logger;
  exchange: Exchange;
  /** Addresses that would lead back to ourselves. */
  own: readonly string[];
  /** The resolvers (`IP` or `IP:PORT`) where no setting names any; asked before each question, since networks change. */
  defaults(): readonly string[];
  /** Seconds that an answer is kept at most. */
  maxTtlSeconds: number;
}

export interface Forwarder {
  forward: Forward;
  /** From now on; forgets all answers. */
  configure(settings: UpstreamSettings): void;
}

/**
 * Asks resolvers outside, one after the other, and keeps what they say. The same question is asked once, however many
 * wait for it: a question that comes back to us through a resolver waits for itself and ends with its timeout. So that
 * it need not come to that, each resolver is first asked a question that nobody else knows; if that arrives here, the
 * resolver asks us, and is left out.
 */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { clock, log } = options;
  const cache = new ForwardCache(options.maxTtlSeconds);
  const underWay = new Map<string, Promise<ForwardedAnswer>>();
  const failedUntil = new Map<string, number>();
  const servers = new Servers(options);
  let settings = noUpstreamSettings;
  let generation = 0;

  async function ask(query: Query, transport: Transport): Promise<ForwardedAnswer> {
    const asked = generation;
    const reply = await servers.ask(query, transport, settings);
    if (!reply) {
      if (failedUntil.size >= maxConcurrent) failedUntil.clear();
      failedUntil.set(forwardKey(query), clock.monotonic() + failureMs);
      return 'unanswered';
    }
    if (asked === generation) cache.put(query, reply, clock.monotonic());
    return reply;
  }

  return {
    configure(changed) {
      settings = changed;
      generation++;
      cache.clear();
      failedUntil.clear();
      servers.forget();
    },
    async forward(query, transport) {
      if (servers.isOwnProbe(query.name)) return 'unanswered';
      const limit = transport === 'tcp' ? 65_535 : udpLimit(query);
      const now = clock.monotonic();
      const kept = cache.get(query, now, limit);
      if (kept) return kept;
      const key = forwardKey(query);
      if ((failedUntil.get(key) ?? 0) > now) return 'unanswered';
      const id = `${transport} ${key}`;
      let asking = underWay.get(id);
      if (!asking) {
        if (underWay.size >= maxConcurrent) {
          log.warn('too many names are being asked outside at once: some are refused', { limit: maxConcurrent });
          return 'overloaded';
        }
        asking = ask(query, transport).finally(() => underWay.delete(id));
        underWay.set(id, asking);
      }
      const reply = await asking;
      return typeof reply === 'string' ? reply : replyFor(query, reply, limit);
    },
  };
}

/** The resolvers outside: which of them answer, and which lead back to us. */
class Servers {
  readonly #options: ForwarderOptions;
  readonly #downUntil = new Map<string, number>();
  readonly #leadBack = new Set<string>();
  /** By the name that each was asked. */
  readonly #probes = new Map<string, string>();
  readonly #probed = new Set<string>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  forget(): void {
    this.#downUntil.clear();
    this.#leadBack.clear();
    this.#probes.clear();
    this.#probed.clear();
  }

  /** Whether a name is one of our probes come back; then its resolver is left out from now on. */
  isOwnProbe(name: string): boolean {
    const server = this.#probes.get(name);
    if (server === undefined) return false;
    if (!this.#leadBack.has(server)) {
      this.#leadBack.add(server);
      this.#options.log.warn('a DNS resolver asks us in turn: it is left out', { server });
    }
    return true;
  }

  async ask(query: Query, transport: Transport, settings: UpstreamSettings): Promise<Buffer | undefined> {
    const { clock, exchange, random } = this.#options;
    for (const server of this.#inOrder(query.name, settings)) {
      this.#probe(server);
      const message = forwardedQuery(query, random.int(0x1_0000));
      const reply = await exchange(server, message, transport);
      if (reply && isReplyTo(message, reply)) {
        this.#downUntil.delete(server);
        return reply;
      }
      if (!reply) this.#downUntil.set(server, clock.monotonic() + downMs);
    }
    return undefined;
  }

  #inOrder(name: string, settings: UpstreamSettings): string[] {
    const { own, clock } = this.#options;
    const now = clock.monotonic();
    const isDown = (server: string): boolean => (this.#downUntil.get(server) ?? 0) > now;
    const usable = (upstreamsFor(name, settings) ?? this.#options.defaults()).filter((server) => {
      const { ip, port } = splitServer(server) ?? { ip: server, port: 53 };
      return !(own.includes(ip) && port === 53) && !this.#leadBack.has(server);
    });
    return [...usable.filter((server) => !isDown(server)), ...usable.filter(isDown)];
  }

  #probe(server: string): void {
    if (this.#probed.has(server)) return;
    this.#probed.add(server);
    const { random, exchange } = this.#options;
    const token = Array.from({ length: 4 }, () => random.int(0x1_0000).toString(16).padStart(4, '0')).join('');
    // `invalid` is nobody's (RFC 6761).
    const name = `${token}.timonel-loop.invalid`;
    this.#probes.set(name, server);
    void exchange(server, probeQuery(name, random.int(0x1_0000)), 'udp');
  }
}

function probeQuery(name: string, id: number): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(0x0100, 2);
  head.writeUInt16BE(1, 4);
  return Buffer.concat([head, ...labels, Buffer.of(0, 0, typeNumbers.TXT, 0, 1)]);
}

/** The question alone, as we ask it: options of EDNS are between neighbours, and not passed on. */
function forwardedQuery({ bytes, questionEnd, edns }: Query, id: number): Buffer {
  const message = Buffer.alloc(questionEnd + (edns ? 11 : 0));
  bytes.copy(message, 0, 0, questionEnd);
  message.writeUInt16BE(id, 0);
  message.writeUInt16BE((bytes.readUInt16BE(2) & 0x0110) | 0x0100, 2);
  message.fill(0, 6, 12);
  if (!edns) return message;
  message.writeUInt16BE(1, 10);
  message.writeUInt16BE(typeNumbers.OPT, questionEnd + 1);
  message.writeUInt16BE(ownPayloadSize, questionEnd + 3);
  message.writeUInt32BE(edns.wantsSignatures ? 0x8000 : 0, questionEnd + 5);
  return message;
}

/** Whether a reply answers just this question: anything else may be forged. */
function isReplyTo(message: Buffer, reply: Buffer): boolean {
  if (reply.length < 12 || (reply.readUInt16BE(2) & 0x8000) === 0) return false;
  if (reply.readUInt16BE(0) !== message.readUInt16BE(0)) return false;
  const end = questionEndOf(reply);
  const asked = parseQuery(message);
  if (end === undefined || asked.kind !== 'query' || asked.query.questionEnd !== end) return false;
  const question = (of: Buffer): string => of.toString('latin1', 12, end).toLowerCase();
  return question(reply) === question(message);
}
