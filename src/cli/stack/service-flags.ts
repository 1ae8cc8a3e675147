import { readFileSync } from 'node:fs';
import type { Deploy, FileReference, Mount, Resources, Service, UpdateConfig } from '../../delivery/compose/model.ts';
import { shellWords } from '../../delivery/compose/short-syntax.ts';
import { parseBytes, parseDuration } from '../../delivery/compose/units.ts';
import { CliError } from '../errors.ts';
import { csvFields } from './csv-fields.ts';
import { givenHealthcheck, type HealthFlags } from './service-parts.ts';
import { portsOf } from './service-ports.ts';

/** Flags of `service create`, as `docker service create` has them. */
export interface CreateFlags extends HealthFlags {
  mode?: string;
  replicas?: string;
  replicasMaxPerNode?: string;
  publish?: string[];
  env?: string[];
  envFile?: string[];
  mount?: string[];
  secret?: string[];
  config?: string[];
  network?: string[];
  constraint?: string[];
  placementPref?: string[];
  limitCpu?: string;
  limitMemory?: string;
  limitPids?: string;
  reserveCpu?: string;
  reserveMemory?: string;
  restartCondition?: string;
  restartDelay?: string;
  restartMaxAttempts?: string;
  restartWindow?: string;
  updateParallelism?: string;
  updateDelay?: string;
  updateOrder?: string;
  updateMonitor?: string;
  updateFailureAction?: string;
  updateMaxFailureRatio?: string;
  rollbackParallelism?: string;
  rollbackDelay?: string;
  rollbackOrder?: string;
  rollbackMonitor?: string;
  rollbackFailureAction?: string;
  rollbackMaxFailureRatio?: string;
  label?: string[];
  containerLabel?: string[];
  hostname?: string;
  user?: string;
  workdir?: string;
  entrypoint?: string;
  stopSignal?: string;
  stopGracePeriod?: string;
  endpointMode?: string;
  capAdd?: string[];
  capDrop?: string[];
  group?: string[];
  host?: string[];
  dns?: string[];
  dnsSearch?: string[];
  dnsOption?: string[];
  sysctl?: string[];
  ulimit?: string[];
  init?: boolean;
  readOnly?: boolean;
  tty?: boolean;
  oomScoreAdj?: string;
  logDriver?: string;
  logOpt?: string[];
}

/**
 * What a Compose file would say of the service. `environment` is what `--env NAME` is taken from. Throws {@link CliError}
 * for values that there cannot be.
 */
export function serviceOf(
  { image, command }: { image: string; command: readonly string[] },
  flags: CreateFlags,
  environment: NodeJS.ProcessEnv,
): Service {
  const given = givenHealthcheck(flags);
  const healthcheck = flags.healthcheck === false ? { disable: true } : given;
  return withoutUndefined({
    image,
    command: command.length > 0 ? [...command] : undefined,
    entrypoint: flags.entrypoint === undefined ? undefined : shellWords(flags.entrypoint),
    environment: environmentOf(flags, environment),
    deploy: deployOf(flags),
    healthcheck: Object.keys(healthcheck).length > 0 ? healthcheck : undefined,
    ports: listOf(flags.publish, (text) => portsOf(text, 'publish'))?.flat(),
    volumes: listOf(flags.mount, mountOf),
    secrets: listOf(flags.secret, (text) => referenceOf(text, 'secret')),
    configs: listOf(flags.config, (text) => referenceOf(text, 'config')),
    networks: networksOf(flags.network),
    labels: pairsOf(flags.containerLabel),
    hostname: flags.hostname,
    user: flags.user,
    working_dir: flags.workdir,
    stop_signal: flags.stopSignal,
    stop_grace_period: duration(flags.stopGracePeriod, 'stop-grace-period'),
    cap_add: flags.capAdd,
    cap_drop: flags.capDrop,
    group_add: flags.group,
    extra_hosts: listOf(flags.host, hostOf),
    dns: flags.dns,
    dns_search: flags.dnsSearch,
    dns_opt: flags.dnsOption,
    sysctls: pairsOf(flags.sysctl),
    ulimits: ulimitsOf(flags.ulimit),
    init: flags.init,
    read_only: flags.readOnly,
    tty: flags.tty,
    oom_score_adj: flags.oomScoreAdj === undefined ? undefined : number(flags.oomScoreAdj, 'oom-score-adj', /^-?\d+$/),
    logging:
      flags.logDriver === undefined && flags.logOpt === undefined
        ? undefined
        : withoutUndefined({ driver: flags.logDriver, options: pairsOf(flags.logOpt) }),
  });
}

type Optional<T> = { [K in keyof T]: T[K] | undefined };

function withoutUndefined<T extends object>(given: Optional<T>): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}

function invalid(flag: string, text: string, why: string): CliError {
  return new CliError(`invalid argument "${text}" for "--${flag}": ${why}`);
}

function listOf<T>(texts: readonly string[] | undefined, read: (text: string) => T): T[] | undefined {
  return texts?.map((text) => read(text));
}

/** `NAME=VALUE`; a name alone has no value. */
function pairsOf(texts: readonly string[] | undefined): Record<string, string> | undefined {
  return (
    texts &&
    Object.fromEntries(texts.map((text) => [text.split('=')[0], text.slice(text.indexOf('=') + 1 || Infinity)]))
  );
}

function number(text: string, flag: string, shape = /^\d+$/): number {
  if (shape.test(text)) return Number(text);
  throw invalid(flag, text, 'it is a number');
}

function duration(text: string | undefined, flag: string): string | undefined {
  if (text !== undefined && parseDuration(text) === undefined) throw invalid(flag, text, 'it is no duration, like 10s');
  return text;
}

/** As Docker reads files of variables: lines of NAME=VALUE, or of NAME for one of the shell's; `#` begins a comment. */
function environmentOf(
  { env, envFile }: CreateFlags,
  environment: NodeJS.ProcessEnv,
): Record<string, string | null> | undefined {
  const lines = (envFile ?? []).flatMap((file) => readLines(file));
  const all = [...lines, ...(env ?? [])];
  if (all.length === 0) return undefined;
  const pairs = all.map((text): [string, string | undefined] => {
    const at = text.indexOf('=');
    const name = at < 0 ? text : text.slice(0, at);
    if (name === '') throw invalid('env', text, 'a variable has a name');
    return [name, at < 0 ? environment[name] : text.slice(at + 1)];
  });
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

function readLines(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(
      `open ${file}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : String(error)}`,
      {
        cause: error,
      },
    );
  }
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

const modes = ['replicated', 'global', 'replicated-job', 'global-job'];

function deployOf(flags: CreateFlags): Deploy {
  const { mode = 'replicated', replicas, constraint, placementPref, replicasMaxPerNode, label, endpointMode } = flags;
  if (!modes.includes(mode)) throw invalid('mode', mode, `it is one of ${modes.join(', ')}`);
  if (replicas !== undefined && mode.startsWith('global')) {
    throw new CliError('replicas can only be used with replicated or replicated-job mode');
  }
  const preferences = listOf(placementPref, (text) => {
    const [, spread] = /^spread=(.+)$/.exec(text) ?? [];
    if (spread === undefined) throw invalid('placement-pref', text, 'it is spread=node.labels.NAME');
    return { spread };
  });
  const placement = withoutUndefined({
    ...{ constraints: constraint, preferences },
    max_replicas_per_node:
      replicasMaxPerNode === undefined ? undefined : number(replicasMaxPerNode, 'replicas-max-per-node'),
  });
  return withoutUndefined({
    mode,
    replicas: replicas === undefined ? undefined : number(replicas, 'replicas'),
    labels: pairsOf(label),
    endpoint_mode: endpointMode,
    placement: Object.keys(placement).length > 0 ? placement : undefined,
    resources: resourcesOf(flags),
    restart_policy: restartOf(flags),
    // What is left open is done so that somebody answers all the time, as `stack deploy` does it.
    update_config: mode.endsWith('-job') ? undefined : { order: 'start-first', ...updateOf(flags, 'update') },
    rollback_config: updateOf(flags, 'rollback'),
  });
}

function resourcesOf(flags: CreateFlags): Deploy['resources'] {
  const amounts = (kind: 'limit' | 'reserve', cpu?: string, memory?: string, pids?: string): Resources | undefined => {
    const bytes = memory === undefined ? undefined : parseBytes(memory);
    if (memory !== undefined && bytes === undefined) throw invalid(`${kind}-memory`, memory, 'it is a size, like 512m');
    const found = withoutUndefined({
      cpus: cpu === undefined ? undefined : number(cpu, `${kind}-cpu`, /^\d*\.?\d+$/),
      memory: bytes === undefined ? undefined : String(bytes),
      pids: pids === undefined ? undefined : number(pids, `${kind}-pids`),
    });
    return Object.keys(found).length > 0 ? found : undefined;
  };
  const limits = amounts('limit', flags.limitCpu, flags.limitMemory, flags.limitPids);
  const reservations = amounts('reserve', flags.reserveCpu, flags.reserveMemory);
  return limits || reservations ? withoutUndefined({ limits, reservations }) : undefined;
}

function restartOf(flags: CreateFlags): Deploy['restart_policy'] {
  const { restartCondition: condition, restartDelay, restartMaxAttempts: attempts, restartWindow } = flags;
  if (condition !== undefined && !['none', 'on-failure', 'any'].includes(condition)) {
    throw invalid('restart-condition', condition, 'it is none, on-failure or any');
  }
  const policy = withoutUndefined({
    condition,
    delay: duration(restartDelay, 'restart-delay'),
    max_attempts: attempts === undefined ? undefined : number(attempts, 'restart-max-attempts'),
    window: duration(restartWindow, 'restart-window'),
  });
  return Object.keys(policy).length > 0 ? policy : undefined;
}

function updateOf(flags: CreateFlags, kind: 'update' | 'rollback'): UpdateConfig | undefined {
  const { [`${kind}Parallelism` as const]: parallelism, [`${kind}MaxFailureRatio` as const]: ratio } = flags;
  const order = (['start-first', 'stop-first'] as const).find((each) => each === flags[`${kind}Order`]);
  const text = flags[`${kind}Order`];
  if (order === undefined && text !== undefined) {
    throw invalid(`${kind}-order`, text, 'it is start-first or stop-first');
  }
  const update = withoutUndefined({
    parallelism: parallelism === undefined ? undefined : number(parallelism, `${kind}-parallelism`),
    delay: duration(flags[`${kind}Delay`], `${kind}-delay`),
    monitor: duration(flags[`${kind}Monitor`], `${kind}-monitor`),
    failure_action: flags[`${kind}FailureAction`],
    max_failure_ratio: ratio === undefined ? undefined : number(ratio, `${kind}-max-failure-ratio`, /^\d*\.?\d+$/),
    order,
  });
  return Object.keys(update).length > 0 ? update : undefined;
}

/** `type=volume,source=data,target=/data,readonly`, as a file's long syntax. */
function mountOf(text: string): Mount {
  const fail = (why: string): CliError => invalid('mount', text, why);
  const {
    type = 'volume',
    source,
    src = source,
    target,
    destination,
    dst,
    readonly,
    ro,
    ...rest
  } = csvFields(text, fail);
  const path = target ?? destination ?? dst;
  if (type !== 'volume' && type !== 'bind' && type !== 'tmpfs') {
    throw fail(`invalid mount type ${type}: it is volume, bind or tmpfs`);
  }
  if (path === undefined) throw fail('target is required');
  if (!path.startsWith('/')) throw fail(`invalid mount target, must be an absolute path: ${path}`);
  if (type === 'bind' && src === undefined) throw fail('type is bind, source is required');
  if (type === 'tmpfs' && src !== undefined) throw fail('cannot specify source for tmpfs');
  const { 'tmpfs-size': size, 'tmpfs-mode': mode, 'volume-nocopy': nocopy, 'volume-subpath': subpath } = rest;
  const propagation = rest['bind-propagation'];
  const known = {
    volume: ['volume-nocopy', 'volume-subpath'],
    bind: ['bind-propagation'],
    tmpfs: ['tmpfs-size', 'tmpfs-mode'],
  };
  const other = Object.keys(rest).find((key) => !known[type].includes(key));
  if (other !== undefined) throw fail(`mounts of type ${type} have no field ${other} here`);
  const isReadOnly = ['true', '1'].includes(readonly ?? ro ?? '');
  return withoutUndefined<Mount>({
    ...{ type, source: src, target: path, read_only: isReadOnly || undefined },
    bind: propagation === undefined ? undefined : { propagation },
    volume:
      nocopy === undefined && subpath === undefined
        ? undefined
        : withoutUndefined({ nocopy: nocopy === 'true' || undefined, subpath }),
    tmpfs:
      size === undefined && mode === undefined
        ? undefined
        : withoutUndefined({ size, mode: mode === undefined ? undefined : Number.parseInt(mode, 8) }),
  });
}

function referenceOf(text: string, flag: 'secret' | 'config'): FileReference {
  const fail = (why: string): CliError => invalid(flag, text, why);
  const {
    source,
    src = source,
    target,
    uid,
    gid,
    mode,
    ...others
  } = text.includes('=') ? csvFields(text, fail) : ({ source: text } as Record<string, string>);
  const [other] = Object.keys(others);
  if (other !== undefined) throw fail(`invalid field key ${other}`);
  if (src === undefined || src === '') throw fail('source is required');
  if (mode !== undefined && !/^[0-7]{1,4}$/.test(mode)) throw fail(`invalid mode specified: ${mode}`);
  return withoutUndefined({ source: src, target, uid, gid, mode });
}

/** Without a network of its own a service is in the one that all such services share. */
function networksOf(texts: readonly string[] = ['default']): Service['networks'] {
  const entries = texts.map((text): [string, { aliases?: string[] } | null] => {
    if (!text.includes('=')) return [text, null];
    const fail = (why: string): CliError => invalid('network', text, why);
    const { name, alias, ...others } = csvFields(text, fail);
    const [other] = Object.keys(others);
    if (other !== undefined) throw fail(`networks of services have no ${other} here`);
    if (name === undefined) throw fail('name is required');
    return [name, alias === undefined ? null : { aliases: [alias] }];
  });
  return Object.fromEntries(entries);
}

function hostOf(text: string): string {
  const [, host, address] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (host === undefined) throw invalid('host', text, 'it is host:ip');
  return `${host}=${address}`;
}

function ulimitsOf(texts: readonly string[] | undefined): Service['ulimits'] {
  return (
    texts &&
    Object.fromEntries(
      texts.map((text) => {
        const [, name = '', soft, hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
        if (soft === undefined) throw invalid('ulimit', text, 'it is TYPE=SOFT[:HARD]');
        return [name, { soft: Number(soft), hard: Number(hard) }];
      }),
    )
  );
}
