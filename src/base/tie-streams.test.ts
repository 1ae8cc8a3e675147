import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { tieStreams } from './tie-streams.ts';

/** A connection whose peer takes what is written only when `take` is called, a chunk for each call. */
function slowConnection(): { stream: Duplex; taken: string[]; take: () => void } {
  const taken: string[] = [];
  const held: (() => void)[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      held.push(() => {
        taken.push(chunk.toString());
        done();
      });
    },
  });
  return { stream, taken, take: () => held.shift()?.() };
}

it('what came before a connection broke still reaches the other side, which then closes', async () => {
  const broken = slowConnection().stream;
  const other = slowConnection();
  tieStreams(broken, other.stream);
  broken.push('the answer');
  broken.push(', all of it');
  await new Promise(setImmediate);
  const gone = new Promise((resolve) => broken.once('close', resolve));
  broken.destroy(new Error('ECONNRESET'));
  await gone;
  expect(other.stream.destroyed).toBe(false);
  const closed = once(other.stream, 'close');
  other.take();
  await new Promise(setImmediate);
  other.take();
  await closed;
  expect(other.taken.join('')).toBe('the answer, all of it');
});

it('a half-close is passed on, and the other direction goes on', async () => {
  const one = slowConnection();
  const other = slowConnection();
  tieStreams(one.stream, other.stream);
  one.stream.push(null);
  await once(other.stream, 'finish');
  other.stream.push('later');
  await new Promise(setImmediate);
  one.take();
  expect(one.taken).toEqual(['later']);
});
