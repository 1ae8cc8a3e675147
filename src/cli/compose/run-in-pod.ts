import type { Readable } from 'node:stream';
import type { ObjectName } from '../../client/client.ts';
import { execInPod, type StreamingClient } from '../../client/pod-streams.ts';

export interface PodCommand {
  command: readonly string[];
  container?: string | undefined;
  stdin?: Readable;
  onStdout?: (data: Buffer) => void;
  onStderr?: (data: Buffer) => void;
  signal?: AbortSignal | undefined;
}

/** Runs a command in a pod, for this program rather than for a person; resolves with its exit code. */
export async function runInPod(client: StreamingClient, pod: ObjectName, options: PodCommand): Promise<number> {
  const { command, container, stdin, onStdout = drop, onStderr = drop, signal } = options;
  const remote = await execInPod(client, pod, { command, container, stdin: stdin !== undefined });
  const abort = (): void => remote.close();
  signal?.addEventListener('abort', abort);
  const read = async (stream: Readable, take: (data: Buffer) => void): Promise<void> => {
    for await (const chunk of stream as AsyncIterable<Buffer>) take(chunk);
  };
  const reading = Promise.all([read(remote.stdout, onStdout), read(remote.stderr, onStderr)]);
  // The process may end before all of its input is read.
  remote.stdin.on('error', drop);
  stdin?.pipe(remote.stdin);
  try {
    const code = await remote.exitCode;
    remote.close();
    await reading;
    return code;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function drop(): void {
  // Nobody asked.
}
