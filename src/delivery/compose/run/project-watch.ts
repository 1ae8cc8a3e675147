import type { Job } from '../../../api/types/batch-v1.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { jobs, pods } from '../../../client/resources.ts';
import type { Informer } from '../../../client/informer.ts';
import type { KubeObject } from '../../../api/object.ts';
import { oneOffLabel, projectLabel, serviceLabel } from '../translate/names.ts';
import { type ProjectContext, ProjectError } from './context.ts';

/** A project's pods and jobs as they are, and waiting for what is to become of them. */
export class ProjectWatch {
  readonly #context: ProjectContext;
  readonly #pods: Informer<Pod>;
  readonly #jobs: Informer<Job>;

  constructor(context: ProjectContext) {
    this.#context = context;
    const { namespace } = context;
    this.#pods = context.informers.of(pods, { namespace });
    this.#jobs = context.informers.of(jobs, { namespace });
  }

  async synced(): Promise<void> {
    await Promise.all([this.#pods.synced(), this.#jobs.synced()]);
  }

  /** Pods of the project or a service, those that `run` has made too, in the order of their making. */
  pods(service?: string): Pod[] {
    const all = [...this.#pods.list()].filter(({ metadata: { labels = {} } }) =>
      service === undefined ? projectLabel in labels : labels[serviceLabel] === service,
    );
    const age = ({ metadata }: Pod): string => `${metadata.creationTimestamp ?? ''} ${metadata.name ?? ''}`;
    return all.toSorted((a, b) => (age(a) < age(b) ? -1 : 1));
  }

  /** Those of a service, without what `run` has started beside it. */
  containers(service: string): Pod[] {
    return this.pods(service).filter(({ metadata }) => metadata.labels?.[oneOffLabel] !== 'True');
  }

  job(name: string): Job | undefined {
    return this.#jobs.get(`${this.#context.namespace}/${name}`);
  }

  /** Told after each change. Returns how to stop. */
  onChange(look: () => void): () => void {
    const handler = { added: look, updated: look, deleted: look };
    const stops = [this.#pods, this.#jobs].map((informer) => (informer as Informer<KubeObject>).subscribe(handler));
    return () => stops.forEach((stop) => stop());
  }

  /**
   * What `check` gives as soon as it gives something; looked at after every change, and every second for what time decides.
   * Rejects with {@link ProjectError} after `timeoutMs`, with what `describe` then says.
   */
  async until<T>(
    check: () => T | undefined,
    options: { timeoutMs?: number | undefined; describe: () => string; signal?: AbortSignal | undefined },
  ): Promise<T> {
    await this.synced();
    const { clock } = this.#context;
    const signal = options.signal ?? this.#context.signal;
    return new Promise<T>((resolve, reject) => {
      const cancels: (() => void)[] = [];
      let isDone = false;
      const end = (work: () => void): void => {
        isDone = true;
        for (const cancel of cancels) cancel();
        work();
      };
      const look = (): void => {
        if (isDone) return;
        try {
          const found = check();
          if (found !== undefined) end(() => resolve(found));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const abort = (): void => end(() => reject(signal?.reason as Error));
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort);
      cancels.push(() => signal?.removeEventListener('abort', abort));
      if (options.timeoutMs !== undefined) {
        const late = (): void => end(() => reject(new ProjectError(options.describe())));
        cancels.push(clock.setTimer(options.timeoutMs, late));
      }
      let cancelTick = (): void => undefined;
      const tick = (): void => {
        look();
        if (!isDone) cancelTick = clock.setTimer(1000, tick);
      };
      cancels.push(() => cancelTick(), this.onChange(look));
      tick();
      // What was found while subscribing ended nothing yet.
      if (isDone) for (const cancel of cancels) cancel();
    });
  }
}
