import type { Pod } from '../../api/types/core-v1.ts';
import { openPodLogs, type LogOptions } from '../../client/pod-streams.ts';
import type { ProjectSession } from './connection.ts';

/** Where a chunk of a container's output belongs. */
export type LogTarget = 'stdout' | 'stderr';

type LogSession = Pick<ProjectSession, 'context' | 'streams' | 'signal'>;

interface Reading {
  options: LogOptions;
  /** What is written to stderr comes as such. Only this machine's nodes tell it apart (KEP-3288, alpha upstream). */
  isSplit: boolean;
  take: (chunk: Buffer, target: LogTarget) => void;
}

/** Reads the log of a pod's container as it comes, until it ends or the session's signal. */
export async function readLogs(session: LogSession, pod: Pod, { options, isSplit, take }: Reading): Promise<void> {
  const read = async (target: LogTarget, stream?: 'Stdout' | 'Stderr'): Promise<void> => {
    const { context, streams, signal } = session;
    const name = { name: pod.metadata.name ?? '', namespace: context.namespace };
    const log = await openPodLogs(streams, name, { ...options, ...(stream && { stream }), signal });
    try {
      for await (const chunk of log as AsyncIterable<Buffer>) take(chunk, target);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  const hasTerminal = pod.spec?.containers[0]?.tty === true;
  if (!isSplit || hasTerminal) return read('stdout');
  await Promise.all([read('stdout', 'Stdout'), read('stderr', 'Stderr')]);
}
