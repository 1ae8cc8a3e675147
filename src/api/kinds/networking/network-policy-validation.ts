import { parseIpBlock } from '../../../base/ip-address.ts';
import { forbidden, invalidValue, notSupported, required } from '../../field-errors.ts';
import { fieldCidr, portName } from '../../names.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../types/networking-v1.ts';
import { validateLabelSelector } from '../label-selector-validation.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];
const policyTypes = ['Ingress', 'Egress'];

/** The rules of the API's documentation (NetworkPolicySpec), with upstream's messages. */
export function validateNetworkPolicy({ spec }: NetworkPolicy): StatusCause[] {
  const causes = validateLabelSelector(spec?.podSelector, 'spec.podSelector');
  const sides = [
    ...(spec?.ingress ?? []).map(({ ports, from }, i) => ({
      ports,
      peers: from,
      path: `spec.ingress[${i}]`,
      to: 'from',
    })),
    ...(spec?.egress ?? []).map(({ ports, to }, i) => ({ ports, peers: to, path: `spec.egress[${i}]`, to: 'to' })),
  ];
  for (const { ports = [], peers = [], path, to } of sides) {
    causes.push(...ports.flatMap((port, i) => validatePort(port, `${path}.ports[${i}]`)));
    causes.push(...peers.flatMap((peer, i) => validatePeer(peer, `${path}.${to}[${i}]`)));
  }
  const types = spec?.policyTypes ?? [];
  if (types.length > policyTypes.length) {
    return [...causes, invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  }
  types.forEach((type, i) => {
    if (!policyTypes.includes(type)) causes.push(notSupported(`spec.policyTypes[${i}]`, type, policyTypes));
  });
  return causes;
}

function validatePort({ port, endPort, protocol }: NetworkPolicyPort, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (protocol !== undefined && !protocols.includes(protocol)) {
    causes.push(notSupported(`${path}.protocol`, protocol, protocols));
  }
  const wrongEnd = (why: string): StatusCause => invalidValue(`${path}.endPort`, endPort, why);
  if (typeof port === 'number') {
    causes.push(...portNumber(port, `${path}.port`));
    if (endPort === undefined) return causes;
    if (endPort < port) causes.push(wrongEnd('must be greater than or equal to `port`'));
    return [...causes, ...portNumber(endPort, `${path}.endPort`)];
  }
  if (endPort !== undefined) {
    causes.push(
      wrongEnd(`may not be specified when \`port\` is ${port === undefined ? 'not specified' : 'non-numeric'}`),
    );
  }
  if (port !== undefined) causes.push(...portName(port).map((text) => invalidValue(`${path}.port`, port, text)));
  return causes;
}

function portNumber(port: number, path: string): StatusCause[] {
  return port >= 1 && port <= 65_535 ? [] : [invalidValue(path, port, 'must be between 1 and 65535, inclusive')];
}

function validatePeer(peer: NetworkPolicyPeer, path: string): StatusCause[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  if (!podSelector && !namespaceSelector && !ipBlock) return [required(path, 'must specify a peer')];
  const causes = [
    ...validateLabelSelector(podSelector, `${path}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
    ...(ipBlock ? validateBlock(ipBlock, `${path}.ipBlock`) : []),
  ];
  if (ipBlock && (podSelector ?? namespaceSelector)) {
    causes.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  }
  return causes;
}

function validateBlock({ cidr: text, except = [] }: IPBlock, path: string): StatusCause[] {
  if (!text) return [required(`${path}.cidr`, '')];
  const wrong = fieldCidr(text).map((problem) => invalidValue(`${path}.cidr`, text, problem));
  const whole = parseIpBlock(text);
  if (wrong.length > 0 || !whole) return wrong;
  return except.flatMap((entry, i) => {
    const at = `${path}.except[${i}]`;
    const problems = fieldCidr(entry).map((problem) => invalidValue(at, entry, problem));
    const part = parseIpBlock(entry);
    if (problems.length > 0 || !part) return problems;
    const isInside = part.family === whole.family && part.first >= whole.first && part.first < whole.first + whole.size;
    if (isInside && part.prefix > whole.prefix) return [];
    return [invalidValue(at, entry, 'must be a strict subset of `cidr`')];
  });
}
