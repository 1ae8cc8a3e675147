import type { HTTPIngressPath, Ingress, IngressBackend } from '../../types/networking-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, notSupported, required } from '../../field-errors.ts';
import { dnsLabel, dnsSubdomain, ip } from '../../names.ts';

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];

export function validateIngress({ spec }: Ingress): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!spec?.rules?.length && !spec?.defaultBackend) {
    causes.push(invalidValue('spec', spec ?? {}, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec?.defaultBackend) causes.push(...validateBackend(spec.defaultBackend, 'spec.defaultBackend'));
  (spec?.rules ?? []).forEach((rule, index) => {
    const path = `spec.rules[${index}]`;
    if (rule.host) causes.push(...validateHost(rule.host, `${path}.host`));
    if (!rule.http) return;
    if (rule.http.paths.length === 0) causes.push(required(`${path}.http.paths`, ''));
    rule.http.paths.forEach((entry, at) => causes.push(...validatePath(entry, `${path}.http.paths[${at}]`)));
  });
  return causes;
}

function validateHost(host: string, path: string): StatusCause[] {
  if (ip(host).length === 0) return [invalidValue(path, host, 'must be a DNS name, not an IP address')];
  const name = host.startsWith('*.') ? host.slice(2) : host;
  return dnsSubdomain(name).map((text) => invalidValue(path, host, text));
}

function validatePath({ path: url, pathType, backend }: HTTPIngressPath, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (pathType === undefined) causes.push(required(`${path}.pathType`, 'pathType must be specified'));
  else if (!pathTypes.includes(pathType)) causes.push(notSupported(`${path}.pathType`, pathType, pathTypes));
  else if ((pathType !== 'ImplementationSpecific' || url) && !(url ?? '').startsWith('/')) {
    causes.push(invalidValue(`${path}.path`, url ?? '', 'must be an absolute path'));
  }
  causes.push(...validateBackend(backend, `${path}.backend`));
  return causes;
}

function validateBackend({ service, resource }: IngressBackend, path: string): StatusCause[] {
  if (service && resource) return [invalidValue(path, '', 'cannot set both resource and service backends')];
  if (resource) return [];
  if (!service) return [invalidValue(path, '', 'resource or service backend is required')];
  const causes: StatusCause[] = [];
  if (!service.name) causes.push(required(`${path}.service.name`, ''));
  else for (const text of dnsLabel(service.name)) causes.push(invalidValue(`${path}.service.name`, service.name, text));
  const { name, number } = service.port ?? {};
  if (name && number) causes.push(invalidValue(path, '', 'cannot set both port name & port number'));
  else if (!name && !number) causes.push(required(path, 'port name or number is required'));
  else if (number && (number < 1 || number > 65535)) {
    causes.push(invalidValue(`${path}.service.port.number`, number, 'must be between 1 and 65535, inclusive'));
  }
  return causes;
}
