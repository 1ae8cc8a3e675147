import { deviceLimits, type ContainerSettings, type DeviceRate } from '../api/container-settings.ts';

/** The parts of an OCI runtime specification (config.md, config-linux.md) that are looked at here. */
interface Spec {
  process?: Process;
  linux?: { resources?: Resources; [key: string]: unknown };
  [key: string]: unknown;
}
interface Process {
  rlimits?: { type: string; soft: number; hard: number }[];
  user?: { additionalGids?: number[]; [key: string]: unknown };
  oomScoreAdj?: number;
  [key: string]: unknown;
}
interface Resources {
  pids?: { limit: number };
  cpu?: Record<string, unknown>;
  blockIO?: Record<string, unknown>;
  [key: string]: unknown;
}

/** What settings come to on the node. */
export interface SpecChanges {
  settings: ContainerSettings;
  /** Numbers of {@link ContainerSettings.groups}. */
  gids: readonly number[];
  /** Of a device's path: its numbers. */
  deviceOf: (path: string) => { major: number; minor: number };
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
  const linux = { ...spec.linux, resources: { ...spec.linux?.resources, ...resourcesOf(spec, changes) } };
  // Limits go up to 2^64 - 1, which JavaScript's numbers do not: they are written by hand.
  const rlimitsJson = `[${[...limits.values()].map(limitJson).join(',')}]`;
  const processJson = `{"rlimits":${rlimitsJson},${JSON.stringify(changed).slice(1)}`;
  return `{"process":${processJson},${JSON.stringify({ ...spec, linux }).slice(1)}`;
}

function processOf({ user }: Process, { settings, gids }: SpecChanges): Process {
  return {
    user: { ...user, ...(gids.length > 0 && { additionalGids: [...(user?.additionalGids ?? []), ...gids] }) },
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
