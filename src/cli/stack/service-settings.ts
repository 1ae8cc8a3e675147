import { restartAnnotation } from '../../api/agent-requests.ts';
import { type ContainerSettings, containerSettingsAnnotation } from '../../api/container-settings.ts';
import type { PodDNSConfig, PodSpec } from '../../api/types/core-v1.ts';
import { networkLabelDomain, objectName } from '../../delivery/compose/translate/names.ts';
import { CliError } from '../errors.ts';
import type { StackService } from './stacks.ts';

/** Flags of `service update` about what pods have no field for, and about names and networks. */
export interface SettingsFlags {
  limitPids?: string;
  ulimitAdd?: string[];
  ulimitRm?: string[];
  oomScoreAdj?: string;
  restartCondition?: string;
  restartMaxAttempts?: string;
  init?: boolean;
  sysctlAdd?: string[];
  sysctlRm?: string[];
  dnsAdd?: string[];
  dnsRm?: string[];
  dnsSearchAdd?: string[];
  dnsSearchRm?: string[];
  dnsOptionAdd?: string[];
  dnsOptionRm?: string[];
  networkAdd?: string[];
  networkRm?: string[];
}

function invalid(flag: string, text: string, why: string): CliError {
  return new CliError(`invalid argument "${text}" for "--${flag}": ${why}`);
}

/** The annotation with what containers have no field for, from what it was: a part of a patch of the template. */
export function settingsAnnotation(before: string | undefined, flags: SettingsFlags): Record<string, string> {
  const { limitPids, ulimitAdd = [], ulimitRm = [], oomScoreAdj: score } = flags;
  if (limitPids === undefined && score === undefined && ulimitAdd.length + ulimitRm.length === 0) return {};
  const { pidsLimit, ulimits, ...settings } = JSON.parse(before ?? '{}') as ContainerSettings;
  const limits = new Map(Object.entries(ulimits ?? {}));
  for (const name of ulimitRm) limits.delete(name);
  for (const text of ulimitAdd) {
    const [, name = '', soft, hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
    if (soft === undefined) throw invalid('ulimit-add', text, 'it is TYPE=SOFT[:HARD]');
    limits.set(name, { soft: Number(soft), hard: Number(hard) });
  }
  if (limitPids !== undefined && !/^\d+$/.test(limitPids))
    throw invalid('limit-pids', limitPids, 'it is a whole number');
  if (score !== undefined && !(/^\d+$/.test(score) && Number(score) <= 1000))
    throw invalid('oom-score-adj', score, 'it is a number from 0 to 1000');
  const pids = limitPids === undefined ? pidsLimit : Number(limitPids) || undefined;
  const changed: ContainerSettings = {
    ...settings,
    ...(pids !== undefined && { pidsLimit: pids }),
    ...(limits.size > 0 && { ulimits: Object.fromEntries(limits) }),
    ...(score !== undefined && { oomScoreAdj: Number(score) }),
  };
  return { [containerSettingsAnnotation]: JSON.stringify(changed) };
}

/** What becomes of containers that end: `any` starts them again whenever they do, as pods are without the annotation. */
export function restartChange(flags: SettingsFlags): Record<string, string | null> {
  const { restartCondition: condition, restartMaxAttempts: attempts } = flags;
  if (attempts !== undefined && condition !== 'on-failure')
    throw new CliError('--restart-max-attempts is of failures: give --restart-condition on-failure as well');
  if (attempts !== undefined && !/^\d+$/.test(attempts))
    throw invalid('restart-max-attempts', attempts, 'it is a whole number');
  switch (condition) {
    case undefined:
      return {};
    case 'any':
      return { [restartAnnotation]: null };
    case 'none':
      return { [restartAnnotation]: 'never' };
    case 'on-failure':
      return { [restartAnnotation]: attempts === undefined ? 'on-failure' : `on-failure:${attempts}` };
    default:
      throw invalid('restart-condition', condition, 'it is none, on-failure or any');
  }
}

/** Parts of a patch of the pod: its names, the kernel's settings, the process that reaps others. */
export function podSettings(pod: PodSpec | undefined, flags: SettingsFlags): Record<string, unknown> {
  const { init, sysctlAdd = [], sysctlRm = [] } = flags;
  const sysctls = [
    ...sysctlAdd.map((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
      if (name === undefined) throw invalid('sysctl-add', text, 'it is NAME=VALUE');
      return { name, value };
    }),
  ];
  const names = new Set([...sysctlRm, ...sysctls.map(({ name }) => name)]);
  const kept = (pod?.securityContext?.sysctls ?? []).filter(({ name }) => !names.has(name));
  const dnsConfig = dnsChange(pod?.dnsConfig, flags);
  return {
    ...(init !== undefined && { shareProcessNamespace: init || null }),
    ...(names.size > 0 && { securityContext: { sysctls: [...kept, ...sysctls] } }),
    ...(dnsConfig && { dnsConfig }),
  };
}

/** Whole lists: a patch would put the new ones in place of those that are there. */
function dnsChange(current: PodDNSConfig | undefined, flags: SettingsFlags): Record<string, unknown> | undefined {
  const changed = (before: readonly string[] = [], added: readonly string[] = [], removed: readonly string[] = []) =>
    added.length + removed.length === 0
      ? undefined
      : [...new Set([...before.filter((each) => !removed.includes(each)), ...added])];
  const nameservers = changed(current?.nameservers, flags.dnsAdd, flags.dnsRm);
  const searches = changed(current?.searches, flags.dnsSearchAdd, flags.dnsSearchRm);
  const text = ({ name = '', value }: { name?: string; value?: string }): string =>
    value === undefined ? name : `${name}:${value}`;
  const words = changed(current?.options?.map(text), flags.dnsOptionAdd, flags.dnsOptionRm);
  const options = words?.map((word) => {
    const [name = '', value] = word.split(':');
    return value === undefined ? { name } : { name, value };
  });
  const dnsConfig = {
    ...(nameservers && { nameservers }),
    ...(searches && { searches }),
    ...(options && { options: [{ $patch: 'replace' }, ...options] }),
  };
  return Object.keys(dnsConfig).length > 0 ? dnsConfig : undefined;
}

/** The networks that a service is to be in from now on, by the names that its project has for them. */
export function addedNetworks({ stack }: Pick<StackService, 'stack'>, { networkAdd = [] }: SettingsFlags): string[] {
  return networkAdd.map((text) => keyOf(stack, text, 'network-add'));
}

/** The labels by which the policies of networks find the service's pods. */
export function networkLabelChanges(
  { stack }: Pick<StackService, 'stack'>,
  flags: SettingsFlags,
): Record<string, string | null> {
  const label = (key: string): string => `${networkLabelDomain}/${objectName(`${stack}_${key}`)}`;
  return {
    ...Object.fromEntries((flags.networkRm ?? []).map((text) => [label(keyOf(stack, text, 'network-rm')), null])),
    ...Object.fromEntries(addedNetworks({ stack }, flags).map((key) => [label(key), 'true'])),
  };
}

/** By its name in the file, or by Swarm's, which begins with the stack's. */
function keyOf(stack: string, text: string, flag: string): string {
  if (text.includes('=')) throw invalid(flag, text, 'it is the name of a network');
  return text.startsWith(`${stack}_`) ? text.slice(stack.length + 1) : text;
}

/** Flags of Docker's that nothing here can do, and why. */
export const refusedFlags: Readonly<Record<string, string>> = {
  'log-driver <driver>': 'logs are kept by the node',
  'log-opt <option>': 'logs are kept by the node',
  'isolation <isolation>': 'it is of Windows',
  'credential-spec <spec>': 'it is of Windows',
  'generic-resource-add <resource>': "pods ask for devices by their plugin's name: deploy.resources in a file",
  'generic-resource-rm <resource>': "pods ask for devices by their plugin's name: deploy.resources in a file",
  'placement-pref-add <preference>': 'it is deploy.placement in the file of a stack',
  'placement-pref-rm <preference>': 'it is deploy.placement in the file of a stack',
  'replicas-max-per-node <count>': 'it is deploy.placement in the file of a stack',
  'endpoint-mode <mode>': 'it is deploy.endpoint_mode in the file of a stack',
  'max-concurrent <count>': 'what runs once is not changed',
  'stop-signal <signal>': 'it is stop_signal in the file of a stack',
  'restart-delay <duration>': 'the node waits longer each time, up to five minutes',
  'restart-window <duration>': 'the node counts without one',
  'update-failure-action <action>': 'it is deploy.update_config in the file of a stack',
  'update-monitor <duration>': 'it is deploy.update_config in the file of a stack',
  'update-max-failure-ratio <ratio>': 'an update that fails for one container stops',
  'rollback-delay <duration>': 'a rollback goes as an update does',
  'rollback-failure-action <action>': 'a rollback goes as an update does',
  'rollback-max-failure-ratio <ratio>': 'a rollback goes as an update does',
  'rollback-monitor <duration>': 'a rollback goes as an update does',
  'rollback-order <order>': 'a rollback goes as an update does',
  'rollback-parallelism <count>': 'a rollback goes as an update does',
};
