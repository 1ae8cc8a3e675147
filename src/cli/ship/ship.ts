import { isApiError } from '../../api/status.ts';
import { formatTime } from '../../base/clock.ts';
import { loadSource } from '../../delivery/pipeline/load-source.ts';
import { type Outcome, planSteps, type Step } from '../../delivery/pipeline/pipeline-state.ts';
import { keepRecord, keepStopped, type ShipRecord } from '../../delivery/pipeline/record.ts';
import { deployRelease, type Restored } from '../../delivery/pipeline/release.ts';
import { createRollout } from '../../delivery/pipeline/rollout.ts';
import { runPipeline } from '../../delivery/pipeline/run-pipeline.ts';
import type { ShipImage } from '../../delivery/pipeline/ship-file.ts';
import { givePullSecret } from '../../delivery/registry/pull-secret.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { sentence } from '../image.ts';
import { interruptible } from '../interrupt.ts';
import { createOutput } from '../output.ts';
import { accessTo } from '../registry/transfer.ts';
import { openShipImages, type ShipImages } from './images.ts';
import { failureOf, restore } from './outcome.ts';
import { loadShipProject, type ShipProject, whoAndWhat } from './project.ts';
import { runTest } from './run-test.ts';
import { SupersededError } from './superseded.ts';
import { type ShipTarget, type WhereFlags, withTarget } from './target.ts';

export interface ShipFlags extends WhereFlags {
  plan?: boolean;
  watch?: boolean;
  skipTests?: boolean;
  abandonPending?: boolean;
  builder: 'buildah' | 'docker';
}

export async function ship(flags: ShipFlags): Promise<void> {
  const project = await loadShipProject(flags.file);
  await withTarget(flags, project.file, async (target) => {
    if (flags.watch) {
      const { watchProject } = await import('./watch.ts');
      return watchProject(target, { project, flags });
    }
    if (flags.plan) {
      const { showPlan } = await import('./plan.ts');
      const images = await imagesFor(target, { project, flags });
      return showPlan({ project, target, images, skipTests: flags.skipTests ?? false });
    }
    await interruptible((signal) => shipOnce(target, { project, flags, signal }));
  });
}

const onOutput = (text: string): void => void process.stderr.write(text);

function imagesFor(
  { local, say }: ShipTarget,
  { project, flags }: { project: ShipProject; flags: ShipFlags },
): Promise<ShipImages> {
  return sentence(() => openShipImages({ project, local, builder: flags.builder, say, onOutput }));
}

export interface ShipOptions {
  project: ShipProject;
  flags: ShipFlags;
  signal: AbortSignal;
  onStep?: (step: Step) => void;
  /** Told of every file that what is deployed is read from. */
  onRead?: (path: string) => void;
}

/** The whole way, once. Resolves with what runs now; rejects with what a person is to be told. */
export async function shipOnce(target: ShipTarget, options: ShipOptions): Promise<ShipImages> {
  const { project, flags } = options;
  const images = await imagesFor(target, { project, flags });
  await requireSource(images, options);
  const shipment = new Shipment({ ...options, target, images });
  const outcome = await shipment.run();
  const { restored } = shipment;
  if (outcome.kind === 'stopped' && !(outcome.error instanceof SupersededError)) await shipment.keepStopped(outcome.at);
  // No revision tells of it.
  if (outcome.kind === 'restored' && restored.kind !== 'rolled-back') await shipment.keepStopped({ kind: 'deploy' });
  if (outcome.kind !== 'shipped') throw failureOf(outcome, restored);
  createOutput().data(`${project.file.name} revision ${shipment.revision}`);
  return images;
}

/** What is wrong with what is deployed is better known before anything is tested, built and pushed. */
async function requireSource(images: ShipImages, { project, onRead }: ShipOptions): Promise<void> {
  const { file, directory } = project;
  // They may be what makes it.
  if (file.tests.some(({ where }) => where.kind === 'host')) return;
  const { commit } = await whoAndWhat(directory);
  const variables = { images: images.references, commit, environment: process.env };
  await loadSource({ directory, file, variables, warn: () => undefined, onRead });
}

interface ShipmentOptions extends ShipOptions {
  target: ShipTarget;
  images: ShipImages;
}

/** One way from source to cluster, and what is written down of it. */
class Shipment {
  revision = 0;
  restored: Restored = { kind: 'nothing' };
  readonly #options: ShipmentOptions;
  readonly #digests = new Map<string, string>();
  readonly #rebuilt = new Set<string>();
  readonly #tests: ShipRecord['tests'][number][] = [];
  readonly #checks: ShipRecord['checks'][number][] = [];
  readonly #startedAt: string;

  constructor(options: ShipmentOptions) {
    this.#options = options;
    this.#startedAt = formatTime(clock.now());
  }

  run(): Promise<Outcome> {
    const { project, images, flags, signal } = this.#options;
    const { file } = project;
    const tests = flags.skipTests ? [] : file.tests;
    if (flags.skipTests) {
      this.#tests.push(...file.tests.map(({ name }) => ({ name, result: 'skipped' as const, milliseconds: 0 })));
    }
    const steps = planSteps({ images: file.images, tests }, { isPushed: images.registry !== undefined });
    return runPipeline(steps, { signal, perform: (step, limit) => this.#perform(step, limit) });
  }

  /** The record of a way that left no revision. A cluster that cannot keep it is no second failure. */
  async keepStopped(at: Step): Promise<void> {
    const { project, target, signal } = this.#options;
    const { client, namespace, say, storage } = target;
    const { name, deploy } = project.file;
    try {
      const newest = (await storage.index(name)).at(-1)?.version;
      const record = { ...this.#record(await whoAndWhat(project.directory)), reason: reasonOf(at, signal.aborted) };
      await keepStopped(client, { namespace, release: name, newest, history: deploy.history }, record);
    } catch (error) {
      if (isApiError(error, 'NotFound')) return;
      say(`The history does not tell of this: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #perform(step: Step, signal: AbortSignal | undefined): Promise<void> {
    const { project, images, target } = this.#options;
    this.#options.onStep?.(step);
    switch (step.kind) {
      case 'test': {
        const { name } = step.test;
        target.say(`test ${name} …`);
        const start = clock.monotonic();
        const milliseconds = await runTest(step.test, { images, project, target, onOutput, signal }).catch(
          (error: unknown) => {
            this.#tests.push({ name, result: 'failed', milliseconds: Math.round(clock.monotonic() - start) });
            throw error;
          },
        );
        this.#tests.push({ name, result: 'passed', milliseconds });
        return target.say(`test ${name}: passed (${(milliseconds / 1000).toFixed(1)} s)`);
      }
      case 'build':
        return this.#build(step.image, signal);
      case 'push': {
        const digest = await sentence(() => images.push(step.image, signal));
        this.#digests.set(step.image.key, digest);
        return target.say(`push ${step.image.key}: ${digest}`);
      }
      case 'deploy':
        return this.#deploy(signal);
      case 'restore':
        this.restored = await restore(target, project.file, {
          ...{ by: (await whoAndWhat(project.directory)).by, signal: this.#options.signal },
        });
        return;
    }
  }

  async #build(image: ShipImage, signal: AbortSignal | undefined): Promise<void> {
    const { images, target, project, flags } = this.#options;
    // What tests on this machine have made is part of it.
    const isFirst = image === project.file.images[0];
    if (isFirst && !flags.skipTests && project.file.tests.some(({ where }) => where.kind === 'host'))
      await images.refresh();
    const isNew = await sentence(() => images.build(image, signal));
    if (isNew) this.#rebuilt.add(image.key);
    const reference = images.references[image.key]?.reference;
    target.say(`build ${image.key}: ${reference}${isNew ? '' : ' (unchanged)'}`);
  }

  async #deploy(signal: AbortSignal | undefined): Promise<void> {
    const { project, target, images, flags, onRead } = this.#options;
    const { file, directory } = project;
    const who = await whoAndWhat(directory);
    const variables = { images: images.references, commit: who.commit, environment: process.env };
    const source = await loadSource({ directory, file, variables, warn: target.say, onRead });
    const { client, namespace, say } = target;
    if (file.pullSecret && images.registry !== undefined) await shareRegistry(target, images.registry);
    target.say(`deploy ${file.name} to namespace ${namespace} of ${target.contextName} …`);
    const { checks } = file;
    const { timeoutMs, history, strategy } = file.deploy;
    const onCheck = ({ name }: { name: string }, milliseconds: number): void =>
      void this.#checks.push({ name, milliseconds });
    const rollout = createRollout({ client, clock, namespace, strategy, checks, timeoutMs, say, onCheck, signal });
    const description = `Shipped${who.commit ? ` ${who.commit.slice(0, 12)}` : ''}`;
    const { name } = file;
    const abandonPending = flags.abandonPending ?? false;
    const options = { name, timeoutMs, history, strategy, description, rollout, abandonPending };
    try {
      const { version } = await deployRelease({ ...target, ...(signal && { signal }) }, source, options);
      this.revision = version;
      await keepRecord(client, { namespace, release: name, revision: version }, this.#record(who));
    } catch (error) {
      const last = (await target.storage.index(name)).at(-1);
      const at = { namespace, release: name, revision: last?.version ?? 0 };
      if (last?.status === 'failed') await keepRecord(client, at, this.#record(who));
      throw error;
    }
  }

  #record(who: Pick<ShipRecord, 'by' | 'commit' | 'branch'>): ShipRecord {
    const { project, images } = this.#options;
    return {
      ...who,
      images: project.file.images.map(({ key }) => ({
        name: images.references[key]?.reference ?? key,
        digest: this.#digests.get(key) ?? '',
        isRebuilt: this.#rebuilt.has(key),
      })),
      tests: this.#tests,
      checks: this.#checks,
      strategy: project.file.deploy.strategy.type,
      startedAt: this.#startedAt,
      endedAt: formatTime(clock.now()),
    };
  }
}

function reasonOf(step: Step, isInterrupted: boolean): string {
  const what = isInterrupted ? 'was interrupted' : 'failed';
  switch (step.kind) {
    case 'test':
      return `test ${step.test.name} ${what}`;
    case 'build':
    case 'push':
      return `${step.kind} of ${step.image.key} ${what}`;
    default:
      return `${step.kind} ${what}`;
  }
}

/** Gives the cluster the login that this machine has for the registry. */
async function shareRegistry({ client, namespace, say }: ShipTarget, registry: string): Promise<void> {
  const host = registry.split('/')[0] as string;
  const { login } = await accessTo(registry);
  if (!login) throw new CliError(`there is no login to ${host} to share`, { hint: `timonel login ${host}` });
  const name = await givePullSecret({ client, clock }, { host, login, namespace });
  say(`Pods of namespace ${namespace} pull from ${host} with secret ${name}.`);
}
