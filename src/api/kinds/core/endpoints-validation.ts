import type { EndpointAddress, EndpointPort, Endpoints, EndpointSubset } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, notSupported, required } from '../../field-errors.ts';
import { dnsLabel, fieldIp } from '../../names.ts';
import { validatePortNumber } from '../ports.ts';

export function validateEndpoints({ subsets }: Endpoints): StatusCause[] {
  return (subsets ?? []).flatMap((subset, index) => validateSubset(subset, `subsets[${index}]`));
}

function validateSubset(
  { addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset,
  path: string,
): StatusCause[] {
  const causes: StatusCause[] = [];
  if (addresses.length === 0 && notReadyAddresses.length === 0) {
    causes.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
  }
  addresses.forEach((address, index) => causes.push(...validateAddress(address, `${path}.addresses[${index}]`)));
  notReadyAddresses.forEach((address, index) => {
    causes.push(...validateAddress(address, `${path}.notReadyAddresses[${index}]`));
  });
  ports.forEach((port, index) => causes.push(...validatePort(port, `${path}.ports[${index}]`, ports.length > 1)));
  return causes;
}

function validateAddress({ ip: address, hostname, nodeName }: EndpointAddress, path: string): StatusCause[] {
  const causes = fieldIp(address).map((text) => invalidValue(`${path}.ip`, address, text));
  if (hostname) for (const text of dnsLabel(hostname)) causes.push(invalidValue(`${path}.hostname`, hostname, text));
  if (nodeName === '') causes.push(invalidValue(`${path}.nodeName`, nodeName, 'must not be empty'));
  if (causes.length === 0) causes.push(...validateReachable(address, `${path}.ip`));
  return causes;
}

/** Addresses of the machine itself, or of nobody, cannot be endpoints: they would open the node to whoever writes them. */
export function validateReachable(address: string, path: string): StatusCause[] {
  const [first = '', second = ''] = address.split('.');
  if (address === '0.0.0.0' || address === '::') {
    return [invalidValue(path, address, `may not be unspecified (${address})`)];
  }
  if (first === '127' || address === '::1') {
    return [invalidValue(path, address, 'may not be in the loopback range (127.0.0.0/8, ::1/128)')];
  }
  if ((first === '169' && second === '254') || /^fe[89ab]/i.test(address)) {
    return [invalidValue(path, address, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)')];
  }
  if ((first === '224' && second === '0' && address.startsWith('224.0.0.')) || /^ff02:/i.test(address)) {
    return [invalidValue(path, address, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')];
  }
  return [];
}

const protocols = ['SCTP', 'TCP', 'UDP'];

function validatePort({ name, port, protocol }: EndpointPort, path: string, nameRequired: boolean): StatusCause[] {
  const causes: StatusCause[] = [];
  if (nameRequired && !name) causes.push(required(`${path}.name`, ''));
  else if (name) for (const text of dnsLabel(name)) causes.push(invalidValue(`${path}.name`, name, text));
  validatePortNumber(causes, `${path}.port`, port);
  if (!protocol) causes.push(required(`${path}.protocol`, ''));
  else if (!protocols.includes(protocol)) causes.push(notSupported(`${path}.protocol`, protocol, protocols));
  return causes;
}
