import { labelMatcher } from '../../api/label-selector.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { dnsPods } from '../policy/policy-engine.ts';
import { type Direction, directions, familyOf, type NamespaceView, policyPod, rulesOf } from '../policy/policy-view.ts';
import { podIpsOf, type StepResult, titleOf, type TraceFacts, type TracePlan, type TraceProblem } from './facts.ts';
import { mergeProblems } from './merge-problems.ts';
import { judge, type PolicyConnection, type PolicyEnd, type PolicyVerdict } from './policy-verdict.ts';

export type Namespaces = ReadonlyMap<string, NamespaceView>;

/** Namespaces as network policies see them. */
export function policyNamespaces({ pods, policies, namespaces }: TraceFacts): Namespaces {
  const inNamespace = <T extends { metadata: { namespace?: string } }>(items: readonly T[], name: string): T[] =>
    items.filter(({ metadata }) => metadata.namespace === name);
  return new Map(
    namespaces.map(({ metadata }) => {
      const { name = '', labels = {} } = metadata;
      const own = inNamespace(pods, name).flatMap((pod) => policyEnd(pod).pod ?? []);
      return [name, { name, labels, pods: own, policies: inNamespace(policies, name) }];
    }),
  );
}

/** `peer`: an address of the family that is meant. */
function policyEnd(pod: Pod, peer?: string): PolicyEnd {
  const ips = podIpsOf(pod);
  const ip = ips.find((each) => peer !== undefined && familyOf(each) === familyOf(peer)) ?? ips[0] ?? '';
  return { ip, pod: policyPod(pod, ips.length > 0 ? ips : [ip], false) };
}

/** What network policies say of the connection, at both of its ends, for each endpoint. */
export function policyStep(plan: TracePlan, namespaces: Namespaces): StepResult {
  const { source, targets, protocol } = plan;
  const lines = new Set<string>();
  const problems = new Map<string, TraceProblem>();
  for (const { ip, port, pod } of targets) {
    const from: PolicyEnd = source.kind === 'pod' ? policyEnd(source.pod, ip) : { ip: source.ip ?? '' };
    const to: PolicyEnd = pod ? policyEnd(pod, ip) : { ip };
    const connection: PolicyConnection = { from, to, protocol, port };
    for (const direction of [...directions].reverse()) {
      const subject = direction === 'ingress' ? pod : source.kind === 'pod' ? source.pod : undefined;
      if (!subject || !(direction === 'ingress' ? to : from).pod) continue;
      const verdict = judge(direction, connection, namespaces);
      lines.add(verdictText(direction, subject, verdict));
      if (!verdict.allowed) {
        const problem = denial(direction, {
          subject,
          connection,
          verdict,
          namespaces,
          servicePort: plan.servicePort?.port,
        });
        problems.set(problem.what, problem);
      }
    }
  }
  if (lines.size === 0) lines.add('none is about these ends');
  const status = problems.size > 0 ? 'failed' : 'ok';
  return { step: { title: 'Policies', status, lines: [...lines] }, problems: mergeProblems([...problems.values()]) };
}

function verdictText(direction: Direction, subject: Pod, { allowed, isolatedBy, allowedBy }: PolicyVerdict): string {
  const who = direction === 'ingress' ? `into ${titleOf(subject)}` : `out of ${titleOf(subject)}`;
  if (isolatedBy.length === 0) return `${who}: allowed, no policy selects it for ${direction}`;
  if (!allowedBy) return `${who}: ${allowed ? 'allowed' : 'DENIED'}, isolated by ${isolatedBy.join(', ')}`;
  return `${who}: allowed by ${allowedBy.policy}, ${direction} rule ${allowedBy.rule + 1}`;
}

interface Denied {
  subject: Pod;
  connection: PolicyConnection;
  verdict: PolicyVerdict;
  namespaces: Namespaces;
  servicePort: number | undefined;
}

function denial(direction: Direction, denied: Denied): TraceProblem {
  const { subject, connection, verdict } = denied;
  const peer = direction === 'ingress' ? connection.from : connection.to;
  const peerText = peer.pod ? `${peer.pod.namespace}/${peer.pod.name}` : peer.ip;
  const way = direction === 'ingress' ? `from ${peerText} into` : `to ${peerText} out of`;
  const policies = verdict.isolatedBy.map((name) => `policy ${name}`).join(' and ');
  const what = `${policies} denies what goes ${way} pod ${titleOf(subject)} at ${connection.port}/${connection.protocol}`;
  const hints = ruleHints(direction, peer, denied);
  if (hints.length > 0) return { what, fix: hints.join(' ') };
  const side = direction === 'ingress' ? 'from' : 'to';
  const named = peer.pod ? 'this peer' : `ipBlock ${peer.ip}/32`;
  return { what, fix: `No ${direction} rule allows it: add one with ${named} in \`${side}\`, and this port.` };
}

/** What of the rules is near: each usual mistake about ports and peers once. */
function ruleHints(direction: Direction, peer: PolicyEnd, denied: Denied): string[] {
  const { subject, connection, verdict, namespaces, servicePort } = denied;
  const namespace = namespaces.get(subject.metadata.namespace ?? '');
  const isolating = (namespace?.policies ?? []).filter((policy) => verdict.isolatedBy.includes(titleOf(policy)));
  const hints: string[] = [];
  for (const policy of isolating) {
    for (const [i, { peers, ports }] of rulesOf(policy, direction).entries()) {
      const rule = `${direction === 'ingress' ? 'Ingress' : 'Egress'} rule ${i + 1} of ${titleOf(policy)}`;
      const near = verdict.nearMisses.find((miss) => miss.policy === titleOf(policy) && miss.rule === i);
      const namesService = ports.some(({ port }) => port === servicePort && port !== connection.port);
      if (namesService) {
        hints.push(`${rule} names port ${servicePort}, the service's: policies see the pod's, ${connection.port}.`);
      } else if (near?.misses === 'port') hints.push(`${rule} allows this peer, but not port ${connection.port}.`);
      const isElsewhere = peer.pod !== undefined && peer.pod.namespace !== subject.metadata.namespace;
      const hasLabels = peers.some(
        ({ podSelector, namespaceSelector }) =>
          podSelector && !namespaceSelector && peer.pod && labelMatcher(podSelector).matches(peer.pod.labels),
      );
      if (isElsewhere && hasLabels) {
        hints.push(`${rule} means pods of its own namespace: for ${peer.pod?.namespace} add a namespaceSelector.`);
      } else if (near?.misses === 'peer') hints.push(`${rule} allows the port, but not this peer: ${peerHint(peer)}`);
    }
  }
  return hints;
}

function peerHint({ pod, ip }: PolicyEnd): string {
  if (!pod) return `${ip} is no pod, only an ipBlock lets it in.`;
  const labels = Object.entries(pod.labels).map(([key, value]) => `${key}=${value}`);
  return `it is in namespace ${pod.namespace} and has the labels ${labels.join(',') || '(none)'}.`;
}

/** Whether the pod may ask for names. */
export function dnsDenial(pod: Pod, dnsAddresses: readonly string[], namespaces: Namespaces): TraceProblem | undefined {
  const [server] = dnsPods(dnsAddresses);
  const [ip] = dnsAddresses;
  if (!server || ip === undefined) return undefined;
  const connection: PolicyConnection = { from: policyEnd(pod, ip), to: { ip, pod: server }, protocol: 'udp', port: 53 };
  const verdict = judge('egress', connection, namespaces);
  if (verdict.allowed) return undefined;
  return {
    what: `policy ${verdict.isolatedBy.join(' and ')} does not let pod ${titleOf(pod)} ask the DNS`,
    fix: 'Add an egress rule to the pods k8s-app=kube-dns of namespace kube-system, ports 53/UDP and 53/TCP.',
  };
}
