import type { Duplex } from 'node:stream';

/**
 * Bytes flow both ways between two connections until both are done. A half-close is passed on; a side that breaks takes
 * the other one with it: there is nobody to tell.
 */
export function tieStreams(one: Duplex, other: Duplex): void {
  join(one, other);
  join(other, one);
}

function join(from: Duplex, to: Duplex): void {
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.once('close', () => {
    // What still comes from the other side has nowhere to go, and must be read for its end to be seen.
    if (from.readableEnded) to.resume();
    else to.destroy();
  });
}
