import { setMaxListeners } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../../api/object.ts';
import type { PersistentVolumeClaim } from '../../../api/types/core-v1.ts';
import { ownAddressesOf } from '../../../api/service-addresses.ts';
import { isApiError } from '../../../api/status.ts';
import { formatTime } from '../../../base/clock.ts';
import { namespaces, persistentVolumeClaims, services } from '../../../client/resources.ts';
import { applyObject } from '../../apply/applier.ts';
import type { Project } from '../model.ts';
import { requirementsOf } from '../start-order.ts';
import { configFilesAnnotation, configHashAnnotation, projectLabel } from '../translate/names.ts';
import { healthDeadlineMs } from '../translate/probes.ts';
import { sharedServices } from '../translate/shared-namespaces.ts';
import type { Translation } from '../translate/translate.ts';
import { replicasOf } from '../translate/replicas.ts';
import { failureActionAnnotation, type Workload, type WorkloadKind } from '../translate/workload.ts';
import { judge, type Observed, type Progress } from './condition.ts';
import { applyContext, type ProjectContext, ProjectError, volumeName } from './context.ts';
import { leaveVolumes, startEnded } from './held-pods.ts';
import { ProjectWatch } from './project-watch.ts';
import {
  deleteWorkload,
  isDaemonSet,
  isOfTemplate,
  type LiveWorkload,
  listWorkloads,
  patchWorkload,
  restoreWorkload,
  stoppedSelector,
  templateOf,
} from './workloads.ts';

type Condition = Parameters<typeof judge>[0];
type Recreate = 'changed' | 'always' | 'never';

export interface UpOptions {
  recreate: Recreate;
  /** Of services that come up because those that are `chosen` depend on them; the same when it is not said. */
  recreateDependencies?: Recreate;
  /** Services that were asked for; none for all. */
  chosen?: readonly string[];
  /** Volumes without a name are new ones too; otherwise those that are made anew have them again. */
  renewVolumes?: boolean;
  removeOrphans: boolean;
  /** Nothing is said of services that the file does not have any more. */
  ignoreOrphans?: boolean;
  /** What is waited for at last. `nothing`: containers are made, and started by the cluster. */
  wait: 'nothing' | 'started' | 'healthy';
  timeoutMs?: number | undefined;
  /** Services that the file has beside those that are brought up: they are no orphans. */
  known: readonly string[];
}

/** Annotation of kubectl's too: pods are made anew, though nothing else of them has changed. */
export const restartedAtAnnotation = 'kubectl.kubernetes.io/restartedAt';
const parallel = 16;

/**
 * Brings a project's services up, each when the conditions of its `depends_on` are met, and waits for them. Rejects with
 * {@link ProjectError} when one cannot be.
 */
export async function bringUp(
  context: ProjectContext,
  { project, translation }: { project: Project; translation: Translation },
  options: UpOptions,
): Promise<ProjectWatch> {
  const isNew = await ensureNamespace(context, translation.base[0] as KubeObject);
  const watch = new ProjectWatch(context);
  const [, live] = await Promise.all([watch.synced(), isNew ? [] : listWorkloads(context)]);
  await checkAddresses(context, translation.base);
  const changedFiles = await applyBase(context, translation.base.slice(1));
  await handleOrphans(context, live, options);
  const run = new UpRun({ context, project, translation, options, watch, live, changedFiles });
  await run.all();
  return watch;
}

/** Makes the project's namespace; one that is somebody else's is left alone. Resolves with whether it is new. */
async function ensureNamespace(
  { client, report, namespace, project }: ProjectContext,
  wanted: KubeObject,
): Promise<boolean> {
  try {
    await client.create(namespaces, wanted);
    report({ what: 'Network', name: `${project}_default`, status: 'Created', state: 'done' });
    return true;
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
  const found = await client.get(namespaces, { name: namespace });
  if (found.metadata.deletionTimestamp) {
    throw new ProjectError(`the namespace ${namespace} is being deleted: wait until it is gone`);
  }
  const owner = found.metadata.labels?.[projectLabel];
  if (owner !== wanted.metadata.labels?.[projectLabel]) {
    const whose = owner === undefined ? 'is no project of Compose' : `belongs to project ${owner}`;
    throw new ProjectError(`the namespace ${namespace} is there and ${whose}: choose another name with -p`);
  }
  const files = wanted.metadata.annotations?.[configFilesAnnotation];
  if (files !== undefined && found.metadata.annotations?.[configFilesAnnotation] !== files) {
    const document = { metadata: { annotations: { [configFilesAnnotation]: files } } };
    await client.patch(namespaces, { name: namespace }, { kind: 'merge', document });
  }
  return false;
}

/** An address of which two projects say that it is theirs would lead to one of them. */
async function checkAddresses({ client, namespace }: ProjectContext, base: readonly KubeObject[]): Promise<void> {
  const wanted = new Set(base.filter(({ kind }) => kind === 'Service').flatMap(ownAddressesOf));
  if (wanted.size === 0) return;
  for (const other of (await client.list(services, {})).items) {
    const { name, namespace: where } = other.metadata;
    const address = where === namespace ? undefined : ownAddressesOf(other).find((each) => wanted.has(each));
    if (address) throw new ProjectError(`Address already in use: ${address} is that of ${name} in project ${where}`);
  }
}

/** Resolves with the names of secrets and configs whose content is another than before. */
async function applyBase(context: ProjectContext, objects: readonly KubeObject[]): Promise<Set<string>> {
  const changed = new Set<string>();
  const queue = [...objects];
  const apply = applyContext(context);
  const work = async (): Promise<void> => {
    for (let object = queue.shift(); object; object = queue.shift()) {
      // What was applied is not kept with a secret: there it would be read by whoever may read annotations.
      const isSecret = object.kind === 'Secret';
      const wanted = object.kind === 'PersistentVolumeClaim' ? await asItIsBound(context, object) : object;
      const { action } = await applyObject(apply, wanted, isSecret ? {} : { lastApplied: 'annotation' });
      if (action === 'configured' && (isSecret || object.kind === 'ConfigMap')) {
        changed.add(`${object.kind}/${object.metadata.name}`);
      }
      if (action === 'created' && object.kind === 'PersistentVolumeClaim') {
        context.report({
          what: 'Volume',
          name: volumeName(context, object),
          status: 'Created',
          state: 'done',
        });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, objects.length) }, work));
  return changed;
}

/** How a claim may be mounted cannot be changed: that a service has more containers than before changes nothing of it. */
async function asItIsBound(
  { client, namespace }: ProjectContext,
  claim: PersistentVolumeClaim,
): Promise<PersistentVolumeClaim> {
  const name = { name: claim.metadata.name ?? '', namespace };
  const found = await client.get(persistentVolumeClaims, name).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
  });
  return found ? { ...claim, spec: { ...claim.spec, accessModes: found.spec?.accessModes } } : claim;
}

async function handleOrphans(
  context: ProjectContext,
  live: readonly LiveWorkload[],
  options: UpOptions,
): Promise<void> {
  const orphans = live.filter(({ service }) => !options.known.includes(service));
  if (orphans.length === 0 || options.ignoreOrphans) return;
  if (!options.removeOrphans) {
    const names = orphans.map(({ service }) => service).join(', ');
    context.warn(
      `Found orphan containers ([${names}]) for this project. If you removed or renamed this service in your compose file, ` +
        'you can run this command with the --remove-orphans flag to clean it up.',
    );
    return;
  }
  await Promise.all(
    orphans.map(async (orphan) => {
      await deleteWorkload(context, orphan);
      context.report({ what: 'Container', name: orphan.service, status: 'Removed', state: 'done' });
    }),
  );
}

interface Run {
  context: ProjectContext;
  project: Project;
  translation: Translation;
  options: UpOptions;
  watch: ProjectWatch;
  live: readonly LiveWorkload[];
  changedFiles: ReadonlySet<string>;
}

class UpRun {
  readonly #run: Run;
  readonly #started = new Map<string, Promise<void>>();
  readonly #applied = new Map<string, Workload>();
  readonly #recreated = new Set<string>();
  readonly #abort = new AbortController();

  constructor(run: Run) {
    this.#run = run;
    // Every service that waits listens to it.
    setMaxListeners(0, this.#abort.signal);
    const { signal } = run.context;
    signal?.addEventListener('abort', () => this.#abort.abort(signal.reason), { once: true });
  }

  async all(): Promise<void> {
    const { translation, options } = this.#run;
    const names = Object.keys(translation.workloads);
    try {
      await Promise.all(names.map((name) => this.#start(name)));
      if (options.wait === 'healthy') await Promise.all(names.map((name) => this.#waitHealthy(name)));
    } catch (error) {
      // What waits for others need not wait any more.
      this.#abort.abort(error);
      throw error;
    }
  }

  /** Once for each service, however many depend on it. */
  #start(name: string): Promise<void> {
    let started = this.#started.get(name);
    if (!started) {
      started = this.#startOnce(name);
      this.#started.set(name, started);
    }
    return started;
  }

  async #startOnce(name: string): Promise<void> {
    const { context, project, options } = this.#run;
    await Promise.all(requirementsOf(project, name).map((requirement) => this.#require(requirement)));
    this.#abort.signal.throwIfAborted();
    const status = await this.#apply(name);
    if (status === 'Running') return context.report({ what: 'Container', name, status, state: 'done' });
    context.report({ what: 'Container', name, status, state: 'working' });
    if (options.wait === 'nothing') return;
    await this.#waitForUpdate(name);
    context.report({ what: 'Container', name, status: 'Started', state: 'done' });
  }

  /** With `failure_action: rollback`, an update that fails leaves the version that was there before. */
  async #waitForUpdate(name: string): Promise<void> {
    const { context, live, translation } = this.#run;
    const before = live.find(({ service }) => service === name);
    const action = translation.workloads[name]?.metadata.annotations?.[failureActionAnnotation];
    try {
      await this.#waitFor(name, action === 'rollback' && before ? 'service_healthy' : 'service_started');
    } catch (error) {
      if (!before || action !== 'rollback' || !(error instanceof ProjectError)) throw error;
      await leaveVolumes(context, this.#run.watch.containers(name));
      await restoreWorkload(context, before);
      context.report({ what: 'Container', name, status: 'Rolled back', state: 'failed' });
      throw new ProjectError(`${error.message}; the version before it is back`, { cause: error });
    }
  }

  async #require({ service, condition, required }: ReturnType<typeof requirementsOf>[number]): Promise<void> {
    const { context, translation } = this.#run;
    if (!(service in translation.workloads)) return;
    try {
      await this.#start(service);
      if (condition === 'service_started') return;
      context.report({ what: 'Container', name: service, status: 'Waiting', state: 'working' });
      await this.#waitFor(service, condition, { needsHealthcheck: context.isLocal });
      const status = condition === 'service_healthy' ? 'Healthy' : 'Exited';
      context.report({ what: 'Container', name: service, status, state: 'done' });
    } catch (error) {
      if (!(error instanceof ProjectError)) throw error;
      if (!required) return context.warn(`optional dependency "${service}" failed to start: ${error.message}`);
      if (condition !== 'service_healthy' || error.message.startsWith(dependencyFailed)) throw error;
      throw new ProjectError(`${dependencyFailed}: ${error.message}`, { cause: error });
    }
  }

  async #waitHealthy(name: string): Promise<void> {
    const { context } = this.#run;
    await this.#waitFor(name, 'service_healthy');
    context.report({ what: 'Container', name, status: 'Healthy', state: 'done' });
  }

  async #waitFor(name: string, condition: Condition, more: Pick<Observed, 'needsHealthcheck'> = {}): Promise<void> {
    const { context, watch, options } = this.#run;
    let told = '';
    const look = (): Progress => this.#judge(name, condition, more);
    await watch.until(
      () => {
        const progress = look();
        if (progress.state === 'failed') throw this.#failure(name, condition, progress.reason);
        if (progress.state === 'met') return true;
        if (progress.reason && progress.reason !== told) {
          told = progress.reason;
          context.report({ what: 'Container', name, status: `Waiting (${told})`, state: 'working' });
        }
        return undefined;
      },
      {
        timeoutMs: options.timeoutMs,
        signal: this.#abort.signal,
        describe: () => {
          const progress = look();
          const why = progress.state === 'waiting' && progress.reason ? `: ${progress.reason}` : '';
          const after = options.timeoutMs === undefined ? '' : ` after ${options.timeoutMs / 1000}s`;
          return `application not healthy${after}: ${name} is not ${condition.replace('service_', '')} yet${why}`;
        },
      },
    );
  }

  #failure(name: string, condition: string, reason: string): ProjectError {
    this.#run.context.report({ what: 'Container', name, status: 'Error', state: 'failed' });
    if (condition === 'service_completed_successfully') return new ProjectError(`service "${name}" ${reason}`);
    return new ProjectError(
      `container ${name} ${/^(?:is|has|exited) /.test(reason) ? reason : `cannot start: ${reason}`}`,
    );
  }

  #judge(name: string, condition: Condition, more: Pick<Observed, 'needsHealthcheck'>): Progress {
    const { watch, project, context } = this.#run;
    const object = this.#applied.get(name);
    const service = project.services[name] ?? {};
    if (!object) return { state: 'waiting' };
    const template = templateOf({ object });
    const pods = watch.containers(name).filter((pod) => isOfTemplate(pod, template));
    return judge(condition, {
      replicas: object.kind === 'DaemonSet' ? undefined : replicasOf(service),
      pods,
      job: object.kind === 'Job' ? watch.job(object.metadata.name ?? '') : undefined,
      patienceMs: healthDeadlineMs(service, pods),
      nowMs: context.clock.now(),
      ...more,
    });
  }

  /** Makes the service's workload what it is to be; resolves with what was done. */
  async #apply(name: string): Promise<'Created' | 'Recreated' | 'Running'> {
    const { context, translation, live, options } = this.#run;
    const wanted = translation.workloads[name] as Workload;
    const before = live.find(({ service }) => service === name);
    const recreate = recreateOf(name, options);
    if (before && recreate === 'never') {
      this.#applied.set(name, before.object);
      return (await startEnded(context, this.#run.watch, name)) ? 'Created' : 'Running';
    }
    const isAnew = recreate === 'always' || this.#hasChangedFile(wanted) || this.#goesWithOthers(name);
    // A job that runs once more is the same one.
    const isChanged = isAnew || (before && hashOf(before.object) !== hashOf(wanted));
    if (before && isChanged) this.#recreated.add(name);
    const isReplaced =
      before && (before.kind !== wanted.kind || (before.kind === 'Job' && !this.#mayStay(before, wanted, isAnew)));
    if (before && (isChanged || isReplaced) && !options.renewVolumes) await this.#leaveVolumes(name);
    if (isReplaced) {
      await this.#remove(before);
      return this.#create(wanted, name);
    }
    if (before?.kind === 'Job') {
      this.#applied.set(name, before.object);
      return 'Running';
    }
    // What `stop` has put there is of no manifest, and so not taken away by one.
    if (before && isDaemonSet(before.object)) {
      await patchWorkload(context, before, {
        spec: { template: { spec: { nodeSelector: { [stoppedSelector]: null } } } },
      });
    }
    const { object, action } = await applyObject(applyContext(context), wanted, { lastApplied: 'annotation' });
    const applied = { kind: wanted.kind, ...object } as Workload;
    this.#applied.set(name, before && isAnew ? await this.#restart(applied) : applied);
    if (!before) return action === 'created' ? 'Created' : 'Recreated';
    if (isChanged) return 'Recreated';
    const again = await startEnded(context, this.#run.watch, name);
    return again ? 'Created' : this.#scaledOrRunning(before.object, wanted);
  }

  /** Those that share a namespace with the service go when its containers do. */
  async #leaveVolumes(name: string): Promise<void> {
    const { context, project, watch } = this.#run;
    const names = new Set([name]);
    // A set tells of what is added while it is gone through.
    for (const gone of names) {
      for (const other of Object.keys(project.services)) {
        if (sharedServices(project, other).some(([, service]) => service === gone)) names.add(other);
      }
    }
    await leaveVolumes(
      context,
      [...names].flatMap((each) => watch.containers(each)),
    );
  }

  async #create(wanted: Workload, name: string): Promise<'Recreated'> {
    const { object } = await applyObject(applyContext(this.#run.context), wanted, { lastApplied: 'annotation' });
    this.#applied.set(name, { kind: wanted.kind, ...object });
    return 'Recreated';
  }

  #scaledOrRunning(before: Workload, wanted: Workload): 'Created' | 'Running' {
    const replicas = (object: Workload): unknown => (object.spec as { replicas?: number }).replicas;
    const wasStopped = isDaemonSet(before) && stoppedSelector in (before.spec?.template.spec?.nodeSelector ?? {});
    return !wasStopped && isDeepStrictEqual(replicas(before), replicas(wanted)) ? 'Running' : 'Created';
  }

  /** A job's pods cannot be changed; one that is done runs again, as a stopped container is started again. */
  #mayStay(before: LiveWorkload, wanted: Workload, isAnew: boolean): boolean {
    const job = this.#run.watch.job(before.name);
    const isDone = job?.status?.conditions?.some(
      ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
    );
    const { suspend, parallelism } = (job?.spec ?? {}) as { suspend?: boolean; parallelism?: number };
    const isSame =
      hashOf(before.object) === hashOf(wanted) && parallelism === (wanted.spec as { parallelism?: number }).parallelism;
    return !isAnew && !isDone && !suspend && isSame;
  }

  async #remove(workload: { kind: WorkloadKind; name: string; service: string }): Promise<void> {
    const { context, watch } = this.#run;
    await deleteWorkload(context, workload);
    const isGone = (): true | undefined => {
      const hasJob = workload.kind === 'Job' && watch.job(workload.name) !== undefined;
      return hasJob || watch.containers(workload.service).length > 0 ? undefined : true;
    };
    await watch.until(isGone, {
      signal: this.#abort.signal,
      describe: () => `container ${workload.service} is still there`,
    });
  }

  async #restart(workload: Workload): Promise<Workload> {
    const { context } = this.#run;
    const annotations = { [restartedAtAnnotation]: formatTime(context.clock.now()) };
    const target = { kind: workload.kind as WorkloadKind, name: workload.metadata.name ?? '' };
    const patched = await patchWorkload(context, target, { spec: { template: { metadata: { annotations } } } });
    return { kind: workload.kind, ...patched };
  }

  /** Whether it is made anew because what it depends on, or shares a namespace with, was. */
  #goesWithOthers(name: string): boolean {
    const { project } = this.#run;
    const shared = sharedServices(project, name).map(([, service]) => service);
    const restarting = Object.entries(project.services[name]?.depends_on ?? {}).flatMap(([service, { restart }]) =>
      restart ? [service] : [],
    );
    return [...shared, ...restarting].some((service) => this.#recreated.has(service));
  }

  #hasChangedFile(workload: Workload): boolean {
    const { changedFiles } = this.#run;
    if (changedFiles.size === 0) return false;
    const volumes = templateOf({ object: workload })?.spec?.volumes ?? [];
    return volumes.some(({ projected }) =>
      projected?.sources?.some(
        ({ secret, configMap }) =>
          (secret && changedFiles.has(`Secret/${secret.name}`)) ||
          (configMap && changedFiles.has(`ConfigMap/${configMap.name}`)),
      ),
    );
  }
}

const dependencyFailed = 'dependency failed to start';

function recreateOf(name: string, { recreate, recreateDependencies, chosen = [] }: UpOptions): Recreate {
  return chosen.length === 0 || chosen.includes(name) ? recreate : (recreateDependencies ?? recreate);
}

function hashOf(object: Workload): string | undefined {
  return templateOf({ object })?.metadata?.annotations?.[configHashAnnotation];
}
