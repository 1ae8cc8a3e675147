import { readFileSync } from 'node:fs';
import { nameSuffix, systemRandom } from '../../base/random.ts';
import { isApiError } from '../../api/status.ts';
import type { Container, Pod, PodSpec } from '../../api/types/core-v1.ts';
import { pods as podsResource, services as servicesResource } from '../../client/resources.ts';
import type { Project, Service } from '../../delivery/compose/model.ts';
import { exitCodeOf, hasStarted } from '../../delivery/compose/run/condition.ts';
import type { ProjectWatch } from '../../delivery/compose/run/project-watch.ts';
import { bringUp } from '../../delivery/compose/run/up.ts';
import { templateOf } from '../../delivery/compose/run/workloads.ts';
import { parseEnvFile } from '../../delivery/compose/dotenv.ts';
import { shellWords } from '../../delivery/compose/short-syntax.ts';
import {
  aliasLabelDomain,
  endpointLabels,
  projectLabels,
  oneOffLabel,
} from '../../delivery/compose/translate/names.ts';
import type { ObjectName } from '../../client/client.ts';
import { attachToPod } from '../../client/pod-streams.ts';
import { CliError } from '../errors.ts';
import { connectTerminal } from '../kube/exec.ts';
import { buildMissing } from './build.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, requireFile, translateProject, withProject } from './connection.ts';
import { readLogs } from './log-streams.ts';
import { asCliError } from './project.ts';
import { nameOf, terminalOf } from './sessions.ts';
import { prepared } from './up.ts';
import { orphanHandling } from './up-flags.ts';

export interface RunFlags extends ComposeFlags {
  rm?: boolean;
  detach?: boolean;
  env?: string[];
  volume?: string[];
  publish?: string[];
  deps: boolean;
  entrypoint?: string;
  servicePorts?: boolean;
  tty: boolean;
  interactive: boolean;
  user?: string;
  workdir?: string;
  name?: string;
  label?: string[];
  build?: boolean;
  quietPull?: boolean;
  capAdd?: string[];
  capDrop?: string[];
  envFromFile?: string[];
  pull?: string;
  useAliases?: boolean;
  removeOrphans?: boolean;
}

/** `timonel compose run`: one container of a service beside its others; exits as it does. */
export async function run(service: string, command: readonly string[], flags: RunFlags): Promise<void> {
  const code = await withProject(
    flags,
    async (session) => {
      const { project: whole } = requireFile(session);
      if (!(service in whole.services)) throw new CliError(`no such service: ${service}`);
      const project = prepared(overridden(whole, { service, command, flags }), [service], { deps: flags.deps });
      await buildMissing(session, project, { always: flags.build ?? false, pull: undefined });
      const watch = await startDependencies(session, { project, whole, service, flags });
      return runPod(session, { project, service, flags, watch });
    },
    { services: [service] },
  );
  process.exitCode = code;
}

/** The project with what the flags say of the one service. */
function overridden(
  project: Project,
  { service: name, command, flags }: { service: string; command: readonly string[]; flags: RunFlags },
): Project {
  const given = project.services[name] as Service;
  const ofFiles = (flags.envFromFile ?? []).flatMap((path) => [...envFile(path)]);
  const set = Object.fromEntries(
    (flags.env ?? []).map((text): [string, string | null] => {
      const at = text.indexOf('=');
      return at < 0 ? [text, project.environment[text] ?? null] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
  const service: Service = {
    ...given,
    environment: { ...given.environment, ...Object.fromEntries(ofFiles), ...set },
    cap_add: union(given.cap_add, flags.capAdd),
    cap_drop: union(given.cap_drop, flags.capDrop),
    ...(flags.pull !== undefined && { pull_policy: flags.pull }),
    ...(command.length > 0 && { command: [...command] }),
    ...(flags.entrypoint !== undefined && {
      entrypoint: shellWords(flags.entrypoint),
      ...(command.length === 0 && { command: undefined }),
    }),
    ...(flags.user !== undefined && { user: flags.user }),
    ...(flags.workdir !== undefined && { working_dir: flags.workdir }),
    // A container that is run has a name of its own, and no copies.
    container_name: undefined,
    scale: 1,
  };
  return { ...project, services: { ...project.services, [name]: service } };
}

function envFile(path: string): Map<string, string | null> {
  const text = readFileText(path);
  return asCliError(() => parseEnvFile(text, { file: path, lookup: (name) => process.env[name] }));
}

function readFileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(`--env-from-file: cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function union(given: readonly string[] | undefined, more: readonly string[] = []): string[] | undefined {
  return given || more.length > 0 ? [...(given ?? []), ...more] : undefined;
}

interface Runnable {
  project: Project;
  service: string;
  flags: RunFlags;
}

/** Brings up what the service depends on, or at least what all of the project needs: namespace, network, volumes. */
async function startDependencies(
  session: ProjectSession,
  { project, whole, service, flags }: Runnable & { whole: Project },
): Promise<ProjectWatch> {
  const translation = await translateProject(session, project, { lenient: flags.lenient ?? false });
  const { [service]: _, ...workloads } = translation.workloads;
  const ports = flags.servicePorts ? [] : [`${service}-published`];
  const base = translation.base.filter(
    ({ kind, metadata }) => kind !== 'Service' || !ports.includes(metadata.name ?? ''),
  );
  const dependencies = {
    ...project,
    services: Object.fromEntries(Object.entries(project.services).filter(([name]) => name !== service)),
  };
  // Their conditions are this service's too.
  const watch = await bringUp(
    session.context,
    { project: dependencies, translation: { ...translation, base, workloads } },
    {
      recreate: 'never',
      ...orphanHandling({ removeOrphans: flags.removeOrphans ?? false }, whole),
      wait: waitFor(project, service),
      known: Object.keys(whole.services),
    },
  );
  session.progress.end();
  return watch;
}

function waitFor(project: Project, service: string): 'started' | 'healthy' {
  const conditions = Object.values(project.services[service]?.depends_on ?? {}).map(({ condition }) => condition);
  return conditions.some((condition) => condition !== 'service_started') ? 'healthy' : 'started';
}

async function runPod(
  session: ProjectSession,
  { project, service, flags, watch }: Runnable & { watch: ProjectWatch },
): Promise<number> {
  const { context } = session;
  const pod = await podFor(session, { project, service, flags });
  const name = { name: pod.metadata.name ?? '', namespace: context.namespace };
  await context.client.create(podsResource, pod);
  if (flags.publish?.length) await publish(session, { pod, flags });
  const current = (): Pod | undefined => watch.pods().find(({ metadata }) => metadata.name === name.name);
  try {
    await watch.until(() => started(current()), { describe: () => `${name.name} has not started` });
    if (flags.detach) {
      process.stdout.write(`${name.name}\n`);
      return 0;
    }
    await attachOrFollow(session, { pod, flags, isOver: () => current()?.status?.phase !== 'Running' });
    return await watch.until(() => ended(current()), { describe: () => `${name.name} is still running` });
  } finally {
    if (flags.rm && !flags.detach) await removePod(session, name);
  }
}

/** A session with the container's own process; without a terminal its log says all. */
async function attachOrFollow(
  session: ProjectSession,
  { pod, flags, isOver }: { pod: Pod; flags: RunFlags; isOver: () => boolean },
): Promise<void> {
  const { streams } = session;
  const terminal = terminalOf(flags);
  const name = nameOf(session, pod);
  if (terminal.tty && !isOver()) {
    await connectTerminal(await attachToPod(streams, name, terminal), terminal);
    return;
  }
  const input = flags.interactive && !isOver() ? await passInput(session, name) : undefined;
  await readLogs(session, pod, {
    options: { follow: true },
    isSplit: session.state !== undefined,
    take: (chunk, target) => void process[target].write(chunk),
  }).finally(input);
}

/** This process's input goes into the container. Answers how to end that. */
async function passInput({ streams }: ProjectSession, name: ObjectName): Promise<(() => void) | undefined> {
  const remote = await attachToPod(streams, name, { stdin: true }).catch((error: unknown) => {
    // It has ended in between.
    if (isApiError(error)) return undefined;
    throw error;
  });
  if (!remote) return undefined;
  // What it says is in its log, from the first word.
  remote.stdout.resume();
  remote.stderr.resume();
  remote.exitCode.catch(() => undefined);
  remote.stdin.on('error', () => process.stdin.destroy());
  process.stdin.pipe(remote.stdin);
  return () => {
    process.stdin.unpipe(remote.stdin);
    process.stdin.pause();
    process.stdin.unref?.();
    remote.close();
  };
}

async function podFor(session: ProjectSession, { project, service, flags }: Runnable): Promise<Pod> {
  const { context } = session;
  const options = { lenient: true, runOnce: new Set([service]), isOneOff: true };
  const workload = (await translateProject(session, project, options)).workloads[service];
  const template = workload && templateOf({ object: workload });
  const spec = template?.spec as PodSpec;
  const [container] = spec.containers as [Container];
  const isTerminal = terminalOf(flags).tty;
  const hasInput = isTerminal || (flags.interactive && !flags.detach);
  const { readinessProbe: _, livenessProbe: __, ...rest } = container;
  const labels = Object.fromEntries(
    (flags.label ?? []).map((text) => [text.split('=')[0] ?? '', text.split('=').slice(1).join('=')]),
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: flags.name ?? `${workload?.metadata.name}-run-${nameSuffix(systemRandom, 12)}`,
      namespace: context.namespace,
      labels: {
        ...withoutEndpoint(template?.metadata?.labels, flags),
        ...projectLabels(project.name),
        [oneOffLabel]: 'True',
      },
      annotations: { ...template?.metadata?.annotations, ...labels },
    },
    spec: {
      ...spec,
      containers: [
        {
          ...withVolumes(rest, flags.volume ?? []),
          tty: isTerminal || undefined,
          stdin: hasInput || undefined,
          stdinOnce: hasInput || undefined,
        },
      ],
      volumes: [...(spec.volumes ?? []), ...volumesFor(flags.volume ?? [])],
      restartPolicy: 'Never',
    },
  };
}

/** It takes no part in the service's names and ports, unless it is told to. */
function withoutEndpoint(labels: Record<string, string> = {}, { servicePorts, useAliases }: RunFlags) {
  if (servicePorts || useAliases) return labels;
  return Object.fromEntries(
    Object.entries(labels).filter(([key]) => !(key in endpointLabels) && !key.startsWith(`${aliasLabelDomain}/`)),
  );
}

/** `-v SOURCE:TARGET[:ro]`: a directory of the machine, or a volume of the project. */
function volumesFor(texts: readonly string[]): NonNullable<PodSpec['volumes']> {
  return texts.map((text, index) => {
    const [source = ''] = text.split(':');
    const name = `run-${index + 1}`;
    if (source.startsWith('/')) return { name, hostPath: { path: source, type: 'DirectoryOrCreate' } };
    return { name, persistentVolumeClaim: { claimName: source } };
  });
}

function withVolumes(container: Container, texts: readonly string[]): Container {
  const mounts = texts.map((text, index) => {
    const [, target = '', mode] = text.split(':');
    if (target === '') throw new CliError(`invalid volume ${text}: it is SOURCE:TARGET`, { exitCode: 2 });
    return { name: `run-${index + 1}`, mountPath: target, readOnly: mode === 'ro' || undefined };
  });
  return { ...container, volumeMounts: [...(container.volumeMounts ?? []), ...mounts] };
}

async function publish({ context }: ProjectSession, { pod, flags }: { pod: Pod; flags: RunFlags }): Promise<void> {
  const ports = (flags.publish ?? []).map((text) => {
    const [, host = '', target = host, protocol = 'tcp'] = /^(\d+)(?::(\d+))?(?:\/(\w+))?$/.exec(text) ?? [];
    if (host === '') throw new CliError(`invalid port ${text}: it is HOST:CONTAINER`, { exitCode: 2 });
    return {
      name: `${protocol}-${host}`,
      port: Number(host),
      targetPort: Number(target),
      protocol: protocol.toUpperCase(),
    };
  });
  const selector = { 'timonel.dev/run': pod.metadata.name ?? '' };
  const name = { name: pod.metadata.name ?? '', namespace: context.namespace };
  const owner = await context.client.patch(podsResource, name, {
    kind: 'merge',
    document: { metadata: { labels: selector } },
  });
  await context.client.create(servicesResource, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...name,
      labels: projectLabels(context.project),
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: name.name, uid: owner.metadata.uid ?? '' }],
    },
    spec: { type: 'LoadBalancer', selector, ports },
  });
}

function started(pod: Pod | undefined): true | undefined {
  const waiting = pod?.status?.containerStatuses?.[0]?.state?.waiting;
  if (waiting?.reason && /^(?:ErrImage|ImagePullBackOff|InvalidImage|Create|RunContainer)/.test(waiting.reason)) {
    throw new CliError(`cannot start: ${waiting.reason}: ${waiting.message ?? ''}`);
  }
  return pod && hasStarted(pod) ? true : undefined;
}

function ended(pod: Pod | undefined): number | undefined {
  if (!pod) return 137;
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed' ? (exitCodeOf(pod) ?? 1) : undefined;
}

async function removePod({ context }: ProjectSession, name: { name: string; namespace: string }): Promise<void> {
  await context.client.delete(podsResource, name, { gracePeriodSeconds: 0 }).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
  });
}
