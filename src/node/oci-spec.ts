import {
  deviceLimits,
  type ContainerSettings,
  type DeviceRate,
  type SharedNamespace,
} from '../api/container-settings.ts';
import type { ProcessUser } from './runtime.ts';

/** The parts of an OCI runtime specification (config.md, config-linux.md) that are looked at here. */
interface Spec {
  process?: Process;
  mounts?: { destination: string; [key: string]: unknown }[];
  linux?: { resources?: Resources; namespaces?: { type: string; path?: string }[]; [key: string]: unknown };
  [key: string]: unknown;
}
interface Process {
  rlimits?: { type: string; soft: number; hard: number }[];
  user?: { uid?: number; gid?: number; additionalGids?: number[]; [key: string]: unknown };
  oomScoreAdj?: number;
  env?: string[];
  [key: string]: unknown;
}
interface Resources {
  pids?: { limit: number };
  cpu?: Record<string, unknown>;
  blockIO?: Record<string, unknown>;
  [key: string]: unknown;
}

/** A running container whose namespaces another one joins. */
export interface JoinedContainer {
  /** Of its first process. */
  pid: number;
  /** Its specification (JSON). */
  spec: string;
}

/** What settings come to on the node. */
export interface SpecChanges {
  settings: ContainerSettings;
  /** Numbers of {@link ContainerSettings.groups}. */
  gids: readonly number[];
  /** In place of the groups that the specification has. */
  strictGroups?: readonly number[] | undefined;
  /** Of a device's path: its numbers. */
  deviceOf: (path: string) => { major: number; minor: number };
  joins?: Partial<Record<SharedNamespace, JoinedContainer>>;
}

/** Whom a container's specification (JSON) has its first process run as; undefined: it does not say. */
export function userOf(json: string): ProcessUser | undefined {
  const user = (JSON.parse(json) as Spec).process?.user;
  if (!user) return undefined;
  const { uid = 0, gid = 0, additionalGids = [] } = user;
  return { uid, gid, groups: [...new Set([gid, ...additionalGids])] };
}

const throttles = {
  read_bps: 'throttleReadBpsDevice',
  read_iops: 'throttleReadIOPSDevice',
  write_bps: 'throttleWriteBpsDevice',
  write_iops: 'throttleWriteIOPSDevice',
} as const;

/** A container's specification (JSON) with its settings: pure. */
export function changedSpec(json: string, changes: SpecChanges): string {
  const { process = {}, ...spec } = JSON.parse(json) as Spec;
  const { settings } = changes;
  const { rlimits = [], ...rest } = process;
  const limits = new Map(rlimits.map((limit) => [limit.type, limit]));
  for (const [name, { soft, hard }] of Object.entries(settings.ulimits ?? {})) {
    const type = `RLIMIT_${name.toUpperCase()}`;
    limits.set(type, { type, soft, hard });
  }
  const changed = { ...rest, ...processOf(rest, changes) };
  const joined = joinedParts({ ...spec, process }, changes.joins ?? {});
  const linux = {
    ...spec.linux,
    ...joined.linux,
    resources: { ...spec.linux?.resources, ...resourcesOf(spec, changes) },
  };
  // Limits go up to 2^64 - 1, which JavaScript's numbers do not: they are written by hand.
  const rlimitsJson = `[${[...limits.values()].map(limitJson).join(',')}]`;
  const processJson = `{"rlimits":${rlimitsJson},${JSON.stringify({ ...changed, ...joined.process }).slice(1)}`;
  // A name would be given to the host that is shared.
  const { hostname, ...unnamed } = spec;
  const named = hostname === undefined || changes.joins?.network ? unnamed : spec;
  return `{"process":${processJson},${JSON.stringify({ ...named, ...joined.mounts, linux }).slice(1)}`;
}

/** Types of the specification's namespaces, each with its file under /proc/<pid>/ns. */
const namespaceFiles = {
  network: { network: 'net', uts: 'uts' },
  pid: { pid: 'pid' },
  ipc: { ipc: 'ipc' },
} as const satisfies Record<SharedNamespace, Record<string, string>>;

/** What containers see of a namespace in their files, and so have in common with it. */
const namespaceMounts: Readonly<Record<SharedNamespace, readonly string[]>> = {
  network: ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'],
  pid: [],
  ipc: ['/dev/shm'],
};

/** The parts of a specification that namespaces of other containers change. */
function joinedParts(
  { linux, mounts, process }: Spec,
  joins: NonNullable<SpecChanges['joins']>,
): { linux?: Pick<NonNullable<Spec['linux']>, 'namespaces'>; mounts?: Pick<Spec, 'mounts'>; process?: Process } {
  const kinds = Object.entries(joins) as [SharedNamespace, JoinedContainer][];
  if (kinds.length === 0) return {};
  const paths = new Map<string, string>();
  const shared = new Map<string, NonNullable<Spec['mounts']>[number]>();
  for (const [kind, { pid, spec }] of kinds) {
    for (const [type, file] of Object.entries(namespaceFiles[kind])) paths.set(type, `/proc/${pid}/ns/${file}`);
    for (const mount of (JSON.parse(spec) as Spec).mounts ?? []) {
      if (namespaceMounts[kind].includes(mount.destination)) shared.set(mount.destination, mount);
    }
  }
  const others = (linux?.namespaces ?? []).filter(({ type }) => !paths.has(type));
  const namespaces = [...others, ...[...paths].map(([type, path]) => ({ type, path }))];
  return {
    linux: { namespaces },
    mounts: { mounts: (mounts ?? []).map((mount) => shared.get(mount.destination) ?? mount) },
    process: joins.network && { env: withHostname(process?.env ?? [], joins.network) },
  };
}

/** The runtime tells containers their host's name by the environment as well, before what is theirs. */
function withHostname(env: readonly string[], { spec }: JoinedContainer): string[] {
  const isName = (text: string): boolean => text.startsWith('HOSTNAME=');
  const [name] = ((JSON.parse(spec) as Spec).process?.env ?? []).filter(isName);
  const index = env.findIndex(isName);
  return name === undefined || index < 0 ? [...env] : env.with(index, name);
}

function processOf({ user }: Process, { settings, gids, strictGroups }: SpecChanges): Process {
  const groups = [...(strictGroups ?? user?.additionalGids ?? []), ...gids];
  return {
    user: { ...user, ...((groups.length > 0 || strictGroups) && { additionalGids: groups }) },
    ...(settings.oomScoreAdj !== undefined && { oomScoreAdj: Math.max(0, settings.oomScoreAdj) }),
  };
}

function resourcesOf({ linux }: Spec, { settings, deviceOf }: SpecChanges): Resources {
  const { cpu, blockIO } = linux?.resources ?? {};
  const rates = deviceLimits.flatMap((limit) => {
    const given = settings.deviceRates?.[limit] ?? [];
    const entries = given.map(({ path, rate }: DeviceRate) => ({ ...deviceOf(path), rate }));
    return entries.length > 0 ? [[throttles[limit], entries] as const] : [];
  });
  return {
    ...(settings.pidsLimit !== undefined && { pids: { limit: settings.pidsLimit } }),
    ...(settings.cpuset !== undefined && { cpu: { ...cpu, cpus: settings.cpuset } }),
    ...(rates.length > 0 && { blockIO: { ...blockIO, ...Object.fromEntries(rates) } }),
  };
}

function limitJson({ type, soft, hard }: { type: string; soft: number; hard: number }): string {
  return `{"type":${JSON.stringify(type)},"soft":${limitText(soft)},"hard":${limitText(hard)}}`;
}

/** RLIM_INFINITY is what a file calls -1, and what a number that was too large for JavaScript has become. */
function limitText(limit: number): string {
  return limit < 0 || limit >= 2 ** 63 ? '18446744073709551615' : String(Math.trunc(limit));
}
