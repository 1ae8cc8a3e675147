import { type Clock, formatMicroTime } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { isApiError } from '../api/status.ts';
import type { Lease } from '../api/types/coordination-v1.ts';
import type { Client } from './client.ts';
import { leases } from './resources.ts';

export interface LeaderElectionOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  /** The Lease that candidates compete for. */
  name: string;
  /** Default `kube-system`. */
  namespace?: string;
  /** Unique among the candidates. */
  identity: string;
  /** How long others wait after the leader's last renewal. Default 15 s (upstream's defaults, here and below). */
  leaseDurationMs?: number;
  /** How long the leader tries to renew before it gives up. Less than the lease's duration. Default 10 s. */
  renewDeadlineMs?: number;
  /** Pause between attempts. Default 2 s. */
  retryPeriodMs?: number;
  /** Stops the candidate; a leader gives its lease back. */
  signal: AbortSignal;
  /** The leader's work; must end soon after `signal` is aborted. Nobody else leads before it has. */
  lead: (signal: AbortSignal) => Promise<void>;
}

/** Attempts of candidates are spread by up to this factor, so that they do not collide (client-go's JitterFactor). */
const jitter = 1.2;

/**
 * Competes for a Lease until it is this candidate's, runs `lead`, and renews. Resolves with `lost` when renewal failed
 * for too long (leading has stopped by then), `ended` when `lead` returned by itself, `stopped` on the signal. Rejects
 * when `lead` rejects.
 */
export async function runLeaderElection(options: LeaderElectionOptions): Promise<'lost' | 'ended' | 'stopped'> {
  const { clock, random, signal, log, lead, retryPeriodMs = 2000 } = options;
  const candidate = new Candidate(options);
  while (!(await candidate.tryToHold())) {
    const pauseMs = retryPeriodMs * (1 + random.float() * jitter);
    await clock.sleep(pauseMs, signal).catch(() => undefined);
    if (signal.aborted) return 'stopped';
  }
  log.info('became the leader', { lease: options.name, identity: options.identity });
  const leading = new AbortController();
  const stop = (): void => leading.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const renewal = renew(candidate, options, leading);
  try {
    await lead(leading.signal);
  } finally {
    signal.removeEventListener('abort', stop);
    leading.abort(new Error('leading is over'));
    await renewal;
    if (!candidate.isLost) await candidate.release();
  }
  if (candidate.isLost) return 'lost';
  return signal.aborted ? 'stopped' : 'ended';
}

async function renew(
  candidate: Candidate,
  { clock, log, name, retryPeriodMs = 2000, renewDeadlineMs = 10_000 }: LeaderElectionOptions,
  leading: AbortController,
): Promise<void> {
  const lose = (why: string): void => {
    candidate.isLost = true;
    log.error('lost the lease', { lease: name, why });
    leading.abort(new Error(`the lease was lost: ${why}`));
  };
  const setDeadline = (): (() => void) =>
    clock.setTimer(renewDeadlineMs, () => lose('it could not be renewed in time'));
  let cancelDeadline = setDeadline();
  for (;;) {
    await clock.sleep(retryPeriodMs, leading.signal).catch(() => undefined);
    if (leading.signal.aborted) break;
    if (await candidate.tryToHold()) {
      cancelDeadline();
      cancelDeadline = setDeadline();
    } else if (candidate.isHeldByAnother && !candidate.isLost) lose('another candidate has it');
  }
  cancelDeadline();
}

/** One candidate's view of the lease. */
class Candidate {
  isLost = false;
  readonly #options: LeaderElectionOptions;
  readonly #namespace: string;
  readonly #leaseDurationMs: number;
  /** The lease as last seen, and when it was first seen so: other machines' clocks are not trusted. */
  #seen: { lease: Lease; at: number } | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#namespace = options.namespace ?? 'kube-system';
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
  }

  get isHeldByAnother(): boolean {
    const holder = this.#seen?.lease.spec?.holderIdentity;
    return Boolean(holder) && holder !== this.#options.identity;
  }

  /**
   * Takes or renews the lease if it is free or held already. Never rejects: a server that does not answer is a failed
   * attempt.
   */
  async tryToHold(): Promise<boolean> {
    const { client, clock, identity, log, name } = this.#options;
    try {
      const current = await this.#read();
      if (!current) {
        this.#see(await client.create(leases, this.#lease(undefined)));
        return true;
      }
      this.#see(current);
      const heldMs = (current.spec?.leaseDurationSeconds ?? this.#leaseDurationMs / 1000) * 1000;
      if (this.isHeldByAnother && clock.monotonic() < (this.#seen?.at ?? 0) + heldMs) return false;
      this.#see(await client.update(leases, this.#lease(current)));
      return true;
    } catch (error) {
      const isRace = isApiError(error, 'Conflict', 'AlreadyExists');
      log[isRace ? 'debug' : 'warn']('could not take or renew the lease', { lease: name, identity, error });
      return false;
    }
  }

  /** Lets another candidate take over at once. */
  async release(): Promise<void> {
    const { client, log, name } = this.#options;
    const held = this.#seen?.lease;
    if (!held || this.isHeldByAnother) return;
    const { leaseTransitions } = held.spec ?? {};
    const now = formatMicroTime(this.#options.clock.now());
    // No holder: an empty one would not be valid.
    const spec = { leaseDurationSeconds: 1, acquireTime: now, renewTime: now, leaseTransitions };
    try {
      await client.update(leases, { ...held, spec });
    } catch (error) {
      log.debug('could not give the lease back', { lease: name, error });
    }
  }

  async #read(): Promise<Lease | undefined> {
    const { client, name } = this.#options;
    try {
      return await client.get(leases, { name, namespace: this.#namespace });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  #see(lease: Lease): void {
    if (this.#seen?.lease.metadata.resourceVersion === lease.metadata.resourceVersion) return;
    this.#seen = { lease, at: this.#options.clock.monotonic() };
  }

  #lease(current: Lease | undefined): Lease {
    const { clock, identity, name } = this.#options;
    const now = formatMicroTime(clock.now());
    const { holderIdentity, acquireTime, leaseTransitions = 0 } = current?.spec ?? {};
    const isOurs = holderIdentity === identity;
    return {
      metadata: current?.metadata ?? { name, namespace: this.#namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
        acquireTime: isOurs ? acquireTime : now,
        renewTime: now,
        leaseTransitions: current && !isOurs ? leaseTransitions + 1 : leaseTransitions,
      },
    };
  }
}
