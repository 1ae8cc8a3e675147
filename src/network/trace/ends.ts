import { isIP } from 'node:net';
import type { Pod, Service } from '../../api/types/core-v1.ts';
import { type Destination, isPodOver, isPodReady, podWithIp, type Source, type TraceFacts } from './facts.ts';

/** An end that cannot be found: a sentence, and what may be meant. */
export class UnknownEndError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'UnknownEndError';
    this.hint = hint;
  }
}

/** The machine itself, or the pod, whichever asks. */
export function isLocalhost(host: string): boolean {
  return host === 'localhost' || host.startsWith('127.');
}

/** `web:80`, `web:http`, `10.0.0.1:80`, `web`. */
export function splitPort(text: string): { host: string; port: string | undefined } {
  const colon = text.lastIndexOf(':');
  if (colon < 0 || isIP(text) === 6) return { host: text, port: undefined };
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: text.slice(colon + 1) || undefined };
}

const kinds: Readonly<Record<string, 'pod' | 'service'>> = {
  ...{ po: 'pod', pod: 'pod', pods: 'pod' },
  ...{ svc: 'service', service: 'service', services: 'service' },
};

interface Reference {
  kind: 'pod' | 'service' | undefined;
  namespace: string;
  name: string;
}

/** `pod/web-0`, `svc/web`, `shop/web`, `shop/svc/web`, `web`. */
function referenceOf(text: string, defaultNamespace: string): Reference {
  const parts = text.split('/');
  const name = parts.pop() ?? '';
  const kind = kinds[parts.at(-1) ?? ''];
  if (kind) parts.pop();
  return { kind, namespace: parts[0] ?? defaultNamespace, name };
}

/** `host`, or a pod by name, with its namespace before it where that is another one, or by its address. */
export function findSource(
  text: string,
  facts: TraceFacts,
  { namespace, hostIp }: { namespace: string; hostIp: string | undefined },
): Source {
  if (text === 'host') return { kind: 'host', ip: hostIp };
  if (isIP(text) !== 0) {
    const pod = podWithIp(facts.pods, text);
    if (pod) return { kind: 'pod', pod };
    throw new UnknownEndError(`no pod has the address ${text}`);
  }
  const reference = referenceOf(text, namespace);
  if (reference.kind === 'service') throw new UnknownEndError('connections start in pods, not in services');
  return { kind: 'pod', pod: existingPod(reference, facts.pods) };
}

function existingPod({ namespace, name }: Reference, pods: readonly Pod[]): Pod {
  const found = pods.find((pod) => pod.metadata.namespace === namespace && pod.metadata.name === name);
  if (found) return found;
  const alike = pods.filter((pod) => pod.metadata.name === name || pod.metadata.name?.startsWith(`${name}-`));
  const names = alike.slice(0, 3).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  throw new UnknownEndError(
    `there is no pod ${name} in namespace ${namespace}`,
    names.length > 0 ? `Is it ${names.join(' or ')}?` : `Its pods: kubectl get pods -n ${namespace}`,
  );
}

/** Of pods that one workload has: one that runs, for it to start or take the connection. */
export function representative(pods: readonly Pod[]): Pod | undefined {
  const living = pods.filter((pod) => !isPodOver(pod) && pod.metadata.deletionTimestamp === undefined);
  return living.find(isPodReady) ?? living.find(({ status }) => status?.podIP) ?? living[0] ?? pods[0];
}

/** A service, a pod, an address, or a name as a program would look it up; aliases are followed as the DNS does. */
export function findDestination(
  host: string,
  source: Source,
  facts: TraceFacts,
  defaultNamespace: string,
): Destination {
  const first = directDestination(host, source, facts, defaultNamespace);
  if (first.kind !== 'service') return first;
  const through: Service[] = [];
  let { service } = first;
  while (service.spec?.type === 'ExternalName' && !through.includes(service)) {
    const target = (service.spec.externalName ?? '').toLowerCase().replace(/\.$/, '');
    const wanted = target.endsWith(`.svc.${facts.domain}`) ? serviceNamed(target, '', facts.domain) : undefined;
    const next = wanted && !wanted.isEndpoint ? findService(facts.services, wanted) : undefined;
    if (!next) break;
    through.push(service);
    service = next;
  }
  return through.length > 0 ? { ...first, service, through } : first;
}

function directDestination(host: string, source: Source, facts: TraceFacts, defaultNamespace: string): Destination {
  const { services, pods, domain } = facts;
  if (isIP(host) !== 0) return destinationByIp(host, facts);
  const namespace = source.kind === 'pod' ? (source.pod.metadata.namespace ?? '') : defaultNamespace;
  if (host.includes('/')) {
    const reference = referenceOf(host, namespace);
    const service = reference.kind === 'pod' ? undefined : findService(services, reference);
    if (service) return { kind: 'service', service, name: `${reference.name}.${reference.namespace}.svc.${domain}` };
    if (reference.kind !== 'service' && reference.kind !== undefined) {
      return { kind: 'pod', pod: existingPod(reference, pods) };
    }
    return { kind: 'name', name: `${reference.name}.${reference.namespace}.svc.${domain}`, wanted: reference };
  }
  const wanted = serviceNamed(host.toLowerCase().replace(/\.$/, ''), namespace, domain);
  const service = wanted && findService(services, wanted);
  if (service && !wanted.isEndpoint) return { kind: 'service', service, name: host };
  return { kind: 'name', name: host, wanted: wanted?.isEndpoint && service ? undefined : wanted };
}

function destinationByIp(ip: string, { services, pods }: TraceFacts): Destination {
  const service = services.find(({ spec, status }) =>
    [...(spec?.clusterIPs ?? []), ...(spec?.externalIPs ?? []), spec?.clusterIP]
      .concat(status?.loadBalancer?.ingress?.map((each) => each.ip))
      .includes(ip),
  );
  if (service) return { kind: 'service', service, name: undefined };
  const pod = podWithIp(pods, ip);
  return pod ? { kind: 'pod', pod } : { kind: 'address', ip };
}

function findService(services: readonly Service[], { namespace, name }: Omit<Reference, 'kind'>): Service | undefined {
  return services.find((service) => service.metadata.namespace === namespace && service.metadata.name === name);
}

/** The service that a name would be of, by the DNS specification; undefined for names that look like the outside's. */
function serviceNamed(
  name: string,
  namespace: string,
  domain: string,
): { namespace: string; name: string; isEndpoint: boolean } | undefined {
  const isFull = name.endsWith(`.svc.${domain}`) || name.endsWith('.svc');
  const labels = name.replace(new RegExp(`\\.svc(\\.${domain.replaceAll('.', '\\.')})?$`), '').split('.');
  const [first = '', second, third] = labels;
  if (labels.length === 1) return { namespace, name: first, isEndpoint: false };
  if (labels.length === 2) return { namespace: second as string, name: first, isEndpoint: false };
  if (labels.length === 3 && isFull) return { namespace: third as string, name: second as string, isEndpoint: true };
  return undefined;
}
