import type { Surroundings } from '../cluster/control-plane.ts';

/** By then a process has compiled what a start needs, and nobody waits for it any more. */
const keepAfterMs = 1000;

/** Keeps a started program's compiled code for the next start (see `compiled-code.ts`); undefined: there is none to keep. */
export function keepLater(keep: (() => void) | undefined, { clock, log }: Surroundings): void {
  if (!keep) return;
  clock.setTimer(keepAfterMs, () => {
    try {
      keep();
    } catch (error) {
      // Without it, the next start takes a little longer.
      log.debug('compiled code could not be kept', { error });
    }
  });
}
