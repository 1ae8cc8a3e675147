import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildImageFromDockerfile } from '../../cluster/images/build/build-image.ts';
import { normaliseImageName } from '../../cluster/images/image-library.ts';
import { clusterPaths, dataRoot } from '../../cluster/state.ts';
import { planBuilds, type ServiceBuild } from '../../delivery/compose/build-plan.ts';
import type { Project } from '../../delivery/compose/model.ts';
import { selectServices } from '../../delivery/compose/select.ts';
import { imageOf } from '../../delivery/compose/translate/container.ts';
import { loginFiles } from '../../delivery/registry/docker-config.ts';
import { CliError } from '../errors.ts';
import { clusterImages, sentence } from '../image.ts';
import { createOutput } from '../output.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, requireFile, withProject } from './connection.ts';
import { asCliError } from './project.ts';

export interface BuildFlags extends ComposeFlags {
  buildArg?: string[];
  cache: boolean;
  pull?: boolean;
  push?: boolean;
  quiet?: boolean;
  ssh?: string;
  withDependencies?: boolean;
}

/** `timonel compose build` */
export async function build(services: readonly string[], flags: BuildFlags): Promise<void> {
  await withProject(
    flags,
    async (session) => {
      const { project, tree } = requireFile(session);
      const selected = selectServices(project, services, { alone: !flags.withDependencies });
      const plans = asCliError(() => planBuilds(selected, tree));
      await buildAll(session, plans, flags);
      if (flags.push)
        await pushImages(
          session,
          plans.flatMap(({ names }) => names),
        );
    },
    { services },
  );
}

/** Builds the images of a project that are not there yet, or all (`up --build`). */
export async function buildMissing(
  session: ProjectSession,
  project: Project,
  { always, pull }: { always: boolean; pull: string | undefined },
): Promise<void> {
  const { tree } = requireFile(session);
  const plans = asCliError(() => planBuilds(project, tree));
  if (plans.length === 0) return;
  if (!session.state) {
    session.context.warn('images are built for clusters of this machine only: these must be in a registry');
    return;
  }
  const mustBuild = (plan: ServiceBuild): boolean => always || project.services[plan.service]?.pull_policy === 'build';
  const { library } = clusterImages(session.state);
  const known = new Set((await sentence(() => library.list())).map(({ name }) => name));
  const wanted = plans.filter((plan) => mustBuild(plan) || !known.has(normaliseImageName(plan.names[0] ?? '')));
  // Services that share an image share its build.
  const missing = [
    ...new Map(wanted.map(({ service, ...plan }) => [JSON.stringify(plan), { ...plan, service }])).values(),
  ];
  await buildAll(session, missing, { cache: true, ...(pull === 'always' && { pull: true }) });
}

async function buildAll(
  session: ProjectSession,
  plans: readonly ServiceBuild[],
  flags: Omit<BuildFlags, keyof ComposeFlags>,
): Promise<void> {
  const { state, context, loaded } = session;
  if (!state) {
    throw new CliError('images are built for clusters of this machine', {
      hint: 'Build and push them elsewhere, or name a cluster of timonel with --context.',
    });
  }
  const { library, directory, sockets } = clusterImages(state);
  const output = createOutput();
  const authFile = loginFiles(process.env).find((file) => existsSync(file));
  // Secrets of a build may come from variables that only the env file has.
  const variables = Object.entries(loaded?.project.environment ?? {});
  for (const [key, value] of variables) process.env[key] ??= value;
  for (const plan of plans) {
    context.report({ what: 'Image', name: plan.names[0] ?? '', status: 'Building', state: 'working' });
    await sentence(() =>
      withDockerfile(plan, (dockerfile) =>
        buildImageFromDockerfile(
          {
            ...plan,
            dockerfile,
            buildArgs: { ...plan.buildArgs, ...argumentsOf(flags.buildArg ?? []) },
            ssh: flags.ssh === undefined ? plan.ssh : [...plan.ssh, flags.ssh],
            noCache: plan.noCache || flags.cache === false,
            ...(flags.pull && { pull: 'always' as const }),
          },
          {
            builder: 'buildah',
            storageDirectory: clusterPaths(state.name).builds,
            cacheDirectory: join(dataRoot(), '.cache'),
            ...(authFile && { authFile }),
            library,
            libraryDirectory: directory,
            sockets,
            ...(!flags.quiet && { onProgress: (text: string) => output.message(text.trimEnd()) }),
            onNotice: (text) => output.message(text),
          },
        ),
      ),
    );
    context.report({ what: 'Image', name: plan.names[0] ?? '', status: 'Built', state: 'done' });
  }
}

async function withDockerfile<T>(
  { context, dockerfile, dockerfileInline }: ServiceBuild,
  work: (file: string | undefined) => Promise<T>,
): Promise<T> {
  if (dockerfileInline === undefined) return work(dockerfile === undefined ? undefined : resolve(context, dockerfile));
  const directory = mkdtempSync(join(tmpdir(), 'timonel-build-'));
  try {
    writeFileSync(join(directory, 'Dockerfile'), dockerfileInline);
    return await work(join(directory, 'Dockerfile'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function argumentsOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      return at < 0 ? [text, process.env[text] ?? ''] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

export interface TransferFlags extends ComposeFlags {
  ignorePushFailures?: boolean;
  ignorePullFailures?: boolean;
  ignoreBuildable?: boolean;
  includeDeps?: boolean;
  quiet?: boolean;
  policy?: string;
}

/** `timonel compose push`: of services that are built, as docker compose does it. */
export async function push(services: readonly string[], flags: TransferFlags): Promise<void> {
  await withProject(flags, async (session) => {
    const { project, tree } = requireFile(session);
    const selected = selectServices(project, services, { alone: !flags.includeDeps });
    const images = asCliError(() => planBuilds(selected, tree)).flatMap(({ names }) => names);
    await pushImages(session, images, flags.ignorePushFailures);
  });
}

async function pushImages(
  { state, context }: ProjectSession,
  images: readonly string[],
  isForgiving = false,
): Promise<void> {
  if (!state) throw new CliError('images are pushed from clusters of this machine');
  const transfer = await import('../registry/transfer.ts');
  for (const image of images) {
    await forgiving(isForgiving, context.warn, () => transfer.push(image, undefined, { name: state.name }));
  }
}

/** `timonel compose pull` */
export async function pull(services: readonly string[], flags: TransferFlags): Promise<void> {
  await withProject(flags, async ({ context, state, ...session }) => {
    const { project } = requireFile({ context, state, ...session });
    if (!state) throw new CliError('nodes of another cluster pull images themselves, when a pod starts');
    const selected = selectServices(project, services, { alone: !flags.includeDeps });
    const wanted = Object.entries(selected.services).filter(
      ([, { build: own, image }]) => image !== undefined && !(own && flags.ignoreBuildable !== false),
    );
    const images = [...new Set(wanted.map(([name, service]) => imageOf(project.name, name, service)))];
    const { library } = clusterImages(state);
    const known = new Set((await sentence(() => library.list())).map(({ name }) => name));
    const transfer = await import('../registry/transfer.ts');
    for (const image of images) {
      if (flags.policy === 'missing' && known.has(normaliseImageName(image))) continue;
      await forgiving(flags.ignorePullFailures ?? false, context.warn, () =>
        transfer.pull(image, { name: state.name }),
      );
    }
  });
}

async function forgiving(
  isForgiving: boolean,
  warn: (message: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isForgiving) throw error;
    warn((error as Error).message);
  }
}

/** `down --rmi`: images that were built for services without a name of their own, or all; those that others use stay. */
export async function removeImages({ state, loaded, context }: ProjectSession, which: 'all' | 'local'): Promise<void> {
  if (!state || !loaded) return;
  const { project } = loaded;
  const services = Object.entries(project.services).filter(([, { image }]) => which === 'all' || image === undefined);
  const { namedImages, removeImage } = await import('../image-removal.ts');
  const images = clusterImages(state);
  const named = await namedImages(context.client);
  const names = services.map(([name, service]) => normaliseImageName(imageOf(project.name, name, service)));
  for (const image of new Set(names)) {
    const { outcome } = await sentence(() => removeImage(images, image, { named, force: false }));
    if (outcome === 'removed') context.report({ what: 'Image', name: image, status: 'Removed', state: 'done' });
    if (outcome === 'in use') context.warn(`Image ${image} Resource is still in use`);
  }
}
