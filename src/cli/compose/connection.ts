import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { hostAddressOf } from '../../cluster/network-plan.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import { createHttpsClient } from '../../client/https-client.ts';
import { loadConnection } from '../../client/kubeconfig-file.ts';
import { createInformers } from '../../client/shared-informers.ts';
import type { StreamingClient } from '../../client/pod-streams.ts';
import { parseImageName, pullReference } from '../../node/image-names.ts';
import { type ClusterState, clusterPaths, listClusters, readState } from '../../cluster/state.ts';
import { createResourceMapper } from '../../delivery/apply/resource-mapper.ts';
import { ComposeError } from '../../delivery/compose/compose-error.ts';
import { diskFiles } from '../../delivery/compose/disk-files.ts';
import { loadProject, type LoadedProject } from '../../delivery/compose/load-project.ts';
import type { Project } from '../../delivery/compose/model.ts';
import { findProject, givenName } from '../../delivery/compose/project-options.ts';
import { type ProjectContext, ProjectError } from '../../delivery/compose/run/context.ts';
import { namespaceOf, translate, type Translation } from '../../delivery/compose/translate/translate.ts';
import { clock } from '../context.ts';
import type { TranslateOptions } from '../../delivery/compose/translate/scope.ts';
import { CliError } from '../errors.ts';
import { interruptedExitCode, interruptible } from '../interrupt.ts';
import type { ComposeFlags } from './commands.ts';
import { createProgress, type Progress } from './progress.ts';
import { asCliError, loadOptions } from './project.ts';

export interface ProjectSession {
  context: ProjectContext;
  streams: StreamingClient;
  progress: Progress;
  /** Of the cluster, when it is one of this machine's. */
  state: ClusterState | undefined;
  /** Its file; undefined where the project is known by its name only. */
  loaded: LoadedProject | undefined;
  signal: AbortSignal;
}

/** Runs a command on a project that is named (`-p`) or has a file, and ends the connections after it. */
export async function withProject<T>(
  flags: ComposeFlags,
  work: (session: ProjectSession) => Promise<T>,
  options: { services?: readonly string[] } = {},
): Promise<T> {
  const loaded = await loadIfThere(flags, options.services);
  return withNamedProject(loaded?.project.name ?? givenName(flags, process.env) ?? '', flags, loaded, work);
}

/** The same for a project that is known by its name, whatever files there are. */
export async function withNamedProject<T>(
  project: string,
  flags: Pick<ComposeFlags, 'context' | 'kubeconfig' | 'progress'>,
  loaded: LoadedProject | undefined,
  work: (session: ProjectSession) => Promise<T>,
): Promise<T> {
  return withCluster(flags, async (cluster) =>
    interruptible(async (signal) => {
      // Every wait of the command listens to it.
      setMaxListeners(0, signal);
      const progress = createProgress(flags.progress);
      const context: ProjectContext = {
        ...cluster,
        namespace: asCliError(() => namespaceOf(project)),
        project,
        isLocal: cluster.state !== undefined,
        clock,
        signal,
        report: (step) => progress.report(step),
        warn: (message) => process.stderr.write(`WARN ${message}\n`),
      };
      const { streams, state } = cluster;
      const result = await asSentence(() => work({ context, streams, progress, state, loaded, signal }));
      // What goes on until Ctrl-C (logs, events) ends by it as other commands do.
      if (signal.aborted) process.exitCode = interruptedExitCode;
      return result;
    }),
  );
}

export type ClusterSession = Pick<ProjectContext, 'client' | 'mapper' | 'informers'> &
  Pick<ProjectSession, 'streams' | 'state'>;

export async function withCluster<T>(
  { context, kubeconfig }: Pick<ComposeFlags, 'context' | 'kubeconfig'>,
  work: (session: ClusterSession) => Promise<T>,
): Promise<T> {
  const found = await loadConnection({
    environment: process.env,
    ...(context && { context }),
    ...(kubeconfig && { file: kubeconfig }),
  });
  const client = createHttpsClient(found.connection, { clock });
  const informers = createInformers({ client, clock, random: systemRandom, log: silentLogger });
  const state = localCluster(found.context);
  try {
    return await work({
      client,
      informers,
      mapper: createResourceMapper(client),
      streams: client,
      state,
    });
  } finally {
    informers.stop();
    client.close();
  }
}

/** The cluster of this machine that a context means. */
function localCluster(context: string): ClusterState | undefined {
  const name = /^timonel-(.+)$/.exec(context)?.[1];
  if (name === undefined || !listClusters().includes(name)) return undefined;
  try {
    return readState(name);
  } catch {
    return undefined;
  }
}

async function loadIfThere(
  flags: ComposeFlags,
  services: readonly string[] | undefined,
): Promise<LoadedProject | undefined> {
  const isNamed = givenName(flags, process.env) !== undefined && !flags.file?.length;
  if (isNamed && !hasFile(flags)) return undefined;
  return loadFile(flags, services);
}

function hasFile(flags: ComposeFlags): boolean {
  try {
    const { files } = findProject(flags, { files: diskFiles, cwd: process.cwd(), processEnvironment: process.env });
    return files.every((file) => file === '-' || existsSync(file));
  } catch (error) {
    if (error instanceof ComposeError) return false;
    throw error;
  }
}

async function loadFile(flags: ComposeFlags, services: readonly string[] | undefined): Promise<LoadedProject> {
  const { options } = await loadOptions(flags, services && services.length > 0 ? { services } : {});
  return asCliError(() => loadProject(options));
}

/** A project's file that must be there. */
export function requireFile({ loaded }: ProjectSession): LoadedProject {
  if (loaded) return loaded;
  throw new CliError('no configuration file provided: not found', { exitCode: 14 });
}

/** Refuses services that the project's file does not have; without a file, any may be there. */
export function requireServices({ loaded }: Pick<ProjectSession, 'loaded'>, names: readonly string[]): void {
  if (!loaded) return;
  const { services, disabled } = loaded.project;
  const unknown = names.find((name) => !(name in services) && !(name in disabled));
  if (unknown !== undefined) throw new CliError(`no such service: ${unknown}`);
}

export interface TranslateFlags {
  lenient?: boolean;
  swarm?: boolean;
}

/** The project's objects, and its warnings on stderr. */
export async function translateProject(
  { loaded, state }: Pick<ProjectSession, 'loaded' | 'state'>,
  project: Project,
  options: TranslateFlags & Pick<TranslateOptions, 'runOnce' | 'isOneOff'> = {},
): Promise<Translation> {
  const versions = state && (await imageVersions(state));
  const translation = asCliError(() =>
    translate(project, loaded?.tree ?? {}, {
      files: diskFiles,
      lenient: options.lenient ?? false,
      hostGateway: state && hostAddressOf(state.network),
      takenRanges: state && takenRanges(state),
      isLocal: state !== undefined,
      imageVersion: versions && ((image) => versions.get(image)),
      configFiles: loaded?.files,
      swarm: options.swarm ?? false,
      ...(options.runOnce && { runOnce: options.runOnce }),
      ...(options.isOneOff && { isOneOff: true }),
    }),
  );
  for (const warning of translation.warnings) process.stderr.write(`WARN ${warning}\n`);
  return translation;
}

/** What images the cluster was given have under their names now, by any name that means them. */
async function imageVersions({ name }: ClusterState): Promise<{ get: (image: string) => string | undefined }> {
  const { openImageLibrary } = await import('../../cluster/images/image-library.ts');
  const images = await openImageLibrary(clusterPaths(name).images).list();
  const versions = new Map(images.map((image) => [image.name, image.digest ?? image.archive]));
  const get = (image: string): string | undefined => {
    const parsed = parseImageName(image);
    return parsed && versions.get(pullReference(parsed));
  };
  return { get };
}

/** Addresses that lead somewhere already: to the cluster's own, and to the machine's networks. */
function takenRanges({ network }: ClusterState): string[] {
  const { nodesCidr, podsCidr, servicesCidr, loadBalancersCidr } = network;
  const machine = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const own = machine.flatMap(({ family, cidr }) => (family === 'IPv4' && cidr ? [cidr] : []));
  return [...new Set([nodesCidr, podsCidr, servicesCidr, loadBalancersCidr, ...own])];
}

/** What commands on projects say is a sentence already. */
async function asSentence<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProjectError) throw new CliError(error.message, { cause: error, exitCode: error.exitCode });
    if (error instanceof ComposeError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}
