import type { ServicePort, ServiceSpec } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, forbidden, invalidValue, notSupported, required } from '../../field-errors.ts';
import { dnsLabel, portName, qualifiedName } from '../../names.ts';
import { validatePortNumber } from '../ports.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];

export function validateServicePorts({ ports = [], type }: ServiceSpec): StatusCause[] {
  const causes: StatusCause[] = [];
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  for (let index = 0; index < ports.length; index++) {
    const port = ports[index]!;
    const path = `spec.ports[${index}]`;
    validateName(causes, port.name ?? '', { path: `${path}.name`, needed: ports.length > 1, names });
    validatePort(causes, port, path);
    const { protocol = '', nodePort } = port;
    const key = `${protocol}/${port.port}`;
    if (numbers.has(key)) causes.push(duplicate(path, { protocol, port: port.port }));
    numbers.add(key);
    if (!nodePort) continue;
    if (type === 'ClusterIP') {
      causes.push(forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    } else if (type === 'ExternalName') {
      causes.push(forbidden(`${path}.nodePort`, "may not be used when `type` is 'ExternalName'"));
    }
    if (nodePorts.has(`${protocol}/${nodePort}`)) causes.push(duplicate(`${path}.nodePort`, nodePort));
    nodePorts.add(`${protocol}/${nodePort}`);
  }
  return causes;
}

function validateName(
  causes: StatusCause[],
  name: string,
  { path, needed, names }: { path: string; needed: boolean; names: Set<string> },
): void {
  if (name === '') {
    if (needed) causes.push(required(path, ''));
    return;
  }
  for (const text of dnsLabel(name)) causes.push(invalidValue(path, name, text));
  if (names.has(name)) causes.push(duplicate(path, name));
  names.add(name);
}

function validatePort(causes: StatusCause[], port: ServicePort, path: string): void {
  validatePortNumber(causes, `${path}.port`, port.port);
  if (!port.protocol) causes.push(required(`${path}.protocol`, ''));
  else if (!protocols.includes(port.protocol)) causes.push(notSupported(`${path}.protocol`, port.protocol, protocols));
  const { targetPort, appProtocol } = port;
  if (typeof targetPort === 'number') validatePortNumber(causes, `${path}.targetPort`, targetPort);
  else for (const text of portName(targetPort ?? '')) causes.push(invalidValue(`${path}.targetPort`, targetPort, text));
  if (appProtocol !== undefined) {
    for (const text of qualifiedName(appProtocol)) causes.push(invalidValue(`${path}.appProtocol`, appProtocol, text));
  }
}
