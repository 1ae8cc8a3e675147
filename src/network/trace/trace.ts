import type { Pod } from '../../api/types/core-v1.ts';
import { connectionStep, isGood, processStep } from './arrival-steps.ts';
import { endpointStep } from './endpoint-step.ts';
import {
  type Attempt,
  type Destination,
  endpointText,
  isPodOver,
  type Observations,
  type Source,
  type StepResult,
  titleOf,
  type Trace,
  type TraceFacts,
  type TracePlan,
  type TraceProblem,
} from './facts.ts';
import { nameStep } from './name-step.ts';
import { notReadyReason } from './not-ready.ts';
import { dnsDenial, type Namespaces, policyNamespaces, policyStep } from './policy-step.ts';
import { isLocalhost } from './ends.ts';
import { publishedPorts } from './published.ts';
import { serviceStep } from './service-step.ts';

export interface ExplainOptions {
  facts: TraceFacts;
  plan: TracePlan;
  seen: Observations;
  /** The port as typed. */
  askedPort: string | undefined;
  /** Where pods ask for names. */
  dnsAddresses: readonly string[];
}

/** Step by step what the packet meets, and what is wrong if it does not arrive. Pure. */
export function explainTrace(options: ExplainOptions): Trace {
  const { plan, facts } = options;
  const { source, destination } = plan;
  const start = sourceStep(source);
  const isUp = start.problems.length === 0;
  // The network of a pod is there before its processes: what was tried from it then shows nothing.
  const seen = isUp ? options.seen : { ...options.seen, attempts: [] };
  const namespaces = policyNamespaces(facts);
  const named = nameOf(plan, seen, { ...options, namespaces });
  const ways = destinationSteps(destination, plan, { ...options, seen });
  const results = [start, ...(named ? [named] : []), ...ways];
  if (plan.targets.length > 0) {
    const isWrongPort = ways.some(({ step, problems }) => step.title === 'Service' && problems.length > 0);
    results.push(policyStep(plan, namespaces));
    if (seen.routes.length > 0) results.push(routeStep(seen));
    // Nobody is to listen at a port that is not meant.
    const process = processStep(plan, seen);
    if (plan.targets.some(({ pod }) => pod)) results.push(isWrongPort ? { ...process, problems: [] } : process);
  }
  if (seen.blind === undefined && isUp && (plan.targets.length > 0 || seen.attempts.length > 0)) {
    results.push(connectionStep(plan, seen));
  }
  const problems = results.flatMap((result) => result.problems);
  const isLost = !isUp || named?.step.status === 'failed';
  return {
    from: source.kind === 'host' ? 'host' : titleOf(source.pod),
    to: destinationText(plan),
    works: isLost ? false : outcome(seen.attempts, plan, problems),
    steps: results.map(({ step }) => step),
    problems: problems.length === 0 && seen.attempts.some(isBad) ? [unexplained(plan, seen)] : problems,
  };
}

function nameOf(
  plan: TracePlan,
  { dns }: Observations,
  { facts, dnsAddresses, namespaces }: Pick<ExplainOptions, 'facts' | 'dnsAddresses'> & { namespaces: Namespaces },
): StepResult | undefined {
  const { source, destination } = plan;
  const name = destination.kind === 'service' || destination.kind === 'name' ? destination.name : undefined;
  // The host asks for names of services only when it was told to: then that was looked at.
  if (name === undefined || (source.kind === 'host' && destination.kind === 'service' && !dns)) return undefined;
  const denied = source.kind === 'pod' ? dnsDenial(source.pod, dnsAddresses, namespaces) : undefined;
  return nameStep(name, plan, facts, { dns, denied });
}

function destinationSteps(destination: Destination, plan: TracePlan, options: ExplainOptions): StepResult[] {
  const { facts, seen, askedPort } = options;
  switch (destination.kind) {
    case 'service': {
      const { service } = destination;
      const step = serviceStep(service, askedPort, plan, { ...seen, facts });
      return service.spec?.type === 'ExternalName' ? [step] : [step, endpointStep(service, plan, facts)];
    }
    case 'pod':
      return [podStep(destination.pod, plan, askedPort)];
    case 'address':
      return [addressStep(destination.ip, plan, facts)];
    case 'name':
      return [];
  }
}

function destinationText({ destination, port }: TracePlan): string {
  const suffix = port === undefined ? '' : `:${port}`;
  switch (destination.kind) {
    case 'service':
      return `service ${titleOf(destination.service)}${suffix}`;
    case 'pod':
      return `pod ${titleOf(destination.pod)}${suffix}`;
    case 'address':
      return `${destination.ip}${suffix}`;
    case 'name':
      return `${destination.name}${suffix}`;
  }
}

function sourceStep(source: Source): StepResult {
  const title = 'From';
  if (source.kind === 'host') {
    return {
      step: { title, status: 'ok', lines: [`the host${source.ip ? `, ${source.ip} on the cluster's bridge` : ''}`] },
      problems: [],
    };
  }
  const { pod } = source;
  const { status = {}, spec } = pod;
  const place = `${status.podIP ?? 'no address yet'} on ${spec?.nodeName ?? 'no node'}`;
  const lines = [
    `pod ${titleOf(pod)}, ${status.phase ?? 'Pending'}, ${place}${spec?.hostNetwork ? ' (host network)' : ''}`,
  ];
  const isUp = status.phase === 'Running' && status.podIP !== undefined;
  if (isUp) return { step: { title, status: 'ok', lines }, problems: [] };
  const reason = isPodOver(pod) ? `it has ended (${status.phase})` : notReadyReason(pod);
  return {
    step: { title, status: 'failed', lines },
    problems: [{ what: `pod ${titleOf(pod)} does not run: ${reason}` }],
  };
}

function addressStep(ip: string, { port }: TracePlan, { services }: TraceFacts): StepResult {
  const title = 'Address';
  const lines = [isLocalhost(ip) ? `${ip}: the host itself` : `${ip}: no pod and no service has it`];
  const problems: TraceProblem[] = [];
  if (port === undefined) problems.push({ what: 'no port is named', fix: 'Say ADDRESS:PORT.' });
  else if (isLocalhost(ip)) {
    const fix = `Published are ${publishedPorts(services).join(', ') || 'none'}.`;
    problems.push({ what: `no service is published at port ${port} of the host`, fix });
  }
  return { step: { title, status: problems.length > 0 ? 'failed' : 'ok', lines }, problems };
}

/** A pod that is connected to without a service. */
function podStep(pod: Pod, { port }: TracePlan, asked: string | undefined): StepResult {
  const title = 'Pod';
  const { status = {}, spec } = pod;
  const lines = [
    `${titleOf(pod)}, ${status.phase ?? 'Pending'}, ${status.podIP ?? 'no address'} on ${spec?.nodeName ?? 'no node'}`,
  ];
  const problems: TraceProblem[] = [];
  if (status.phase !== 'Running') {
    problems.push({ what: `pod ${titleOf(pod)} does not run: ${isPodOver(pod) ? status.phase : notReadyReason(pod)}` });
  } else if (port === undefined) {
    const what = `pod ${titleOf(pod)} declares no port${asked === undefined ? '' : ` named ${asked}`}`;
    problems.push({ what, fix: 'Say which by its number: POD:PORT.' });
  }
  return { step: { title, status: problems.length > 0 ? 'failed' : 'ok', lines }, problems };
}

function routeStep({ routes }: Observations): StepResult {
  const lines = routes.map(({ where, route }) => `${where}: ${route}`);
  const lost = routes.find(({ route }) => route.startsWith('unreachable'));
  if (!lost) return { step: { title: 'Route', status: 'ok', lines }, problems: [] };
  const fix = 'Is that node up? `timonel node list` shows it.';
  const problems = [{ what: `there is no route from ${lost.where}: ${lost.route}`, fix }];
  return { step: { title: 'Route', status: 'failed', lines }, problems };
}

/** A connection that was tried says it all; else what the objects say. */
function outcome(
  attempts: readonly Attempt[],
  { serviceIp, entry }: TracePlan,
  problems: readonly TraceProblem[],
): boolean | undefined {
  const decisive = attempts.filter(({ ip }) => ip === (entry?.ip ?? serviceIp));
  const tried = decisive.length > 0 ? decisive : attempts;
  if (tried.some((attempt) => attempt.outcome === 'connected')) return true;
  if (tried.length > 0 && !tried.some(isGood)) return false;
  // Where nothing refuses a datagram, nothing has taken it either, for all that is known.
  return problems.length > 0 ? false : undefined;
}

function isBad(attempt: Attempt): boolean {
  return !isGood(attempt);
}

function unexplained(
  { targets }: TracePlan,
  { attempts, listeners }: Pick<Observations, 'attempts' | 'listeners'>,
): TraceProblem {
  const failed = attempts.find(isBad);
  const lost = targets.find(({ pod }) => pod && !listeners.has(titleOf(pod)))?.pod;
  if (lost) {
    return {
      what: `pod ${titleOf(lost)} has no process on its node ${lost.spec?.nodeName}, though the API says that it runs`,
      fix: 'Is the node up? `timonel node list` shows it; the cluster knows of one that fell silent after 40 seconds.',
    };
  }
  const where = failed ? endpointText(failed) : 'the destination';
  switch (failed?.outcome) {
    case 'refused':
      return { what: `${where} refuses the connection`, fix: 'No process listens there.' };
    case 'timedOut':
      return {
        what: `${where} does not answer`,
        fix: targets.some(({ pod }) => pod)
          ? 'A firewall inside of the pod, or of the host, drops the packets, or the process is stuck and its queue is full.'
          : 'Is that address up?',
      };
    default:
      return { what: `${where} cannot be reached` };
  }
}
