import { fieldIp, portName } from '../../names.ts';
import type { Container, ContainerPort, PodSpec } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, invalidValue, notSupported, required } from '../../field-errors.ts';
import { validatePortNumber } from '../ports.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];

export function validateContainerPorts(causes: StatusCause[], ports: readonly ContainerPort[], path: string): void {
  const names = ports.length > 1 ? new Set<string>() : undefined;
  for (let index = 0; index < ports.length; index++) {
    const { name, containerPort, hostPort, protocol, hostIP } = ports[index]!;
    const at = `${path}[${index}]`;
    if (name) {
      for (const text of portName(name)) causes.push(invalidValue(`${at}.name`, name, text));
      if (names?.has(name)) causes.push(duplicate(`${at}.name`, name));
      names?.add(name);
    }
    if (!containerPort) causes.push(required(`${at}.containerPort`, ''));
    else validatePortNumber(causes, `${at}.containerPort`, containerPort);
    if (hostPort) validatePortNumber(causes, `${at}.hostPort`, hostPort);
    if (!protocol) causes.push(required(`${at}.protocol`, ''));
    else if (!protocols.includes(protocol)) causes.push(notSupported(`${at}.protocol`, protocol, protocols));
    if (hostIP) for (const text of fieldIp(hostIP)) causes.push(invalidValue(`${at}.hostIP`, hostIP, text));
  }
}

/** A port of the host can be given once; with the host's network, it is the container's own. */
export function validateHostPorts(causes: StatusCause[], spec: PodSpec, path: string): void {
  const taken = new Set<string>();
  forEachPort(spec.containers, (port, at) => {
    if (!port.hostPort) return;
    if (spec.hostNetwork && port.hostPort !== port.containerPort) {
      const rule = 'must match `hostPort` when `hostNetwork` is true';
      causes.push(invalidValue(`${path}.containers${at}.containerPort`, port.containerPort, rule));
    }
    const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
    if (taken.has(key)) causes.push(duplicate(`${path}.containers${at}.hostPort`, key));
    taken.add(key);
  });
}

function forEachPort(containers: readonly Container[], visit: (port: ContainerPort, at: string) => void): void {
  for (let index = 0; index < containers.length; index++) {
    const ports = containers[index]!.ports;
    if (ports) ports.forEach((port, nth) => visit(port, `[${index}].ports[${nth}]`));
  }
}
