import { containerSettingsAnnotation } from '../../api/container-settings.ts';
import type { Container, PodSpec } from '../../api/types/core-v1.ts';
import { userNumbers } from '../../delivery/compose/translate/agent-annotations.ts';
import { shellWords } from '../../delivery/compose/short-syntax.ts';
import { parseBytes, parseDuration } from '../../delivery/compose/units.ts';
import { CliError } from '../errors.ts';
import type { MountChanges, MountFlags } from './service-mounts.ts';
import {
  constraintChanges,
  type ConstraintFlags,
  healthAnnotation,
  healthChanges,
  type HealthFlags,
} from './service-parts.ts';
import {
  networkLabelChanges,
  podSettings,
  restartChange,
  settingsAnnotation,
  type SettingsFlags,
} from './service-settings.ts';
import type { StackService } from './stacks.ts';

/** Flags of `service update` that change the service's workload. */
export interface ServiceFlags extends MountFlags, HealthFlags, ConstraintFlags, SettingsFlags {
  image?: string;
  replicas?: string;
  force?: boolean;
  args?: string;
  envAdd?: string[];
  envRm?: string[];
  labelAdd?: string[];
  labelRm?: string[];
  limitCpu?: string;
  limitMemory?: string;
  reserveCpu?: string;
  reserveMemory?: string;
  entrypoint?: string;
  user?: string;
  workdir?: string;
  hostname?: string;
  readOnly?: boolean;
  tty?: boolean;
  capAdd?: string[];
  capDrop?: string[];
  groupAdd?: string[];
  groupRm?: string[];
  hostAdd?: string[];
  hostRm?: string[];
  containerLabelAdd?: string[];
  containerLabelRm?: string[];
  stopGracePeriod?: string;
  updateOrder?: string;
  updateParallelism?: string;
  updateDelay?: string;
}

/** A service's workload as flags change it: a strategic merge patch. `now`: RFC 3339. Throws {@link CliError}. */
export function serviceChanges(
  service: StackService,
  flags: ServiceFlags,
  { now, mounts }: { now: string; mounts: Pick<MountChanges, 'pod' | 'container'> },
): Record<string, unknown> {
  const pod = service.template?.spec;
  const [container] = pod?.containers ?? [];
  const changed = { ...containerChanges(container, flags), ...healthChanges(service, flags), ...mounts.container };
  const podChanged = {
    ...merged(podChanges(pod, flags), podSettings(pod, flags)),
    ...constraintChanges(service, flags),
    ...mounts.pod,
    ...(Object.keys(changed).length > 0 && { containers: [{ name: container?.name, ...changed }] }),
  };
  const health = healthAnnotation(service, flags);
  const current = { ...service.template?.metadata?.annotations, ...health }[containerSettingsAnnotation];
  const settings = { ...health, ...settingsAnnotation(current, flags) };
  const annotations = {
    ...(flags.force && { 'kubectl.kubernetes.io/restartedAt': now }),
    ...labelChanges(flags.containerLabelAdd, flags.containerLabelRm),
    ...restartChange(flags),
    ...settings,
  };
  const networks = networkLabelChanges(service, flags);
  const metadata = {
    ...(Object.keys(networks).length > 0 && { labels: networks }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
  const template = {
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(Object.keys(podChanged).length > 0 && { spec: podChanged }),
  };
  const labels = labelChanges(flags.labelAdd, flags.labelRm);
  const strategy = strategyOf(service, flags);
  if (flags.replicas !== undefined && service.mode !== 'replicated') {
    throw new CliError('replicas can only be used with replicated or replicated-job mode');
  }
  return {
    // As deploy.labels of a file: Docker's labels may be any text.
    ...(Object.keys(labels).length > 0 && { metadata: { annotations: labels } }),
    spec: {
      template,
      ...(flags.replicas !== undefined && { replicas: countOf('replicas', flags.replicas) }),
      ...strategy,
    },
  };
}

/** Both may have something for the security of the pod. */
function merged(one: Record<string, unknown>, other: Record<string, unknown>): Record<string, unknown> {
  const securityContext = { ...(one['securityContext'] as object), ...(other['securityContext'] as object) };
  return { ...one, ...other, ...(Object.keys(securityContext).length > 0 && { securityContext }) };
}

function labelChanges(added: readonly string[] = [], removed: readonly string[] = []): Record<string, string | null> {
  return {
    ...Object.fromEntries(added.map((text) => pairOf(text))),
    ...Object.fromEntries(removed.map((name) => [name, null])),
  };
}

function podChanges(pod: PodSpec | undefined, flags: ServiceFlags): Record<string, unknown> {
  const { groupAdd = [], groupRm = [], stopGracePeriod: grace } = flags;
  const groups = new Set(pod?.securityContext?.supplementalGroups);
  for (const group of groupAdd) groups.add(countOf('group-add', group));
  for (const group of groupRm) groups.delete(countOf('group-rm', group));
  const graceNs = grace === undefined ? 0 : parseDuration(grace);
  if (graceNs === undefined) throw new CliError(`invalid argument "${grace}" for "--stop-grace-period": no duration`);
  return {
    ...(flags.hostname !== undefined && { hostname: flags.hostname }),
    ...(grace !== undefined && { terminationGracePeriodSeconds: Math.round(graceNs / 1e9) }),
    ...(groupAdd.length + groupRm.length > 0 && { securityContext: { supplementalGroups: [...groups] } }),
    ...hostChanges(pod, flags),
  };
}

/** `host:ip`, as `--host-add` has it; `--host-rm` takes a host with or without its address. */
function hostChanges(pod: PodSpec | undefined, { hostAdd = [], hostRm = [] }: ServiceFlags): Record<string, unknown> {
  if (hostAdd.length + hostRm.length === 0) return {};
  const known = (pod?.hostAliases ?? []).flatMap(({ ip, hostnames = [] }) => hostnames.map((host) => `${host}:${ip}`));
  const isLeft = (entry: string): boolean => !hostRm.some((text) => entry === text || entry.startsWith(`${text}:`));
  const byAddress = new Map<string, string[]>((pod?.hostAliases ?? []).map(({ ip }) => [ip, []]));
  for (const entry of [...known.filter(isLeft), ...hostAdd]) {
    const [, host = '', ip = ''] = /^([^:]+):(.+)$/.exec(entry) ?? [];
    if (host === '') throw new CliError(`invalid argument "${entry}" for "--host-add": it is host:ip`);
    byAddress.set(ip, [...(byAddress.get(ip) ?? []), host]);
  }
  const hostAliases = [...byAddress].map(([ip, hostnames]) =>
    hostnames.length > 0 ? { ip, hostnames } : { ip, $patch: 'delete' },
  );
  return { hostAliases };
}

function containerChanges(container: Container | undefined, flags: ServiceFlags): Record<string, unknown> {
  const added = (flags.envAdd ?? []).map((text) => {
    const [name, value] = pairOf(text, process.env);
    return { name, value: value.replaceAll('$(', '$$$$(') };
  });
  const removed = (flags.envRm ?? [])
    .filter((name) => container?.env?.some((each) => each.name === name))
    .map((name) => ({ name, $patch: 'delete' }));
  const env = [...added, ...removed];
  const resources = {
    limits: amounts({ cpu: flags.limitCpu, memory: flags.limitMemory }),
    requests: amounts({ cpu: flags.reserveCpu, memory: flags.reserveMemory }),
  };
  const securityContext = securityChanges(container, flags);
  return {
    ...(flags.image !== undefined && { image: flags.image }),
    ...(flags.args !== undefined && { args: shellWords(flags.args) }),
    ...(flags.entrypoint !== undefined && { command: shellWords(flags.entrypoint) }),
    ...(flags.workdir !== undefined && { workingDir: flags.workdir }),
    ...(flags.tty !== undefined && { tty: flags.tty }),
    ...(env.length > 0 && { env }),
    ...((resources.limits ?? resources.requests) && { resources }),
    ...(Object.keys(securityContext).length > 0 && { securityContext }),
  };
}

/** A capability that is added is dropped no more, and the other way. */
function securityChanges(container: Container | undefined, flags: ServiceFlags): Record<string, unknown> {
  const { capAdd = [], capDrop = [], readOnly, user } = flags;
  const numbers = user === undefined ? undefined : userNumbers(user);
  if (user !== undefined && !numbers) {
    throw new CliError(`invalid argument "${user}" for "--user": pods know users by numbers, like 1000:1000`);
  }
  const name = (text: string): string => text.toUpperCase().replace(/^CAP_/, '');
  const { add = [], drop = [] } = container?.securityContext?.capabilities ?? {};
  const [adding, dropping] = [capAdd.map(name), capDrop.map(name)];
  const without = (list: readonly string[], others: readonly string[]): string[] =>
    list.filter((each) => !others.includes(each));
  return {
    ...(adding.length + dropping.length > 0 && {
      capabilities: {
        add: [...new Set([...without(add, dropping), ...adding])],
        drop: [...new Set([...without(drop, adding), ...dropping])],
      },
    }),
    ...(readOnly !== undefined && { readOnlyRootFilesystem: readOnly }),
    ...(numbers && { runAsUser: numbers.user, runAsGroup: numbers.group ?? null }),
  };
}

/** How many containers are changed at once (0: all), whether old ones end first, and how long each is looked at. */
function strategyOf(
  { deployment, mode }: StackService,
  { updateOrder: order, updateParallelism, updateDelay: delay }: ServiceFlags,
): Record<string, unknown> {
  const pause = delay === undefined ? 0 : parseDuration(delay);
  if (pause === undefined) throw new CliError(`invalid argument "${delay}" for "--update-delay": no duration`);
  const waiting = delay === undefined ? {} : { minReadySeconds: Math.ceil(pause / 1e9) };
  if (order === undefined && updateParallelism === undefined) return waiting;
  if (order !== undefined && order !== 'start-first' && order !== 'stop-first') {
    throw new CliError(`invalid argument "${order}" for "--update-order": it is start-first or stop-first`);
  }
  if (mode === 'global') {
    throw new CliError(
      'services of mode global are updated one node after the other, in the order that their file says',
    );
  }
  const { maxSurge, maxUnavailable } = deployment?.spec?.strategy?.rollingUpdate ?? {};
  const isStartFirst = order === undefined ? maxUnavailable === 0 : order === 'start-first';
  const known = (isStartFirst ? maxSurge : maxUnavailable) ?? 1;
  const wanted = updateParallelism === undefined ? known : countOf('update-parallelism', updateParallelism);
  const count = wanted === 0 ? '100%' : wanted;
  const rollingUpdate = isStartFirst ? { maxSurge: count, maxUnavailable: 0 } : { maxSurge: 0, maxUnavailable: count };
  return { ...waiting, strategy: { type: 'RollingUpdate', rollingUpdate } };
}

function pairOf(text: string, otherwise: NodeJS.ProcessEnv = {}): [name: string, value: string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, otherwise[text] ?? ''] : [text.slice(0, at), text.slice(at + 1)];
}

function countOf(flag: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new CliError(`invalid argument "${text}" for "--${flag}": it is a whole number`);
}

/** Zero takes a limit away. */
function amounts({ cpu, memory }: Record<'cpu' | 'memory', string | undefined>): object | undefined {
  if (cpu === undefined && memory === undefined) return undefined;
  if (cpu !== undefined && !/^\d+(?:\.\d+)?$/.test(cpu)) throw new CliError(`invalid number of processors: ${cpu}`);
  const bytes = memory === undefined ? undefined : parseBytes(memory);
  if (memory !== undefined && bytes === undefined) throw new CliError(`invalid size: ${memory}`);
  return {
    ...(cpu !== undefined && { cpu: Number(cpu) === 0 ? null : `${Math.round(Number(cpu) * 1000)}m` }),
    ...(bytes !== undefined && { memory: bytes === 0 ? null : String(bytes) }),
  };
}
