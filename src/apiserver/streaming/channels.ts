import type { Status } from '../../api/types/meta-v1.ts';

/** The streams of exec and attach, in the order of their channel numbers on a WebSocket. */
export const channels = ['stdin', 'stdout', 'stderr', 'error', 'resize'] as const;
export type Channel = (typeof channels)[number];

const closeSignal = 255;

/** A WebSocket subprotocol of exec and attach, newest first (reference: KEP-4006 and the older channel protocols). */
export interface ChannelProtocol {
  name: string;
  /** 5 has the close signal, 4 and later send the outcome as Status JSON, 3 and later resize. */
  generation: 1 | 2 | 3 | 4 | 5;
  encoding: 'binary' | 'base64';
}

const protocols: readonly ChannelProtocol[] = [
  { name: 'v5.channel.k8s.io', generation: 5, encoding: 'binary' },
  { name: 'v4.channel.k8s.io', generation: 4, encoding: 'binary' },
  { name: 'v4.base64.channel.k8s.io', generation: 4, encoding: 'base64' },
  { name: 'v3.channel.k8s.io', generation: 3, encoding: 'binary' },
  { name: 'v2.channel.k8s.io', generation: 2, encoding: 'binary' },
  { name: 'channel.k8s.io', generation: 1, encoding: 'binary' },
  { name: 'base64.channel.k8s.io', generation: 1, encoding: 'base64' },
];

/** The first of the client's subprotocols that we know. A client that names none speaks `channel.k8s.io`. */
export function negotiate(offered: readonly string[]): ChannelProtocol | undefined {
  if (offered.length === 0) return { name: '', generation: 1, encoding: 'binary' };
  for (const name of offered) {
    const known = protocols.find((protocol) => protocol.name === name);
    if (known) return known;
  }
  return undefined;
}

export type ChannelMessage =
  { kind: 'data'; channel: Channel; data: Uint8Array } | { kind: 'close'; channel: Channel } | { kind: 'unknown' };

/** One message from the client. */
export function decodeMessage(protocol: ChannelProtocol, message: Uint8Array): ChannelMessage {
  const first = message[0];
  if (first === undefined) return { kind: 'unknown' };
  const number = protocol.encoding === 'base64' ? first - 0x30 : first;
  const rest = message.subarray(1);
  if (protocol.generation === 5 && number === closeSignal) {
    const channel = channels[rest[0] ?? -1];
    return channel ? { kind: 'close', channel } : { kind: 'unknown' };
  }
  const channel = channels[number];
  if (!channel) return { kind: 'unknown' };
  const data = protocol.encoding === 'base64' ? Buffer.from(Buffer.from(rest).toString('latin1'), 'base64') : rest;
  return { kind: 'data', channel, data };
}

/** One message to the client; base64 protocols send text. */
export function encodeMessage(protocol: ChannelProtocol, channel: Channel, data: Uint8Array): Buffer | string {
  const number = channels.indexOf(channel);
  if (protocol.encoding === 'base64') return `${number}${Buffer.from(data).toString('base64')}`;
  const message = Buffer.allocUnsafe(data.length + 1);
  message[0] = number;
  message.set(data, 1);
  return message;
}

/**
 * The outcome as this protocol's error channel carries it: Status JSON from 4 on, before that the text of a failure
 * only.
 */
export function encodeOutcome(protocol: ChannelProtocol, status: Uint8Array): Uint8Array | undefined {
  if (protocol.generation >= 4) return status;
  try {
    const parsed = JSON.parse(Buffer.from(status).toString()) as Status;
    return parsed.status === 'Success' ? undefined : Buffer.from(parsed.message ?? 'unknown error');
  } catch {
    // Whatever the node had to say, the client shall read it.
    return status;
  }
}

/** The streams that a request asks for. With a terminal, stderr is part of stdout. */
export function wantedStreams(query: URLSearchParams): { tty: boolean; streams: Channel[] } {
  const asked = (name: string): boolean => ['1', 'true'].includes((query.get(name) ?? '').toLowerCase());
  const tty = asked('tty');
  return {
    tty,
    streams: [
      ...(asked('stdin') ? (['stdin'] as const) : []),
      ...(asked('stdout') ? (['stdout'] as const) : []),
      ...(asked('stderr') && !tty ? (['stderr'] as const) : []),
    ],
  };
}
