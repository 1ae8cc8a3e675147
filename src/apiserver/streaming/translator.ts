import type { WebSocket } from 'ws';
import { ApiError } from '../../api/status.ts';
import { channels, decodeMessage, encodeMessage, encodeOutcome } from './channels.ts';
import type { Channel, ChannelProtocol } from './channels.ts';
import type { SpdySession, SpdyStream } from './spdy-session.ts';

/** Bytes waiting for a slow client before we stop reading from the node. */
const backlogBytes = 1 << 20;

/**
 * Carries exec and attach between a client's WebSocket and a node's SPDY session: one stream for each channel
 * (KEP-4006). Ends when the node has closed its streams, or when either connection breaks.
 */
export async function translate(options: {
  client: WebSocket;
  session: SpdySession;
  protocol: ChannelProtocol;
  streams: readonly Channel[];
  tty: boolean;
}): Promise<void> {
  const { client, session, protocol, streams, tty } = options;
  const opened = new Map<Channel, SpdyStream>();
  const outcome: Uint8Array[] = [];
  const waiting = new Set<Channel>(streams.filter((channel) => channel !== 'stdin'));
  waiting.add('error');

  const finish = (): void => {
    client.close(1000);
    session.close();
  };
  const over = (channel: Channel): void => {
    if (!waiting.delete(channel)) return;
    if (channel === 'error') {
      const message = encodeOutcome(protocol, outcome.length > 0 ? Buffer.concat(outcome) : brokenOff());
      if (message && message.length > 0) client.send(encodeMessage(protocol, 'error', message));
    }
    if (waiting.size === 0) finish();
  };
  const deliver = (channel: Channel, data: Uint8Array): void => {
    if (channel === 'error') {
      outcome.push(data);
      return;
    }
    client.send(encodeMessage(protocol, channel, data), () => {
      if (client.bufferedAmount < backlogBytes) session.resume();
    });
    if (client.bufferedAmount >= backlogBytes) session.pause();
  };
  const open = async (channel: Channel): Promise<void> => {
    const stream = await session.open(
      { streamtype: channel },
      {
        data: (data) => deliver(channel, data),
        ended: () => over(channel),
        closed: () => over(channel),
      },
    );
    opened.set(channel, stream);
  };

  client.on('message', (message: Buffer) => receive({ client, session, protocol, opened, message }));
  client.once('close', () => session.close());
  client.on('error', () => session.close());
  session.onClose(() => client.close(1000));
  // What the client sends before the streams are there would have nowhere to go.
  client.pause();
  try {
    // The order in which client-go opens them.
    const order: Channel[] = ['error', ...streams, ...(tty && protocol.generation >= 3 ? (['resize'] as const) : [])];
    await Promise.all(order.map(open));
  } catch {
    // The node would not have the streams: there is nothing to carry.
    client.close(1011, 'the node refused the streams');
    session.close();
    return;
  }
  greet(client, protocol, streams);
  client.resume();
}

/**
 * A node ends every exec and attach with an outcome. Clients take a connection that ends without one for success, of a
 * command that wrote nothing.
 */
function brokenOff(): Uint8Array {
  const { status } = ApiError.of('InternalError', 'the connection to the node broke before the command had ended');
  return Buffer.from(JSON.stringify(status));
}

/** An empty message on the lowest channel that we write tells the client that all is set up. */
function greet(client: WebSocket, protocol: ChannelProtocol, streams: readonly Channel[]): void {
  const lowest = channels.find((channel) => channel !== 'stdin' && streams.includes(channel)) ?? 'error';
  client.send(encodeMessage(protocol, lowest, new Uint8Array(0)));
}

function receive(options: {
  client: WebSocket;
  session: SpdySession;
  protocol: ChannelProtocol;
  opened: Map<Channel, SpdyStream>;
  message: Buffer;
}): void {
  const { client, session, protocol, opened, message } = options;
  const decoded = decodeMessage(protocol, message);
  if (decoded.kind === 'unknown') return;
  if (decoded.channel !== 'stdin' && decoded.channel !== 'resize') return;
  const stream = opened.get(decoded.channel);
  if (decoded.kind === 'close') {
    stream?.end();
    return;
  }
  if (stream?.write(decoded.data) !== false) return;
  client.pause();
  session.drained(() => client.resume());
}
