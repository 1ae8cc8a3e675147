import type { Duplex } from 'node:stream';

/**
 * Bytes flow both ways between two connections until both are done. A half-close is passed on; a side that breaks takes
 * the other one with it, once that has what was read before: a peer that has answered and closes without reading the
 * rest of its input breaks the connection (RFC 9293, 3.10.4), and its answer counts all the same.
 */
export function tieStreams(one: Duplex, other: Duplex): void {
  join(one, other);
  join(other, one);
}

function join(from: Duplex, to: Duplex): void {
  from.pipe(to);
  // The close that follows an error does what is to be done.
  from.on('error', () => undefined);
  from.once('close', () => {
    // What still comes from the other side has nowhere to go, and must be read for its end to be seen.
    to.resume();
    if (!from.readableEnded) to.end(() => to.destroy());
  });
}
