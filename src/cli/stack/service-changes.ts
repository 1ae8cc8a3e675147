import type { Container } from '../../api/types/core-v1.ts';
import { parseBytes } from '../../delivery/compose/units.ts';
import { CliError } from '../errors.ts';
import type { StackService } from './stacks.ts';

/** Flags of `service update` that change the service. */
export interface ServiceFlags {
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
}

/** A service's workload as flags change it: a strategic merge patch. `now`: RFC 3339. Throws {@link CliError}. */
export function serviceChanges(service: StackService, flags: ServiceFlags, now: string): Record<string, unknown> {
  const [container] = service.deployment?.spec?.template.spec?.containers ?? [];
  const changed = containerChanges(container, flags);
  const template = {
    ...(flags.force && { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': now } } }),
    ...(Object.keys(changed).length > 0 && { spec: { containers: [{ name: container?.name, ...changed }] } }),
  };
  const labels = {
    ...Object.fromEntries((flags.labelAdd ?? []).map((text) => pairOf(text))),
    ...Object.fromEntries((flags.labelRm ?? []).map((name) => [name, null])),
  };
  return {
    // As deploy.labels of a file: Docker's labels may be any text.
    ...(Object.keys(labels).length > 0 && { metadata: { annotations: labels } }),
    spec: { template, ...(flags.replicas !== undefined && { replicas: countOf(flags.replicas) }) },
  };
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
  return {
    ...(flags.image !== undefined && { image: flags.image }),
    ...(flags.args !== undefined && { args: flags.args.split(/\s+/).filter((word) => word !== '') }),
    ...(env.length > 0 && { env }),
    ...((resources.limits ?? resources.requests) && { resources }),
  };
}

function pairOf(text: string, otherwise: NodeJS.ProcessEnv = {}): [name: string, value: string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, otherwise[text] ?? ''] : [text.slice(0, at), text.slice(at + 1)];
}

function countOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new CliError(`invalid argument "${text}" for "--replicas": it is a whole number`);
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
