import type { Service, ServicePort } from '../../api/types/core-v1.ts';
import { leftAloneBy, protocolOf } from '../service-endpoints.ts';
import {
  type Observations,
  type StepResult,
  titleOf,
  type TraceFacts,
  type TracePlan,
  type TraceProblem,
} from './facts.ts';
import { entryProblem } from './entry-problem.ts';
import { isHeadless, portOf, slicesOf } from './plan.ts';

/** The service, and which of its ports is meant. */
export function serviceStep(
  service: Service,
  asked: string | undefined,
  plan: TracePlan,
  { hasRules, facts }: Pick<Observations, 'hasRules'> & { facts: TraceFacts },
): StepResult {
  const { spec = {} } = service;
  const title = 'Service';
  if (spec.type === 'ExternalName') {
    const line = `${titleOf(service)} is another name for ${spec.externalName} (ExternalName): no proxy is in the way`;
    return { step: { title, status: 'ok', lines: [line] }, problems: [] };
  }
  const address = isHeadless(service) ? 'headless: its name has the addresses of its pods' : spec.clusterIP;
  const through = plan.destination.kind === 'service' ? (plan.destination.through ?? []) : [];
  const aliases = through.map((alias) => `${titleOf(alias)} is another name for ${alias.spec?.externalName}`);
  const lines = [
    ...aliases,
    `${titleOf(service)}, ${spec.type ?? 'ClusterIP'}, ${address}`,
    `ports: ${portsText(service)}`,
    ...balancerLines(service),
  ];
  const { servicePort, entry } = plan;
  if (entry) lines.push(`${entry.ip}:${entry.port} is ${entry.how}`);
  const leftAlone = leftAloneProblem(service, plan);
  const problem = servicePort
    ? (headlessPortProblem(service, plan) ?? leftAlone ?? entryProblem(service, plan))
    : portProblem(service, asked, plan, facts);
  if (servicePort && !problem && (spec.ports ?? []).length > 1) lines.push(`this is about ${portText(servicePort)}`);
  if (hasRules === true) lines.push("the rules of the source's node have it");
  const ruleProblem: TraceProblem[] =
    hasRules === false && servicePort && !leftAlone && plan.targets.length > 0
      ? [{ what: `the rules of the source's node do not have ${plan.serviceIp}:${plan.port}`, fix: ruleFix }]
      : [];
  const problems = [...(problem ? [problem] : []), ...ruleProblem];
  return { step: { title, status: problems.length > 0 ? 'failed' : 'ok', lines }, problems };
}

const ruleFix = "The node's agent writes them. Does it run? `timonel status` shows it.";

/** Where a service of type LoadBalancer is reached from outside. */
function balancerLines({ spec, status }: Service): string[] {
  if (spec?.type !== 'LoadBalancer') return [];
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname);
  if (addresses.length > 0) return [`load balancer: ${addresses.join(', ')}`];
  const { loadBalancerClass } = spec;
  return [`load balancer: none yet${loadBalancerClass ? `, that is for ${loadBalancerClass} to give` : ''}`];
}

/** Services with certain labels are not for the nodes' rules; a headless one has none anyhow. */
function leftAloneProblem(service: Service, { serviceIp }: TracePlan): TraceProblem | undefined {
  const label = leftAloneBy(service);
  if (label === undefined || serviceIp === undefined) return undefined;
  return {
    what: `service ${titleOf(service)} has the label ${label}: the nodes leave it to another proxy, or to nobody`,
    fix: `Take the label away (kubectl label service -n ${service.metadata.namespace} ${service.metadata.name} ${label}-), or connect to its pods.`,
  };
}

function portsText({ spec }: Service): string {
  return (spec?.ports ?? []).map(portText).join(', ') || 'none';
}

/** `80/tcp (http) → 5000` */
function portText(port: ServicePort): string {
  return `${port.port}/${protocolOf(port)}${port.name ? ` (${port.name})` : ''} → ${port.targetPort ?? port.port}`;
}

function portProblem(
  service: Service,
  asked: string | undefined,
  { protocol }: TracePlan,
  facts: TraceFacts,
): TraceProblem {
  const ports = service.spec?.ports ?? [];
  const has = `It has ${portsText(service)}.`;
  if (ports.length === 0) return { what: `service ${titleOf(service)} has no ports`, fix: 'Give it spec.ports.' };
  const other = portOf(service, asked, undefined);
  if (other) {
    return {
      what: `port ${asked ?? other.port} of service ${titleOf(service)} is ${protocolOf(other)}, not ${protocol}`,
      fix: `Connect by ${protocolOf(other)}, or give the service a ${protocol} port.`,
    };
  }
  const what = `service ${titleOf(service)} has no port ${asked}`;
  // What its pods call the port, or which number that is there.
  const behind = slicesOf(service, facts.slices).flatMap((slice) => slice.ports ?? []);
  const name = behind.find(({ port }) => String(port) === asked)?.name ?? undefined;
  const byTarget = ports.find(
    (port) => String(port.targetPort) === asked || (name !== undefined && port.name === name),
  );
  if (byTarget) {
    return { what, fix: `${asked} is the port of its pods; clients of the service use ${byTarget.port}.` };
  }
  const byNode = ports.find(({ nodePort }) => String(nodePort) === asked);
  if (byNode) return { what, fix: `${asked} is its port on the nodes; at its own address it is ${byNode.port}.` };
  return { what, fix: has };
}

/** A headless service translates nothing: who connects to its port comes to that port of the pod. */
function headlessPortProblem(service: Service, plan: TracePlan): TraceProblem | undefined {
  const { servicePort, port, targets } = plan;
  const target = servicePort?.targetPort;
  if (!isHeadless(service) || targets.length === 0) return undefined;
  if (typeof target !== 'number' || port === target) return undefined;
  return {
    what: `service ${titleOf(service)} is headless, and nothing translates its port ${port} to ${target}`,
    fix: `Connect to ${target}, the port of the pods, or give the service a cluster IP.`,
  };
}
