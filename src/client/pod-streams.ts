import { Duplex, Readable, Writable } from 'node:stream';
import { ApiError } from '../api/status.ts';
import type { Status } from '../api/types/meta-v1.ts';
import type { ObjectName } from './client.ts';
import type { HttpsClient } from './https-client.ts';
import { objectPath } from './request-path.ts';
import { pods } from './resources.ts';
import type { OpenWebSocket } from './websocket.ts';

/** What streams of pods need of a client. */
export type StreamingClient = Pick<HttpsClient, 'open' | 'webSocket'>;

export interface LogOptions {
  /** Default: the pod's only container, or its default one. */
  container?: string;
  follow?: boolean;
  /** Of the container's last life. */
  previous?: boolean;
  timestamps?: boolean;
  sinceSeconds?: number;
  /** RFC 3339 */
  sinceTime?: string;
  tailLines?: number;
  limitBytes?: number;
  /** One of the two alone, where the cluster tells them apart (KEP-3288); others give both. */
  stream?: 'Stdout' | 'Stderr';
  signal?: AbortSignal;
}

/** A container's log as it comes, until it ends (with `follow`: when the container does). Rejects with ApiError. */
export async function openPodLogs(
  client: StreamingClient,
  pod: ObjectName,
  options: LogOptions = {},
): Promise<Readable> {
  const { signal, ...parameters } = options;
  return client.open(`${objectPath(pods, pod, 'log')}${queryOf(parameters)}`, { ...(signal && { signal }) });
}

/** The lines of a log, without their ends; the last one may have been cut short by the container's end. */
export async function* linesOf(log: Readable): AsyncIterable<string> {
  let rest = '';
  log.setEncoding('utf8');
  for await (const chunk of log as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

interface SessionOptions {
  container?: string;
  stdin?: boolean;
  /** A terminal: stderr is part of stdout. */
  tty?: boolean;
}

interface TerminalSize {
  columns: number;
  rows: number;
}

/** A process in a container, as its streams. */
export interface RemoteProcess {
  /** Ends the process's stdin when it ends, where the server knows how to say so (v5 of the protocol). */
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Ends at once with a terminal. */
  readonly stderr: Readable;
  /** Its exit code. Rejects with ApiError when it could not be run, with Error when the connection broke. */
  readonly exitCode: Promise<number>;
  resize(size: TerminalSize): void;
  /** Ends the connection. The process goes on, and sees its terminal or stdin end. */
  close(): void;
}

/** Runs a command in a container (pods/exec over WebSocket: KEP-4006). Rejects with ApiError when the server refuses. */
export async function execInPod(
  client: StreamingClient,
  pod: ObjectName,
  options: SessionOptions & { command: readonly string[] },
): Promise<RemoteProcess> {
  return openSession(client, objectPath(pods, pod, 'exec'), options);
}

/** Connects with what runs in a container already (pods/attach). */
export async function attachToPod(
  client: StreamingClient,
  pod: ObjectName,
  options: SessionOptions = {},
): Promise<RemoteProcess> {
  return openSession(client, objectPath(pods, pod, 'attach'), { ...options, command: [] });
}

/** Channel numbers of the protocol, and the signal of version 5 that a channel has ended. */
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const newestProtocol = 'v5.channel.k8s.io';

async function openSession(
  client: StreamingClient,
  path: string,
  { container, command, stdin = false, tty = false }: SessionOptions & { command: readonly string[] },
): Promise<RemoteProcess> {
  const query = queryOf({ container, command, stdin, stdout: true, stderr: !tty, tty });
  const connection = await client.webSocket(path + query, [newestProtocol, 'v4.channel.k8s.io']);
  const { socket } = connection;
  const stdout = incoming(socket);
  const stderr = incoming(socket);
  const exitCode = new Promise<number>((resolve, reject) => {
    socket.once('close', (code: number) => {
      stdout.push(null);
      stderr.push(null);
      reject(new Error(`the connection to the container broke (WebSocket code ${code})`));
    });
    socket.on('error', reject);
    connection.start((message) => {
      const data = message.subarray(1);
      if (message[0] === channel.stdout && data.length > 0 && !stdout.push(data)) socket.pause();
      if (message[0] === channel.stderr && data.length > 0 && !stderr.push(data)) socket.pause();
      if (message[0] === channel.error) settle(data, resolve, reject);
    });
  });
  // Whoever reads only the output need not look at it.
  exitCode.catch(() => undefined);
  return {
    stdin: outgoing(connection),
    stdout,
    stderr,
    exitCode,
    resize: ({ columns, rows }) => {
      const size = Buffer.from(JSON.stringify({ Width: columns, Height: rows }));
      socket.send(Buffer.concat([Buffer.from([channel.resize]), size]));
    },
    close: () => socket.close(),
  };
}

function incoming(socket: OpenWebSocket['socket']): Readable {
  return new Readable({ read: () => socket.resume() });
}

function outgoing({ socket, protocol }: OpenWebSocket): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      socket.send(Buffer.concat([Buffer.from([channel.stdin]), chunk]), (error) => done(error));
    },
    final(done) {
      if (protocol === newestProtocol && socket.readyState === socket.OPEN) {
        socket.send(Buffer.from([channel.close, channel.stdin]));
      }
      done();
    },
  });
}

/** The outcome: a Status, whose cause ExitCode is how the process ended. */
function settle(data: Buffer, resolve: (code: number) => void, reject: (error: Error) => void): void {
  const text = data.toString();
  if (text === '') return;
  let status: Status;
  try {
    status = JSON.parse(text) as Status;
  } catch {
    return reject(new Error(text));
  }
  if (status.status === 'Success') return resolve(0);
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && code !== undefined) return resolve(Number(code));
  reject(new ApiError({ ...status, code: status.code ?? 500 }));
}

/**
 * One connection to a port of a pod (pods/portforward over WebSocket, v4: one connection each). The protocol cannot say
 * that one side has finished while the other goes on: ending the stream closes it.
 */
export async function forwardToPod(client: StreamingClient, pod: ObjectName, port: number): Promise<Duplex> {
  const path = `${objectPath(pods, pod, 'portforward')}?ports=${port}`;
  const connection = await client.webSocket(path, ['v4.channel.k8s.io']);
  const { socket } = connection;
  const stream = new Duplex({
    read: () => socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      socket.send(Buffer.concat([Buffer.from([dataChannel]), chunk]), (error) => done(error));
    },
    final(done) {
      socket.close();
      done();
    },
    destroy(error, done) {
      socket.terminate();
      done(error);
    },
  });
  // Both channels begin with the port's number, in two bytes.
  const isBegun = [false, false];
  let failure = '';
  connection.start((message) => {
    const number = message[0] ?? 0;
    const data = message.subarray(isBegun[number] ? 1 : 3);
    isBegun[number] = true;
    if (data.length === 0) return;
    if (number === dataChannel && !stream.push(data)) socket.pause();
    if (number === errorChannel) failure += data.toString();
    if (failure !== '') stream.destroy(new Error(failure.trim()));
  });
  socket.once('close', () => stream.push(null));
  socket.on('error', (error) => stream.destroy(error));
  return stream;
}

const dataChannel = 0;
const errorChannel = 1;

function queryOf(parameters: Record<string, string | number | boolean | readonly string[] | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === false) continue;
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each));
  }
  const text = query.toString();
  return text && `?${text}`;
}
