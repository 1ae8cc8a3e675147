import { deviceLimits, type ContainerSettings, type DeviceRate } from '../../../api/container-settings.ts';
import type { Mount, Service } from '../model.ts';
import { fileOwnersOf } from './files.ts';
import { healthStartPeriod, imageHealthcheckChanges } from './probes.ts';
import type { ServiceScope } from './scope.ts';
import { joinsOf } from './shared-namespaces.ts';
import { anonymousVolumesOf } from './volumes.ts';

/** What a service says of its containers and pods have no field for: the agents of local clusters go by it. */
export function containerSettingsOf(scope: ServiceScope): ContainerSettings | undefined {
  const { service, options } = scope;
  checkOomScore(scope);
  const limits: ContainerSettings = {
    ulimits: ulimitsOf(service.ulimits),
    pidsLimit: pidsLimitOf(service),
    cpuset: service.cpuset || undefined,
    oomScoreAdj: service.oom_score_adj,
    deviceRates: deviceRatesOf(service),
    groups: some((service.group_add ?? []).filter((group) => !/^\d+$/.test(group))),
  };
  const joins = joinsOf(scope);
  if (options.isLocal === false) {
    refuseElsewhere(scope, limits);
    return undefined;
  }
  const settings: ContainerSettings = {
    ...limits,
    anonymousVolumes: options.swarm || options.isOneOff ? undefined : anonymousVolumesOf(scope),
    filledFromImage: some((service.volumes ?? []).filter(isFilled).map(({ target }) => target)),
    fileOwners: fileOwnersOf(scope),
    imageHealthcheck: imageHealthcheckChanges(service),
    healthStartPeriod: healthStartPeriod(service),
    joins,
  };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return given.length > 0 ? Object.fromEntries(given) : undefined;
}

function checkOomScore({ service: { oom_score_adj: score = 0 }, problems, at }: ServiceScope): void {
  if (score < 0) problems.refuse(at('oom_score_adj'), 'a node must be able to save itself: 0 to 1000');
}

const keys = {
  ulimits: ['ulimits'],
  pidsLimit: ['pids_limit'],
  cpuset: ['cpuset'],
  oomScoreAdj: ['oom_score_adj'],
  deviceRates: ['blkio_config'],
  groups: ['group_add'],
} as const satisfies Partial<Record<keyof ContainerSettings, readonly string[]>>;

function refuseElsewhere({ service, problems, at }: ServiceScope, limits: ContainerSettings): void {
  for (const [name, path] of Object.entries(keys) as [keyof typeof keys, readonly string[]][]) {
    if (limits[name] === undefined) continue;
    const isOfDeploy = name === 'pidsLimit' && service.pids_limit === undefined;
    const where = isOfDeploy ? ['deploy', 'resources', 'limits', 'pids'] : path;
    problems.refuse(at(...where), "pods have no field for it, and this cluster's nodes do not know the annotation");
  }
}

/** A number is both limits. Undefined for none. */
export function ulimitsOf(ulimits: Service['ulimits'] = {}): ContainerSettings['ulimits'] {
  const limits = Object.entries(ulimits).map(([name, limit]) => {
    const both = typeof limit === 'number' ? { soft: limit, hard: limit } : { soft: limit.soft, hard: limit.hard };
    return [name, both] as const;
  });
  return limits.length > 0 ? Object.fromEntries(limits) : undefined;
}

/** -1 (and 0, as docker has it) is no limit. */
function pidsLimitOf({ pids_limit: own, deploy }: Service): number | undefined {
  const limit = own ?? deploy?.resources?.limits?.pids;
  return limit !== undefined && limit > 0 ? limit : undefined;
}

function deviceRatesOf({ blkio_config: config }: Service): ContainerSettings['deviceRates'] {
  const rates = deviceLimits.flatMap((limit) => {
    const given = config?.[`device_${limit}`] as DeviceRate[] | undefined;
    return given?.length ? [[limit, given.map(({ path, rate }) => ({ path, rate: Number(rate) }))] as const] : [];
  });
  return rates.length > 0 ? Object.fromEntries(rates) : undefined;
}

function isFilled({ type, read_only: isReadOnly, volume }: Mount): boolean {
  return type === 'volume' && !isReadOnly && !volume?.nocopy && volume?.subpath === undefined;
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}
