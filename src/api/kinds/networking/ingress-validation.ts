import type { StatusCause } from '../../types/meta-v1.ts';
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressLoadBalancerIngress,
  IngressRule,
  IngressServiceBackend,
  IngressTLS,
} from '../../types/networking-v1.ts';
import { invalidValue, notSupported, required } from '../../field-errors.ts';
import { dnsLabel, dnsSubdomain, fieldIp, ip, type NameCheck, portName, wildcardSubdomain } from '../../names.ts';
import { validateObjectReference } from './object-reference-validation.ts';
import { ingressClassAnnotation } from '../../well-known.ts';

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
/** Paths that servers and proxies read in different ways. */
const oddSequences = ['//', '/./', '/../', '%2f', '%2F'];
const oddEnds = ['/..', '/.'];

/** The rules of the API's documentation (IngressSpec), with upstream's messages. */
export function validateIngress({ spec }: Ingress): StatusCause[] {
  const { rules = [], tls = [], defaultBackend, ingressClassName } = spec ?? {};
  const causes: StatusCause[] = [];
  if (rules.length === 0 && !defaultBackend) {
    const rule = 'either `defaultBackend` or `rules` must be specified';
    causes.push(invalidValue('spec', spec?.rules ?? null, rule));
  }
  if (defaultBackend) causes.push(...validateBackend(defaultBackend, 'spec.defaultBackend'));
  causes.push(...rules.flatMap((rule, index) => validateRule(rule, `spec.rules[${index}]`)));
  causes.push(...tls.flatMap((entry, index) => validateTls(entry, `spec.tls[${index}]`)));
  if (ingressClassName !== undefined) causes.push(...check(dnsSubdomain, ingressClassName, 'spec.ingressClassName'));
  return causes;
}

/** Later on, the annotation of old may say what it likes. */
export function validateIngressCreate({ metadata, spec }: Ingress): StatusCause[] {
  const written = metadata.annotations?.[ingressClassAnnotation];
  const name = spec?.ingressClassName;
  if (written === undefined || name === undefined || written === name) return [];
  const rule = 'must match `ingressClassName` when both are specified';
  return [invalidValue(`annotations.${ingressClassAnnotation}`, written, rule)];
}

/** Addresses that are there already are not judged again (KEP-4858). */
export function validateIngressStatus({ status }: Ingress, old: Ingress): StatusCause[] {
  const points = (of: Ingress['status']): readonly IngressLoadBalancerIngress[] => of?.loadBalancer?.ingress ?? [];
  const known = new Set(points(old.status).map((point) => point.ip));
  return points(status).flatMap(({ ip: address, hostname }, index) => {
    const path = `status.loadBalancer.ingress[${index}]`;
    return [
      ...(address && !known.has(address) ? check(fieldIp, address, `${path}.ip`) : []),
      ...(hostname ? check(dnsSubdomain, hostname, `${path}.hostname`) : []),
      ...(hostname ? refuseAddress(hostname, `${path}.hostname`) : []),
    ];
  });
}

function check(rule: NameCheck, value: string, path: string): StatusCause[] {
  return rule(value).map((text) => invalidValue(path, value, text));
}

function refuseAddress(host: string, path: string): StatusCause[] {
  return ip(host).length === 0 ? [invalidValue(path, host, 'must be a DNS name, not an IP address')] : [];
}

function validateHost(host: string, path: string): StatusCause[] {
  return check(host.includes('*') ? wildcardSubdomain : dnsSubdomain, host, path);
}

function validateRule({ host, http }: IngressRule, path: string): StatusCause[] {
  const causes = host ? [...refuseAddress(host, `${path}.host`), ...validateHost(host, `${path}.host`)] : [];
  if (!http) return causes;
  const { paths } = http;
  if (paths.length === 0) causes.push(required(`${path}.http.paths`, ''));
  return [...causes, ...paths.flatMap((entry, index) => validatePath(entry, `${path}.http.paths[${index}]`))];
}

function validateTls({ hosts = [], secretName }: IngressTLS, path: string): StatusCause[] {
  return [
    ...hosts.flatMap((host, index) => validateHost(host, `${path}.hosts[${index}]`)),
    ...(secretName ? check(dnsSubdomain, secretName, `${path}.secretName`) : []),
  ];
}

function validatePath({ path: url = '', pathType, backend }: HTTPIngressPath, path: string): StatusCause[] {
  if (pathType === undefined) return [required(`${path}.pathType`, 'pathType must be specified')];
  const causes: StatusCause[] = [];
  const refuse = (rule: string): number => causes.push(invalidValue(`${path}.path`, url, rule));
  if (!pathTypes.includes(pathType)) {
    causes.push(notSupported(`${path}.pathType`, pathType, pathTypes));
  } else if (pathType === 'ImplementationSpecific') {
    if (url !== '' && !url.startsWith('/')) refuse('must be an absolute path');
  } else {
    if (!url.startsWith('/')) refuse('must be an absolute path');
    for (const odd of oddSequences) if (url.includes(odd)) refuse(`must not contain '${odd}'`);
    for (const odd of oddEnds) if (url.endsWith(odd)) refuse(`cannot end with '${odd}'`);
  }
  return [...causes, ...validateBackend(backend, `${path}.backend`)];
}

function validateBackend({ service, resource }: IngressBackend, path: string): StatusCause[] {
  if (service && resource) return [invalidValue(path, '', 'cannot set both resource and service backends')];
  if (resource) return validateObjectReference(resource, `${path}.resource`);
  if (!service) return [invalidValue(path, '', 'resource or service backend is required')];
  return validateService(service, path);
}

function validateService({ name: service, port = {} }: IngressServiceBackend, path: string): StatusCause[] {
  const causes = service ? check(dnsLabel, service, `${path}.service.name`) : [required(`${path}.service.name`, '')];
  const { name, number } = port;
  if (name && number) causes.push(invalidValue(path, '', 'cannot set both port name & port number'));
  else if (name) causes.push(...check(portName, name, `${path}.service.port.name`));
  else if (!number) causes.push(required(path, 'port name or number is required'));
  else if (number < 1 || number > 65_535) {
    causes.push(invalidValue(`${path}.service.port.number`, number, 'must be between 1 and 65535, inclusive'));
  }
  return causes;
}
