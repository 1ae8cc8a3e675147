import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../../api/types/networking-v1.ts';
import { formatLabelSelector } from '../../../api/label-selector.ts';
import { alignTabs } from '../tab-writer.ts';
import { annotationLines, indent, labelLines, type Lines } from './fields.ts';

/** A policy as sentences: what is let in and out. */
export function networkPolicyLines({ metadata, spec }: NetworkPolicy): Lines {
  const { podSelector, policyTypes = [], ingress = [], egress = [] } = spec ?? {};
  const created = new Date(metadata.creationTimestamp ?? 0).toISOString().replace('T', ' ').slice(0, 19);
  const selector = formatLabelSelector(podSelector);
  const all = ' (Allowing the specific traffic to all pods in this namespace)';
  const isolated = (what: string): string => `    <none> (Selected pods are isolated for ${what} connectivity)`;
  const direction = (
    title: 'ingress' | 'egress',
    type: string,
    rules: readonly { ports?: NetworkPolicyPort[]; peers?: NetworkPolicyPeer[] | undefined }[],
  ): Lines => {
    if (!policyTypes.includes(type)) return [`  Not affecting ${title} traffic`];
    const words = type === 'Ingress' ? { peer: 'From', by: 'source' } : { peer: 'To', by: 'destination' };
    const lines = rules.flatMap((rule, i) => [
      ...(i > 0 ? ['    ----------'] : []),
      ...indent(ruleLines(rule, words), 4),
    ]);
    return [`  Allowing ${title} traffic:`, ...(rules.length === 0 ? [isolated(title)] : lines)];
  };
  return [
    // What follows is no table: the head alone has columns.
    ...alignTabs([
      `Name:\t${metadata.name}`,
      `Namespace:\t${metadata.namespace}`,
      `Created on:\t${created} +0000 UTC`,
      ...labelLines('Labels', metadata.labels),
      ...annotationLines('Annotations', metadata.annotations),
    ]),
    'Spec:',
    `  PodSelector:     ${selector}${selector === '<none>' ? all : ''}`,
    ...direction(
      'ingress',
      'Ingress',
      ingress.map(({ ports, from }) => ({ ...(ports && { ports }), peers: from })),
    ),
    ...direction(
      'egress',
      'Egress',
      egress.map(({ ports, to }) => ({ ...(ports && { ports }), peers: to })),
    ),
    `  Policy Types: ${policyTypes.join(', ')}`,
  ];
}

function ruleLines(
  {
    ports = [],
    peers = [],
  }: { ports?: readonly NetworkPolicyPort[]; peers?: readonly NetworkPolicyPeer[] | undefined },
  { peer, by }: { peer: string; by: string },
): Lines {
  return [
    ...(ports.length === 0 ? ['To Port: <any> (traffic allowed to all ports)'] : ports.map(portLine)),
    ...(peers.length === 0
      ? [`${peer}: <any> (traffic not restricted by ${by})`]
      : peers.flatMap((each) => [`${peer}:`, ...indent(peerLines(each), 2)])),
  ];
}

function portLine({ port, endPort, protocol = 'TCP' }: NetworkPolicyPort): string {
  if (endPort) return `To Port Range: ${port}-${endPort}/${protocol}`;
  return `To Port: ${port ?? '<any>'}/${protocol}`;
}

function peerLines({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer): Lines {
  if (ipBlock) {
    const except = ipBlock.except ?? [];
    return ['IPBlock:', `  CIDR: ${ipBlock.cidr}`, `  Except: ${except.join(', ')}`];
  }
  return [
    ...(namespaceSelector ? [`NamespaceSelector: ${formatLabelSelector(namespaceSelector)}`] : []),
    ...(podSelector ? [`PodSelector: ${formatLabelSelector(podSelector)}`] : []),
  ];
}
