import { parseGoDuration } from '../../api/go-duration.ts';
import { isApiError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { linesOf, type LogOptions, openPodLogs } from '../../client/pod-streams.ts';
import { pods } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { interruptible } from '../interrupt.ts';
import { chosenContainer, podsOf } from './pods-of.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface LogFlags extends KubeFlags {
  follow?: boolean;
  container?: string;
  allContainers?: boolean;
  allPods?: boolean;
  selector?: string;
  tail?: string;
  since?: string;
  sinceTime?: string;
  previous?: boolean;
  timestamps?: boolean;
  prefix?: boolean;
  limitBytes?: string;
  ignoreErrors?: boolean;
  maxLogRequests: string;
}

interface Source {
  pod: Pod;
  container: string;
}

/** Of a selection's logs, as kubectl shows them. */
const linesOfSelection = 10;

/** `timonel logs POD|TYPE/NAME|-l SELECTOR`. */
export async function logs(target: string | undefined, container: string | undefined, flags: LogFlags): Promise<void> {
  if (target === undefined && !flags.selector) {
    throw new CliError(
      "'logs (POD | TYPE/NAME) [CONTAINER_NAME]'.\nPOD or TYPE/NAME is a required argument for the logs command",
      {
        hint: "See 'timonel logs -h' for help and examples",
      },
    );
  }
  if (target !== undefined && flags.selector) {
    throw new CliError('only a selector (-l) or a POD name is allowed');
  }
  if (container !== undefined && flags.container !== undefined)
    throw new CliError('only one of -c or an inline [CONTAINER] arg is allowed');
  if (flags.since && flags.sinceTime)
    throw new CliError('at most one of `sinceTime` or `sinceSeconds` may be specified');
  const wanted = container === undefined ? flags : { ...flags, container };
  await withKube(flags, async (kube) => {
    const chosen = await chosenPods(kube, target, wanted);
    const sources = chosen.flatMap((pod) => sourcesOf(pod, wanted));
    const limit = Number(flags.maxLogRequests);
    if (flags.follow && sources.length > limit) {
      throw new CliError(
        `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${limit}, ` +
          `use --max-log-requests to increase the limit`,
      );
    }
    const showAll = (signal?: AbortSignal): Promise<void> =>
      showLogs(kube, sources, { ...wanted, ...(signal && { signal }) });
    if (flags.follow) await interruptible(showAll);
    else await showAll();
  });
}

async function chosenPods(kube: Kube, target: string | undefined, flags: LogFlags): Promise<Pod[]> {
  if (target === undefined) {
    const { items } = await kube.client.list(pods, { namespace: kube.namespace, labelSelector: flags.selector ?? '' });
    if (items.length === 0) process.stderr.write(`No resources found in ${kube.namespace} namespace.\n`);
    return items;
  }
  const found = await podsOf(kube, target).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
    throw new CliError(`error from server (NotFound): ${error.message} in namespace "${kube.namespace}"`);
  });
  if (flags.allPods || found.length <= 1) return found;
  const [first] = found as [Pod];
  process.stderr.write(`Found ${found.length} pods, using pod/${first.metadata.name}\n`);
  return [first];
}

function sourcesOf(pod: Pod, flags: LogFlags): Source[] {
  if (!flags.allContainers) return [{ pod, container: chosenContainer(pod, flags.container) }];
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => ({ pod, container: name }));
}

async function showLogs(
  kube: Kube,
  sources: readonly Source[],
  flags: LogFlags & { signal?: AbortSignal },
): Promise<void> {
  const options = logOptions(flags);
  const show = async (source: Source): Promise<void> => {
    try {
      await showLog(kube, source, { options, withPrefix: flags.prefix ?? false });
    } catch (error) {
      if (flags.signal?.aborted) return;
      if (!flags.ignoreErrors) throw error;
      process.stderr.write(`error: ${(error as Error).message}\n`);
    }
  };
  if (flags.follow) await Promise.all(sources.map(show));
  else for (const source of sources) await show(source);
}

async function showLog(
  { client }: Kube,
  { pod, container }: Source,
  { options, withPrefix }: { options: LogOptions; withPrefix: boolean },
): Promise<void> {
  const { name = '', namespace = '' } = pod.metadata;
  const log = await openPodLogs(client, { name, namespace }, { ...options, container });
  if (!withPrefix) {
    for await (const chunk of log as AsyncIterable<Buffer>) await write(chunk);
    return;
  }
  for await (const line of linesOf(log)) await write(`[pod/${name}/${container}] ${line}\n`);
}

/** Waits where the reader of our output is slow. */
function write(data: Buffer | string): Promise<void> | void {
  if (!process.stdout.write(data)) return new Promise((resolve) => process.stdout.once('drain', resolve));
}

function logOptions(flags: LogFlags & { signal?: AbortSignal }): LogOptions {
  const tail = Number(flags.tail ?? (flags.selector ? linesOfSelection : -1));
  if (!Number.isInteger(tail)) throw new CliError(`invalid argument "${flags.tail}" for "--tail" flag`);
  const nanos = flags.since === undefined ? undefined : parseGoDuration(flags.since);
  if (flags.since !== undefined && nanos === undefined) {
    throw new CliError(`invalid argument "${flags.since}" for "--since" flag: it is a duration like 30s, 5m or 1h`);
  }
  return {
    follow: flags.follow ?? false,
    previous: flags.previous ?? false,
    timestamps: flags.timestamps ?? false,
    ...(tail >= 0 && { tailLines: tail }),
    ...(nanos && { sinceSeconds: Math.max(1, Math.round(nanos / 1e9)) }),
    ...(flags.sinceTime && { sinceTime: flags.sinceTime }),
    ...(flags.limitBytes && { limitBytes: Number(flags.limitBytes) }),
    ...(flags.signal && { signal: flags.signal }),
  };
}
