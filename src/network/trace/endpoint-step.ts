import { algorithmOf } from '../../api/load-balancing.ts';
import type { Pod, Service } from '../../api/types/core-v1.ts';
import {
  endpointText,
  isPodOver,
  isPodReady,
  type StepResult,
  titleOf,
  type TraceFacts,
  type TracePlan,
  type TraceProblem,
  type TraceTarget,
} from './facts.ts';
import { editDistance } from './edit-distance.ts';
import { isHeadless, slicesOf } from './plan.ts';
import { protocolOf } from '../service-endpoints.ts';
import { notReadyReason } from './not-ready.ts';

const maxShown = 8;

/** Which pods the service may send to, and why not to others. */
export function endpointStep(service: Service, plan: TracePlan, facts: TraceFacts): StepResult {
  const title = 'Endpoints';
  const { targets, servicePort } = plan;
  const selected = selectedPods(service, facts.pods);
  const chosen = new Set(targets.map(({ pod }) => pod));
  const notReady = selected.filter((pod) => !isPodReady(pod) && !isPodOver(pod) && !chosen.has(pod));
  const lines = [selectorText(service), ...targets.slice(0, maxShown).map(targetText)];
  if (targets.length > maxShown) lines.push(`and ${targets.length - maxShown} more`);
  if (targets.length > 0) {
    lines.push(`chosen ${choiceText(service)}`);
    const used = targets.flatMap(({ pod }) => (pod && !isPodReady(pod) ? [pod] : []));
    for (const pod of used.slice(0, 3)) lines.push(`${titleOf(pod)} is used though ${notReadyReason(pod)}`);
    for (const pod of notReady.slice(0, 3)) lines.push(`not ${titleOf(pod)}: ${notReadyReason(pod)}`);
    return { step: { title, status: notReady.length > 0 ? 'warning' : 'ok', lines }, problems: [] };
  }
  if (!servicePort && !isHeadless(service)) {
    return { step: { title, status: 'unknown', lines: ['not asked for: the port is not there'] }, problems: [] };
  }
  for (const pod of notReady.slice(0, maxShown)) lines.push(`not ${titleOf(pod)}: ${notReadyReason(pod)}`);
  return { step: { title, status: 'failed', lines }, problems: [missing(service, plan, selected, facts)] };
}

function choiceText(service: Service): string {
  if (isHeadless(service)) return 'by the client, from the answer';
  const { sessionAffinity, sessionAffinityConfig } = service.spec ?? {};
  if (sessionAffinity !== 'ClientIP') return spreads[algorithmOf(service)] ?? '';
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800;
  return `once for each client, which comes back to it for ${seconds} s after its last connection (sessionAffinity)`;
}

const spreads: Readonly<Record<string, string>> = {
  'round-robin': 'in turn',
  weighted: 'in turn, by weight',
  'source-ip-hash': "by the client's address (the shares are those of many clients)",
  random: 'at random',
  'least-connections': 'in turn; on the way over the host, the one with the fewest connections',
};

function targetText({ ip, port, pod, share }: TraceTarget): string {
  const node = pod?.spec?.nodeName ? ` on ${pod.spec.nodeName}` : '';
  return `${endpointText({ ip, port })}  ${Math.round(share * 1000) / 10} %  ${pod ? titleOf(pod) : 'no pod'}${node}`;
}

function selectorText({ spec }: Service): string {
  const text = labelsText(spec?.selector ?? {});
  return text === '' ? 'no selector: somebody else writes its endpoint slices' : `selector ${text}`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function selectedPods({ metadata, spec }: Service, pods: readonly Pod[]): Pod[] {
  const selector = spec?.selector ?? {};
  if (Object.keys(selector).length === 0) return [];
  return pods.filter((pod) => pod.metadata.namespace === metadata.namespace && selectorMatches(selector, pod));
}

/** Why a service has no endpoint that serves. */
function missing(service: Service, plan: TracePlan, selected: readonly Pod[], facts: TraceFacts): TraceProblem {
  const name = titleOf(service);
  const selector = service.spec?.selector ?? {};
  const otherPort = otherPortProblem(service, plan, facts);
  if (otherPort) return otherPort;
  if (Object.keys(selector).length === 0) {
    return {
      what: `service ${name} has no selector, and nobody has written endpoint slices for it`,
      fix: 'Give it spec.selector with the labels of the pods, or write an EndpointSlice for it.',
    };
  }
  const living = selected.filter((pod) => !isPodOver(pod));
  if (living.length === 0) return nothingSelected(service, facts.pods);
  const portProblem = namedPortProblem(service, plan, living);
  if (portProblem) return portProblem;
  const ready = living.filter(isPodReady);
  if (ready.length === 0) {
    const reasons = [...new Set(living.map(notReadyReason))];
    const who =
      living.length === 1
        ? `the one pod that service ${name} selects is not ready: ${reasons[0]}`
        : `none of the ${living.length} pods that service ${name} selects is ready: ${reasons.slice(0, 3).join('; ')}`;
    return {
      what: who,
      fix: `Look at one: kubectl describe pod -n ${living[0]?.metadata.namespace} ${living[0]?.metadata.name}`,
    };
  }
  if (service.spec?.internalTrafficPolicy === 'Local' && plan.source.kind === 'pod') {
    const node = plan.source.pod.spec?.nodeName;
    return {
      what: `service ${name} sends to pods on the client's own node alone (internalTrafficPolicy Local): ${node} has none`,
      fix: 'Set internalTrafficPolicy to Cluster, or run a pod of it on each node (a DaemonSet).',
    };
  }
  return {
    what: `the pods of service ${name} are ready, but no endpoint slice has them`,
    fix: 'The endpoint slice controller writes them. Does the control plane run? `timonel status` shows it.',
  };
}

/** Endpoint slices that somebody wrote, and whose ports are called otherwise than the service's. */
function otherPortProblem(service: Service, { servicePort }: TracePlan, facts: TraceFacts): TraceProblem | undefined {
  const slices = slicesOf(service, facts.slices).filter(({ endpoints }) => (endpoints ?? []).length > 0);
  const ports = slices.flatMap((slice) => slice.ports ?? []);
  if (!servicePort || ports.length === 0) return undefined;
  const protocol = protocolOf(servicePort);
  if (ports.some((port) => (port.name ?? '') === (servicePort.name ?? '') && protocolOf(port) === protocol)) {
    return undefined;
  }
  const called = (port: { name?: string; protocol?: string }): string =>
    `${port.name || '(no name)'}/${protocolOf(port)}`;
  const names = [...new Set(ports.map(called))].join(', ');
  return {
    what: `port ${servicePort.port} of service ${titleOf(service)} is called ${called(servicePort)}, and its endpoint slices have ${names}`,
    fix: 'Give the port of the slices the name and the protocol that the port of the service has.',
  };
}

/** The nearest that there is to the selector. */
function nothingSelected({ metadata, spec }: Service, pods: readonly Pod[]): TraceProblem {
  const selector = spec?.selector ?? {};
  const what = `no pod in namespace ${metadata.namespace} has the labels that service ${titleOf({ metadata })} selects (${labelsText(selector)})`;
  const living = pods.filter((pod) => !isPodOver(pod));
  const elsewhere = living.find((pod) => selectorMatches(selector, pod));
  if (elsewhere) {
    const fix = `Pods with these labels are in namespace ${elsewhere.metadata.namespace}: a service selects those of its own. Make it there.`;
    return { what, fix };
  }
  const own = living.filter((pod) => pod.metadata.namespace === metadata.namespace);
  const near = nearest(selector, own);
  if (near) {
    const labels = Object.fromEntries(
      Object.keys(selector).flatMap((key) => {
        const value = near.metadata.labels?.[key];
        return value === undefined ? [] : [[key, value]];
      }),
    );
    const fix = `Pod ${near.metadata.name} has ${labelsText(labels)}: is that meant? Then the selector is to say so.`;
    return { what, fix };
  }
  if (own.length === 0) return { what, fix: 'There is no pod there at all: start some.' };
  const has = labelsOf(selector, own);
  const compare = `kubectl get pods -n ${metadata.namespace} --show-labels`;
  return { what, fix: has.length > 0 ? `Its pods have ${has.join(', ')}: ${compare}` : `Compare: ${compare}` };
}

const maxLabels = 5;

/** What pods have under the keys of a selector. */
function labelsOf(selector: Readonly<Record<string, string>>, pods: readonly Pod[]): string[] {
  const all = pods.flatMap(({ metadata }) =>
    Object.keys(selector).flatMap((key) => (metadata.labels?.[key] ? [`${key}=${metadata.labels[key]}`] : [])),
  );
  const different = [...new Set(all)].sort();
  return different.length > maxLabels ? [...different.slice(0, maxLabels), '…'] : different;
}

/** The pod whose labels are a slip of the finger away, of those that have any of the selector's keys. */
function nearest(selector: Readonly<Record<string, string>>, pods: readonly Pod[]): Pod | undefined {
  const distance = ({ metadata }: Pod): number =>
    Object.entries(selector).reduce((sum, [key, value]) => sum + editDistance(metadata.labels?.[key] ?? '', value), 0);
  const letters = Object.values(selector).join('').length;
  return pods
    .filter(({ metadata }) => Object.keys(selector).some((key) => metadata.labels?.[key] !== undefined))
    .filter((pod) => distance(pod) <= Math.max(1, letters / 3))
    .sort((a, b) => distance(a) - distance(b))[0];
}

/** A target port by a name that no container has. */
function namedPortProblem(
  service: Service,
  { servicePort }: TracePlan,
  pods: readonly Pod[],
): TraceProblem | undefined {
  const target = servicePort?.targetPort;
  if (typeof target !== 'string') return undefined;
  const ports = pods.flatMap((pod) => (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []));
  if (ports.some((port) => port.name === target)) return undefined;
  const names = [
    ...new Set(ports.map(({ name, containerPort }) => (name ? `${name} (${containerPort})` : `${containerPort}`))),
  ];
  return {
    what: `service ${titleOf(service)} sends to the port named ${target}, and no container of its pods has a port of that name`,
    fix:
      names.length > 0
        ? `They have ${names.join(', ')}: set targetPort to it.`
        : `Give the container's port that name (ports[].name), or set targetPort to its number.`,
  };
}

function selectorMatches(selector: Readonly<Record<string, string>>, { metadata }: Pod): boolean {
  return Object.entries(selector).every(([key, value]) => metadata.labels?.[key] === value);
}
