import { createHash } from 'node:crypto';
import type { LimitedPriorityLevelConfiguration, PriorityLevelConfiguration } from '../../api/types/flowcontrol-v1.ts';
import type { Clock } from '../../base/clock.ts';

/** Why a request was refused: upstream's words in metrics. */
export type Refusal = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';
/** `entered`: it may begin now. */
export type Entrance = 'entered' | Refusal;

interface Waiting {
  flow: string;
  settle(entrance: Entrance): void;
}

/** A quarter of the time that a request may take. */
const longestWaitMs = 15_000;

/**
 * The requests of one priority level: those that are worked on have a seat each, the others wait in queues. Every flow
 * has a hand of the queues and waits in the shortest of them, so that one with many requests leaves queues without
 * its own to most others (KEP-1040, shuffle sharding); queues take turns.
 */
export class PriorityLevel {
  /** Seats that are the level's own. */
  nominalSeats = 0;
  inUse = 0;
  waiting = 0;
  dispatched = 0;
  readonly refusals = new Map<Refusal, number>();
  readonly #clock: Clock;
  readonly #mayTake: (level: PriorityLevel) => boolean;
  #configuration: PriorityLevelConfiguration;
  #queues: Waiting[][] = [];
  #turn = 0;

  /** `mayTake`: is there a seat for the level, its own or one that others lend? */
  constructor(
    configuration: PriorityLevelConfiguration,
    options: { clock: Clock; mayTake: (level: PriorityLevel) => boolean },
  ) {
    this.#configuration = configuration;
    this.#clock = options.clock;
    this.#mayTake = options.mayTake;
    this.configure(configuration);
  }

  get configuration(): PriorityLevelConfiguration {
    return this.#configuration;
  }

  /** Undefined: every request may begin. */
  get limited(): LimitedPriorityLevelConfiguration | undefined {
    const { spec } = this.#configuration;
    return spec?.type === 'Limited' ? spec.limited : undefined;
  }

  /** Who waits, waits on in the new queues. */
  configure(configuration: PriorityLevelConfiguration): void {
    this.#configuration = configuration;
    const waiting = this.#queues.flat();
    const queuing = this.limited?.limitResponse?.queuing;
    const least = queuing || waiting.length > 0 ? 1 : 0;
    const count = Math.max(queuing?.queues ?? 0, least);
    this.#queues = Array.from({ length: count }, () => []);
    for (const each of waiting) this.#shortestQueue(each.flow).push(each);
  }

  /** A request of the flow comes: begins at once, waits, or is refused. Who enters must {@link leave}. */
  enter(flow: string, signal: () => AbortSignal): Entrance | Promise<Entrance> {
    if (!this.limited || (this.waiting === 0 && this.#mayTake(this))) return this.#seat();
    const queuing = this.limited.limitResponse?.queuing;
    if (!queuing) return this.#refuse('concurrency-limit');
    const queue = this.#shortestQueue(flow);
    if (queue.length >= (queuing.queueLengthLimit ?? 0)) return this.#refuse('queue-full');
    return this.#wait(queue, flow, signal());
  }

  leave(): void {
    this.inUse--;
  }

  /** Gives free seats to those who wait. */
  dispatch(): void {
    while (this.waiting > 0 && (!this.limited || this.#mayTake(this))) {
      let queue = this.#queues[this.#turn % this.#queues.length];
      while (!queue?.length) queue = this.#queues[++this.#turn % this.#queues.length];
      this.#turn = (this.#turn + 1) % this.#queues.length;
      queue[0]?.settle(this.#seat());
    }
  }

  #wait(queue: Waiting[], flow: string, signal: AbortSignal): Promise<Entrance> {
    return new Promise((resolve) => {
      const settle = (entrance: Entrance): void => {
        cancelTimer();
        signal.removeEventListener('abort', abandon);
        for (const each of this.#queues) if (each.includes(request)) each.splice(each.indexOf(request), 1);
        this.waiting--;
        resolve(entrance);
      };
      const request: Waiting = { flow, settle };
      const abandon = (): void => settle(this.#refuse('cancelled'));
      const cancelTimer = this.#clock.setTimer(longestWaitMs, () => settle(this.#refuse('time-out')));
      signal.addEventListener('abort', abandon, { once: true });
      queue.push(request);
      this.waiting++;
    });
  }

  #seat(): Entrance {
    this.inUse++;
    this.dispatched++;
    return 'entered';
  }

  #refuse(refusal: Refusal): Refusal {
    this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
    return refusal;
  }

  #shortestQueue(flow: string): Waiting[] {
    const { handSize = 1 } = this.limited?.limitResponse?.queuing ?? {};
    const hand = dealHand(flow, this.#queues.length, Math.min(handSize, this.#queues.length));
    const queues = hand.map((index) => this.#queues[index] as Waiting[]);
    return queues.reduce((shortest, queue) => (queue.length < shortest.length ? queue : shortest));
  }
}

/** Different cards, each as likely as any other, that are always the same for the same flow. */
export function dealHand(flow: string, deck: number, size: number): number[] {
  let entropy = createHash('sha256').update(flow).digest().readBigUInt64BE(0);
  const hand: number[] = [];
  for (let i = 0; i < size; i++) {
    const left = BigInt(deck - i);
    let card = Number(entropy % left);
    entropy /= left;
    // Among the cards that are left, in order.
    for (const dealt of hand.toSorted((a, b) => a - b)) if (card >= dealt) card++;
    hand.push(card);
  }
  return hand;
}
