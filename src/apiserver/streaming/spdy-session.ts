import type { Duplex } from 'node:stream';
import { FrameDecoder, FrameEncoder } from './spdy-frames.ts';
import type { Frame, Headers } from './spdy-frames.ts';

/**
 * What a stream tells its owner. Data arrives in order; `ended` is the peer's half-close, `closed` comes once, last.
 */
export interface SpdyStreamHandler {
  data?(chunk: Uint8Array): void;
  ended?(): void;
  /** `reset` when the peer broke the stream off or the session ended under it. */
  closed?(how: 'ended' | 'reset'): void;
}

/** Rejected with when the peer refuses a stream. */
class StreamRefused extends Error {}

const cancelStatus = 5;

/**
 * The client's side of a SPDY/3.1 session over a socket that has been upgraded. Peers of Kubernetes use no flow
 * control of SPDY's own (moby/spdystream has none), so back pressure is the socket's: `write` answers false when it is
 * full, and `pause` stops reading from it.
 */
export class SpdySession {
  readonly #socket: Duplex;
  readonly #encoder = new FrameEncoder();
  readonly #decoder = new FrameDecoder();
  readonly #streams = new Map<number, SpdyStream>();
  #nextId = 1;
  #closed = false;
  readonly #onClose: (() => void)[] = [];

  constructor(socket: Duplex, head: Uint8Array) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.once('close', () => this.#finish());
    socket.once('end', () => this.#finish());
    socket.on('error', () => this.#finish());
    if (head.length > 0) this.#receive(head);
    socket.resume();
  }

  /** Opens a stream; resolves when the peer has accepted it. */
  open(headers: Headers, handler: SpdyStreamHandler): Promise<SpdyStream> {
    if (this.#closed) return Promise.reject(new StreamRefused('the session is closed'));
    const id = this.#nextId;
    this.#nextId += 2;
    return new Promise((resolve, reject) => {
      const stream = new SpdyStream(id, (frame) => this.send(frame), handler, {
        accepted: () => resolve(stream),
        refused: () => reject(new StreamRefused('the node refused a stream')),
        gone: () => this.#streams.delete(id),
      });
      this.#streams.set(id, stream);
      this.send({ kind: 'synStream', streamId: id, fin: false, headers });
    });
  }

  /** False when the socket's buffer is full: wait for {@link drained}. */
  send(frame: Frame): boolean {
    return this.#closed ? true : this.#socket.write(this.#encoder.encode(frame));
  }

  drained(callback: () => void): void {
    this.#socket.once('drain', callback);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  onClose(callback: () => void): void {
    if (this.#closed) callback();
    else this.#onClose.push(callback);
  }

  close(): void {
    if (!this.#closed) this.send({ kind: 'goAway', lastStreamId: 0, status: 0 });
    this.#socket.end();
    this.#finish();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    let frames: Frame[];
    try {
      frames = this.#decoder.push(chunk);
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
      this.#finish();
      return;
    }
    for (const frame of frames) this.#handle(frame);
  }

  #handle(frame: Frame): void {
    switch (frame.kind) {
      case 'ping':
        // Pings of our own would be odd: the client's side numbers them so. We send none.
        if (frame.id % 2 === 0) this.send(frame);
        return;
      case 'goAway':
        if (this.#streams.size === 0) this.close();
        return;
      case 'synStream':
        this.send({ kind: 'rstStream', streamId: frame.streamId, status: 3 });
        return;
      case 'settings':
      case 'windowUpdate':
        return;
      case 'synReply':
      case 'rstStream':
      case 'headers':
      case 'data':
        this.#streams.get(frame.streamId)?.receive(frame);
        return;
    }
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.receive({ kind: 'rstStream', streamId: stream.id, status: 1 });
    for (const callback of this.#onClose) callback();
  }
}

type StreamFrame = Extract<Frame, { kind: 'synReply' | 'rstStream' | 'headers' | 'data' }>;

export class SpdyStream {
  readonly id: number;
  readonly #send: (frame: Frame) => boolean;
  readonly #handler: SpdyStreamHandler;
  readonly #life: { accepted: () => void; refused: () => void; gone: () => void };
  #localEnded = false;
  #remoteEnded = false;
  #closed = false;

  constructor(
    id: number,
    send: (frame: Frame) => boolean,
    ...[handler, life]: [
      handler: SpdyStreamHandler,
      life: { accepted: () => void; refused: () => void; gone: () => void },
    ]
  ) {
    this.id = id;
    this.#send = send;
    this.#handler = handler;
    this.#life = life;
  }

  /** False when the socket's buffer is full. */
  write(data: Uint8Array): boolean {
    if (this.#localEnded || this.#closed || data.length === 0) return true;
    return this.#send({ kind: 'data', streamId: this.id, fin: false, data });
  }

  /** Half-close: nothing more from this side. */
  end(): void {
    if (this.#localEnded || this.#closed) return;
    this.#localEnded = true;
    this.#send({ kind: 'data', streamId: this.id, fin: true, data: new Uint8Array(0) });
    this.#closeWhenDone();
  }

  reset(): void {
    if (this.#closed) return;
    this.#send({ kind: 'rstStream', streamId: this.id, status: cancelStatus });
    this.#close('reset');
  }

  receive(frame: StreamFrame): void {
    if (this.#closed) return;
    if (frame.kind === 'rstStream') {
      this.#life.refused();
      this.#close('reset');
      return;
    }
    if (frame.kind === 'synReply') this.#life.accepted();
    if (frame.kind === 'data' && frame.data.length > 0) this.#handler.data?.(frame.data);
    if (!frame.fin || this.#remoteEnded) return;
    this.#remoteEnded = true;
    this.#handler.ended?.();
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.#localEnded && this.#remoteEnded) this.#close('ended');
  }

  #close(how: 'ended' | 'reset'): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#life.gone();
    this.#handler.closed?.(how);
  }
}
