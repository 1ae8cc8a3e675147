import type { Service as KubeService, ServicePort } from '../../../api/types/core-v1.ts';
import type { Port } from '../model.ts';
import { maxPorts, portsOf } from './container.ts';
import { objectName, serviceLabels, serviceObjectName, endpointSelector } from './names.ts';
import { isOutside } from './networks.ts';
import type { ServiceScope } from './scope.ts';
import { replicasOf } from './replicas.ts';
import { hostPortsAnnotation } from '../../../api/load-balancing.ts';

export function publishedName(service: string): string {
  return serviceObjectName(`${service}-published`);
}

/**
 * Published ports: a load balancer, which opens them on the machine's localhost and, elsewhere, at an address of the
 * cloud's. Ports for which the file names none are node ports, which the cluster chooses.
 */
export function publishedServiceOf(scope: ServiceScope): KubeService | undefined {
  const { service, name, project, problems, at } = scope;
  const ports = portsOf(service);
  if ((service.ports?.length ?? 0) > maxPorts)
    problems.refuse(at('ports'), `more than ${maxPorts} ports are too many for a Service`);
  if (ports.length === 0 || isOutside(service.network_mode)) return undefined;
  const planned = planPorts(scope, ports);
  const fixed = planned.filter(({ host }) => host !== undefined);
  const isPlain = planned.every(({ host, hostIp, port }) => host === port.port && hostIp === '');
  const annotation = fixed.map(({ host, hostIp, port }) => {
    const protocol = port.protocol === 'TCP' ? '' : `/${port.protocol?.toLowerCase()}`;
    return `${hostIp === '' ? '' : `${hostIp}:`}${host}:${port.port}${protocol}`;
  });
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: publishedName(name),
      labels: serviceLabels(project.name, name),
      ...(fixed.length > 0 && !isPlain && { annotations: { [hostPortsAnnotation]: annotation.join(',') } }),
    },
    spec: {
      type: fixed.length > 0 ? 'LoadBalancer' : 'NodePort',
      selector: endpointSelector(project.name, name),
      ...(isOpenAtOnce(scope) && { publishNotReadyAddresses: true }),
      ports: [...new Map(planned.map(({ port }) => [`${port.port}/${port.protocol}`, port])).values()],
    },
  };
}

/**
 * Docker opens a port when its container starts, whatever the healthcheck says. Where several containers answer, or one
 * follows another, those that are ready do.
 */
function isOpenAtOnce({ service, options }: ServiceScope): boolean {
  return options.swarm !== true && replicasOf(service) <= 1 && service.deploy?.update_config === undefined;
}

interface Planned {
  port: ServicePort;
  /** The host's port; undefined where the file leaves it open. */
  host: number | undefined;
  /** '' for every address. */
  hostIp: string;
}

/** Of a range for one port, each container has one: as many from its beginning as there are containers. */
function hostPorts({ published }: Port, containers: number): (number | undefined)[] {
  if (!published) return [undefined];
  const [first = 0, last = first] = published.split('-').map(Number);
  const count = Math.min(last - first + 1, Math.max(containers, 1));
  return Array.from({ length: count }, (_, index) => first + index);
}

function planPorts({ service, problems, at }: ServiceScope, ports: readonly Port[]): Planned[] {
  const targets = new Map<string, number>();
  const containers = replicasOf(service);
  const all = ports.flatMap((given, index) => hostPorts(given, containers).map((host) => ({ given, index, host })));
  return all.flatMap(({ given, index, host }) => {
    const protocol = (given.protocol || 'tcp').toUpperCase();
    const number = host ?? given.target;
    const id = `${number}/${protocol}`;
    const earlier = targets.get(id);
    if (earlier !== undefined && earlier !== given.target) {
      problems.refuse(at('ports', index), `${number} is published for port ${earlier} of the service already`);
      return [];
    }
    targets.set(id, given.target);
    const hostIp = isAny(given.host_ip) ? '' : (given.host_ip ?? '');
    if (hostIp.includes(':')) {
      problems.refuse(at('ports', index), `ports are published on addresses of IPv4, not on ${hostIp}`);
      return [];
    }
    const port: ServicePort = {
      name: portName(given, number, protocol),
      port: number,
      targetPort: given.target,
      protocol,
      appProtocol: given.app_protocol,
    };
    return [{ port, host, hostIp }];
  });
}

function isAny(address: string | undefined): boolean {
  return address === undefined || address === '0.0.0.0' || address === '::' || address === '';
}

function portName({ name }: Port, number: number, protocol: string): string {
  const given = name ? objectName(name).slice(0, 15).replace(/-+$/, '') : '';
  return given === '' ? `${protocol.toLowerCase()}-${number}` : given;
}
