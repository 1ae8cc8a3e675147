import { containerSettingsAnnotation } from '../../api/container-settings.ts';
import type { Container, NodeSelectorRequirement, PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { Healthcheck } from '../../delivery/compose/model.ts';
import { placementOf } from '../../delivery/compose/translate/placement.ts';
import { probesOf, seconds } from '../../delivery/compose/translate/probes.ts';
import { parseDuration } from '../../delivery/compose/units.ts';
import { CliError } from '../errors.ts';
import { translated } from './service-model.ts';
import type { StackService } from './stacks.ts';

export interface HealthFlags {
  healthCmd?: string;
  healthInterval?: string;
  healthTimeout?: string;
  healthRetries?: string;
  healthStartPeriod?: string;
  healthStartInterval?: string;
  healthcheck?: boolean;
}

export interface ConstraintFlags {
  constraintAdd?: string[];
  constraintRm?: string[];
}

/** Requirements of nodes after a change of constraints, as a part of a patch of the pod. */
export function constraintChanges(
  service: StackService,
  { constraintAdd = [], constraintRm = [] }: ConstraintFlags,
): Record<string, unknown> {
  if (constraintAdd.length + constraintRm.length === 0) return {};
  const current = requirementsOf(service.template?.spec?.affinity);
  const removed = constraintRm.flatMap((text) => requirementOf(service, text)).map((each) => JSON.stringify(each));
  const added = constraintAdd.flatMap((text) => requirementOf(service, text));
  const left = [...current, ...added].filter((each) => !removed.includes(JSON.stringify(each)));
  const unique = [...new Map(left.map((each) => [JSON.stringify(each), each])).values()];
  const required = { nodeSelectorTerms: [{ matchExpressions: unique }] };
  const nodeAffinity = unique.length > 0 ? { requiredDuringSchedulingIgnoredDuringExecution: required } : null;
  return { affinity: { nodeAffinity } };
}

function requirementOf(service: StackService, text: string): NodeSelectorRequirement[] {
  const placement = { constraints: [text] };
  return requirementsOf(translated(service, { deploy: { placement } }, (scope) => placementOf(scope)).affinity);
}

type Affinity = NonNullable<PodTemplateSpec['spec']>['affinity'];

function requirementsOf(affinity: Affinity): NodeSelectorRequirement[] {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (required?.nodeSelectorTerms ?? []).flatMap(({ matchExpressions = [] }) => matchExpressions);
}

const timing = {
  interval: 'healthInterval',
  timeout: 'healthTimeout',
  start_period: 'healthStartPeriod',
  start_interval: 'healthStartInterval',
} as const;

/** What flags say of a healthcheck; empty for nothing. Throws {@link CliError}. */
export function givenHealthcheck(flags: HealthFlags): Healthcheck {
  const given: Healthcheck = {};
  for (const [key, flag] of Object.entries(timing) as [keyof typeof timing, (typeof timing)[keyof typeof timing]][]) {
    const text = flags[flag];
    if (text === undefined) continue;
    if (parseDuration(text) === undefined) throw new CliError(`invalid argument "${text}" for "${named(flag)}"`);
    given[key] = text;
  }
  if (flags.healthRetries !== undefined) {
    if (!/^\d+$/.test(flags.healthRetries))
      throw new CliError(`invalid argument "${flags.healthRetries}" for "--health-retries"`);
    given.retries = Number(flags.healthRetries);
  }
  if (flags.healthCmd !== undefined) given.test = ['CMD-SHELL', flags.healthCmd];
  if (flags.healthcheck === false && Object.keys(given).length > 0)
    throw new CliError('--no-healthcheck conflicts with --health-* options');
  return given;
}

/** Probes after a change of the healthcheck, as a part of a patch of the container. Throws {@link CliError}. */
export function healthChanges(service: StackService, flags: HealthFlags): Record<string, unknown> {
  const isOff = flags.healthcheck === false;
  const given = givenHealthcheck(flags);
  const isChanged = Object.keys(given).length > 0;
  if (isOff) return { readinessProbe: null, livenessProbe: null };
  if (!isChanged) return {};
  const current = healthcheckOf(service.template?.spec?.containers[0]);
  if (!current && !given.test) {
    throw new CliError(`${service.stack}_${service.service} has no healthcheck of its own to change`, {
      hint: 'Give it one: --health-cmd COMMAND',
    });
  }
  const probes = translated(service, { healthcheck: { ...current, ...given } }, (scope) => probesOf(scope));
  // Of a probe that was there before, nothing stays.
  return {
    readinessProbe: { $patch: 'replace', ...probes.readinessProbe },
    livenessProbe: { $patch: 'replace', ...probes.livenessProbe },
  };
}

/** What the image says of its health counts no more once the service says something itself: its annotation, changed. */
export function healthAnnotation(service: StackService, flags: HealthFlags): Record<string, string> {
  const { healthcheck, healthCmd, healthStartPeriod: start } = flags;
  if (healthcheck !== false && healthCmd === undefined && start === undefined) return {};
  const text = service.template?.metadata?.annotations?.[containerSettingsAnnotation] ?? '{}';
  const { imageHealthcheck: _, ...settings } = JSON.parse(text) as Record<string, unknown>;
  const changed = { ...settings, ...(start !== undefined && { healthStartPeriod: seconds(start) }) };
  return { [containerSettingsAnnotation]: JSON.stringify(changed) };
}

/** What probes ask, as a file would say it. */
export function healthcheckOf({ readinessProbe: probe, livenessProbe }: Partial<Container> = {}):
  Healthcheck | undefined {
  if (!probe?.exec?.command) return undefined;
  const text = (count: number | undefined): string | undefined => (count === undefined ? undefined : `${count}s`);
  const [interval, timeout, start] = [
    probe.periodSeconds,
    probe.timeoutSeconds,
    livenessProbe?.initialDelaySeconds,
  ].map((each) => text(each));
  return {
    test: ['CMD', ...probe.exec.command],
    ...(interval !== undefined && { interval }),
    ...(timeout !== undefined && { timeout }),
    ...(probe.failureThreshold !== undefined && { retries: probe.failureThreshold }),
    ...(start !== undefined && { start_period: start }),
  };
}

function named(flag: string): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
