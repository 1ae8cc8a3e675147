import type { PriorityLevel } from './priority-level.ts';

/** Requests that are worked on at once: upstream's --max-requests-inflight and --max-mutating-requests-inflight. */
const serverSeats = 400 + 200;

/** Gives each level its own seats, in proportion to its shares. */
export function assignSeats(levels: Iterable<PriorityLevel>): void {
  const all = [...levels];
  const total = all.reduce((sum, level) => sum + sharesOf(level), 0);
  for (const level of all) {
    level.nominalSeats = total === 0 ? 0 : Math.ceil((serverSeats * sharesOf(level)) / total);
  }
}

/**
 * May the level use one more seat: of its own, or one of those that others lend and do not use? Upstream settles what
 * is borrowed every ten seconds; here it is settled when somebody asks.
 */
export function mayTakeSeat(level: PriorityLevel, levels: Iterable<PriorityLevel>): boolean {
  const { nominalSeats, inUse, limited } = level;
  if (inUse < nominalSeats) return true;
  const limit = limited?.borrowingLimitPercent;
  if (limit !== undefined && inUse >= nominalSeats + Math.round((nominalSeats * limit) / 100)) return false;
  let spare = 0;
  for (const other of levels) {
    const borrowed = Math.max(0, other.inUse - other.nominalSeats);
    // Exempt requests take what they need, and nobody has to give it back.
    if (other.limited) spare -= borrowed;
    if (other !== level) spare += Math.max(0, Math.min(lentBy(other), other.nominalSeats - other.inUse));
  }
  return spare > 0;
}

function sharesOf({ configuration: { spec }, limited }: PriorityLevel): number {
  return limited ? (limited.nominalConcurrencyShares ?? 0) : (spec?.exempt?.nominalConcurrencyShares ?? 0);
}

function lentBy({ nominalSeats, configuration: { spec } }: PriorityLevel): number {
  const percent = (spec?.limited ?? spec?.exempt)?.lendablePercent ?? 0;
  return Math.round((nominalSeats * percent) / 100);
}
