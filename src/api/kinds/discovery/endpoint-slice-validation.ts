import type { Endpoint, EndpointPort, EndpointSlice } from '../../types/discovery-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, invalidValue, notSupported, required, tooMany } from '../../field-errors.ts';
import { dnsLabel, dnsSubdomain, ip, labelValue } from '../../names.ts';
import { validateReachable } from '../core/endpoints-validation.ts';
import { immutable } from '../immutable.ts';

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const protocols = ['SCTP', 'TCP', 'UDP'];
const mostEndpoints = 1000;
const mostPorts = 20000;
const mostAddresses = 100;

export function validateEndpointSlice({ addressType, endpoints = [], ports = [] }: EndpointSlice): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!addressType) causes.push(required('addressType', ''));
  else if (!addressTypes.includes(addressType)) causes.push(notSupported('addressType', addressType, addressTypes));
  if (endpoints.length > mostEndpoints) return [...causes, tooMany('endpoints', endpoints.length, mostEndpoints)];
  endpoints.forEach((endpoint, index) => {
    causes.push(...validateEndpoint(endpoint, addressType, `endpoints[${index}]`));
  });
  if (ports.length > mostPorts) return [...causes, tooMany('ports', ports.length, mostPorts)];
  causes.push(...validatePorts(ports));
  return causes;
}

function validateEndpoint(endpoint: Endpoint, addressType: string, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const { addresses, nodeName, hostname } = endpoint;
  if (addresses.length === 0) causes.push(required(`${path}.addresses`, 'must contain at least 1 address'));
  else if (addresses.length > mostAddresses) {
    causes.push(tooMany(`${path}.addresses`, addresses.length, mostAddresses));
  }
  addresses.forEach((address, index) => {
    causes.push(...validateAddress(address, addressType, `${path}.addresses[${index}]`));
  });
  if (nodeName !== undefined) {
    for (const text of dnsSubdomain(nodeName)) causes.push(invalidValue(`${path}.nodeName`, nodeName, text));
  }
  if (hostname !== undefined) {
    for (const text of dnsLabel(hostname)) causes.push(invalidValue(`${path}.hostname`, hostname, text));
  }
  for (const value of Object.values(endpoint.deprecatedTopology ?? {})) {
    for (const text of labelValue(value)) causes.push(invalidValue(`${path}.deprecatedTopology`, value, text));
  }
  return causes;
}

function validateAddress(address: string, addressType: string, path: string): StatusCause[] {
  if (addressType === 'FQDN') {
    return dnsSubdomain(address).map((text) => invalidValue(path, address, text));
  }
  const problems = ip(address);
  if (problems.length > 0) return problems.map((text) => invalidValue(path, address, text));
  const isV6 = address.includes(':');
  if (addressType === 'IPv4' && isV6) return [invalidValue(path, address, 'must be an IPv4 address')];
  if (addressType === 'IPv6' && !isV6) return [invalidValue(path, address, 'must be an IPv6 address')];
  return validateReachable(address, path);
}

function validatePorts(ports: readonly EndpointPort[]): StatusCause[] {
  const causes: StatusCause[] = [];
  const names = new Set<string>();
  ports.forEach(({ name = '', protocol, port }, index) => {
    const path = `ports[${index}]`;
    if (name !== '') for (const text of dnsLabel(name)) causes.push(invalidValue(`${path}.name`, name, text));
    if (names.has(name)) causes.push(duplicate(`${path}.name`, name));
    names.add(name);
    if (!protocol) causes.push(required(`${path}.protocol`, ''));
    else if (!protocols.includes(protocol)) causes.push(notSupported(`${path}.protocol`, protocol, protocols));
    if (port !== undefined && (port < 1 || port > 65535)) {
      causes.push(invalidValue(`${path}.port`, port, 'must be between 1 and 65535, inclusive'));
    }
  });
  return causes;
}

export function validateEndpointSliceUpdate(object: EndpointSlice, old: EndpointSlice): StatusCause[] {
  return immutable('addressType', object.addressType, old.addressType);
}
