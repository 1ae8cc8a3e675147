import type { Clock } from '../base/clock.ts';
import type { Pod, Secret } from '../api/types/core-v1.ts';
import { createBackoff, type Backoff } from './backoff.ts';
import { formatGoDuration } from '../api/go-duration.ts';
import { imageCandidates, parseImageName, pullReference, type ImageName } from './image-names.ts';
import { createLimiter, type Limiter } from './limiter.ts';
import type { WaitingReason } from './pod-observation.ts';
import { pullCredentials } from './pull-credentials.ts';
import type { ContainerRuntime, ImageInfo } from './runtime.ts';

export type ImageResult =
  | { kind: 'present'; image: ImageInfo }
  /** `retryAtMs`: when a back-off ends; absent: not before something changes. */
  | { kind: 'failed'; waiting: WaitingReason; retryAtMs?: number };

export interface ImageRequest {
  pod: Pod;
  /** As the pod names it. */
  image: string;
  pullPolicy?: string | undefined;
  secrets: Iterable<Secret>;
  /** Writes an event about who wants it. */
  record: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
}

export interface ImagePullerOptions {
  runtime: ContainerRuntime;
  clock: Clock;
  backoff: { initialMs: number; maxMs: number };
  /** Pulls at once; 1 is upstream's default. */
  maxParallelPulls: number;
  /** Was the image of this full name put on the node by hand? No registry has it then, and policy Always takes it as it is. */
  isImported?: (reference: string) => Promise<boolean>;
}

/** Sees to it that the image of a container or a volume is on the node, as its pull policy says (upstream's image manager). */
export interface ImagePuller {
  ensure(request: ImageRequest): Promise<ImageResult>;
  /** Forgets the back-offs of a pod that is gone. */
  forget(podUid: string): void;
}

const backOffShownAfterMs = 2000;

export function createImagePuller(options: ImagePullerOptions): ImagePuller {
  return new Puller(options);
}

class Puller implements ImagePuller {
  private readonly options: ImagePullerOptions;
  private readonly backoff: Backoff;
  private readonly limiter: Limiter;
  private readonly lastErrors = new Map<string, string>();

  constructor(options: ImagePullerOptions) {
    this.options = options;
    this.backoff = createBackoff(options.backoff);
    this.limiter = createLimiter(options.maxParallelPulls);
  }

  forget(podUid: string): void {
    this.backoff.reset(`${podUid}_`);
    for (const key of this.lastErrors.keys()) if (key.startsWith(`${podUid}_`)) this.lastErrors.delete(key);
  }

  private async find(name: ImageName): Promise<ImageInfo | undefined> {
    for (const candidate of imageCandidates(name)) {
      const image = await this.options.runtime.imageStatus(candidate);
      if (image) return image;
    }
    return undefined;
  }

  async ensure(request: ImageRequest): Promise<ImageResult> {
    const { pod, image: text, record } = request;
    const quoted = JSON.stringify(text);
    const name = parseImageName(text);
    if (!name) {
      const reason = `couldn't parse image name ${quoted}: invalid reference format`;
      const message = `Failed to apply default image tag ${quoted}: ${reason}`;
      record('Warning', 'InspectFailed', message);
      return { kind: 'failed', waiting: { reason: 'InvalidImageName', message } };
    }
    const policy = request.pullPolicy ?? defaultPolicy(name);
    const local = await this.find(name);
    const isFinal = policy !== 'Always' || (await this.options.isImported?.(pullReference(name)));
    if (local && isFinal) {
      record('Normal', 'Pulled', `Container image ${quoted} already present on machine and can be accessed by the pod`);
      return { kind: 'present', image: local };
    }
    if (policy === 'Never') {
      const message = `Container image ${quoted} is not present with pull policy of Never`;
      record('Warning', 'ErrImageNeverPull', message);
      return { kind: 'failed', waiting: { reason: 'ErrImageNeverPull', message } };
    }
    const key = `${pod.metadata.uid}_${text}`;
    const remaining = this.backoff.remainingMs(key, this.options.clock.now());
    if (remaining > 0) {
      const last = this.lastErrors.get(key);
      const message = `Back-off pulling image ${quoted}`;
      record('Normal', 'BackOff', message);
      return {
        kind: 'failed',
        waiting: { reason: 'ImagePullBackOff', message: last ? `${message}: ErrImagePull: ${last}` : message },
        retryAtMs: this.options.clock.now() + remaining,
      };
    }
    return this.pull(request, name, key);
  }

  private async pull(request: ImageRequest, name: ImageName, key: string): Promise<ImageResult> {
    const { record } = request;
    const quoted = JSON.stringify(request.image);
    record('Normal', 'Pulling', `Pulling image ${quoted}`);
    const askedMs = this.options.clock.monotonic();
    let startedMs = askedMs;
    const error = await this.limiter.run(() => {
      startedMs = this.options.clock.monotonic();
      return this.tryCredentials(request, name);
    });
    const image = error ? undefined : await this.find(name);
    if (image) {
      const took = formatGoDuration(Math.round(this.options.clock.monotonic() - startedMs) * 1e6);
      const waited = formatGoDuration(Math.round(this.options.clock.monotonic() - askedMs) * 1e6);
      const timing = `in ${took} (${waited} including waiting). Image size: ${image.sizeBytes} bytes.`;
      record('Normal', 'Pulled', `Successfully pulled image ${quoted} ${timing}`);
      this.backoff.reset(key);
      this.lastErrors.delete(key);
      return { kind: 'present', image };
    }
    const message = error?.message ?? `image ${quoted} is not on the node after its pull`;
    record('Warning', 'Failed', `Failed to pull image ${quoted}: ${message}`);
    this.backoff.next(key, this.options.clock.now());
    this.lastErrors.set(key, message);
    // A moment later it is looked at again and told as a back-off.
    const retryAtMs =
      this.options.clock.now() + Math.min(backOffShownAfterMs, this.backoff.remainingMs(key, this.options.clock.now()));
    return { kind: 'failed', waiting: { reason: 'ErrImagePull', message }, retryAtMs };
  }

  /** Without credentials when none fit; the last failure when all are refused. */
  private async tryCredentials(request: ImageRequest, name: ImageName): Promise<Error | undefined> {
    const credentials = pullCredentials(request.secrets, name);
    let last: Error | undefined;
    for (const auth of credentials.length > 0 ? credentials : [undefined]) {
      try {
        await this.options.runtime.pullImage(pullReference(name), auth);
        return undefined;
      } catch (error) {
        last = error as Error;
      }
    }
    return last;
  }
}

/** Always for `:latest` and for no tag, else IfNotPresent: what the API server fills in too. */
function defaultPolicy(name: ImageName): string {
  return !name.digest && (name.tag ?? 'latest') === 'latest' ? 'Always' : 'IfNotPresent';
}
