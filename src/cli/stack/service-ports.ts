import type { NetworkPolicy } from '../../api/types/networking-v1.ts';
import type { Service as KubeService, ServicePort } from '../../api/types/core-v1.ts';
import type { Port } from '../../delivery/compose/model.ts';
import { parsePort } from '../../delivery/compose/short-syntax.ts';
import { policiesOf } from '../../delivery/compose/translate/networks.ts';
import { publishedServiceOf } from '../../delivery/compose/translate/ports.ts';
import { objectName } from '../../delivery/compose/translate/names.ts';
import { CliError } from '../errors.ts';
import { csvFields } from './csv-fields.ts';
import { translated } from './service-model.ts';
import type { StackService } from './stacks.ts';
import { hostPortsAnnotation } from '../../api/load-balancing.ts';

export interface PortFlags {
  publishAdd?: string[];
  publishRm?: string[];
}

export interface PublishedObjects {
  /** Undefined: no port is published any more. */
  service: KubeService | undefined;
  policy: NetworkPolicy | undefined;
  /** Of the policy, whether or not it is to be. */
  policyName: string;
}

/** The objects that publish a service's ports after a change, from the one that does now. Throws {@link CliError}. */
export function publishedAfter(
  service: Pick<StackService, 'stack' | 'service'>,
  current: KubeService | undefined,
  { publishAdd = [], publishRm = [] }: PortFlags,
): PublishedObjects {
  const removed = publishRm.flatMap((text) => portsOf(text, 'publish-rm'));
  const kept = current ? publishedPorts(current).filter((port) => !removed.some((each) => isSame(port, each))) : [];
  const added = publishAdd.flatMap((text) => portsOf(text, 'publish-add'));
  // One that is published there already is published anew.
  const ports = [...kept.filter((port) => !added.some((each) => isOver(port, each))), ...added];
  return translated(service, { ports }, (scope) => {
    const policyName = objectName(`published-${service.service}`);
    return {
      service: publishedServiceOf({ ...scope, service: { ports, networks: { default: null } } }),
      policy: policiesOf({
        ...scope,
        project: { ...scope.project, services: { [service.service]: { ports, networks: { default: null } } } },
      }).find(({ metadata }) => ports.length > 0 && metadata.name === policyName),
      policyName,
    };
  });
}

/** The published port, or the target alone, as `--publish-rm` has it. */
function isSame(port: Port, wanted: Port): boolean {
  return (
    port.target === wanted.target &&
    port.protocol === wanted.protocol &&
    (wanted.published === undefined || wanted.published === port.published)
  );
}

function isOver(port: Port, added: Port): boolean {
  return port.protocol === added.protocol && port.published !== undefined && port.published === added.published;
}

/** What a Service publishes, as a file would say it. */
export function publishedPorts({ metadata, spec }: KubeService): Port[] {
  const text = metadata.annotations?.[hostPortsAnnotation];
  const all = spec?.ports ?? [];
  const targetOf = ({ port, targetPort = port }: ServicePort): number => Number(targetPort);
  const protocolOf = ({ protocol = 'TCP' }: ServicePort): string => protocol.toLowerCase();
  if (spec?.type !== 'LoadBalancer') return all.map((port) => ({ target: targetOf(port), protocol: protocolOf(port) }));
  if (text === undefined) {
    return all.map((port) => {
      return { target: targetOf(port), published: String(port.port), protocol: protocolOf(port) };
    });
  }
  return text.split(',').flatMap((entry) => {
    // `[ip:]host:port[/protocol]`, where the port is the Service's own.
    const [{ hostIp, published, target, protocol } = {}] = parsePort(entry);
    const own = all.find((port) => port.port === target && protocolOf(port) === protocol);
    if (!own || published === undefined || protocol === undefined) return [];
    return [{ target: targetOf(own), published, protocol, ...(hostIp && { host_ip: hostIp }) }];
  });
}

/** `8080:80/tcp`, `80`, or `published=8080,target=80,protocol=tcp,mode=ingress`. */
export function portsOf(text: string, flag: 'publish' | 'publish-add' | 'publish-rm'): Port[] {
  const invalid = (why: string): CliError => new CliError(`invalid argument "${text}" for "--${flag}": ${why}`);
  if (!text.includes('=')) {
    try {
      return parsePort(text).map(({ hostIp, published, target, protocol }) => ({
        ...{ target, protocol },
        ...(published !== '' && { published }),
        ...(hostIp !== '' && { host_ip: hostIp }),
      }));
    } catch (error) {
      throw invalid((error as Error).message);
    }
  }
  const { target, published, protocol = 'tcp', mode = 'ingress', ...others } = csvFields(text, invalid);
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(`invalid field key ${other}`);
  if (mode !== 'ingress') throw invalid(`published ports have no mode ${mode} here: they lead to all containers`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw invalid(`invalid protocol value '${protocol}'`);
  if (target === undefined || !/^\d+$/.test(target)) throw invalid('target is a port from 1 to 65535');
  if (published !== undefined && !/^\d+$/.test(published)) throw invalid('published is a port from 1 to 65535');
  return [{ target: Number(target), protocol, ...(published !== undefined && { published }) }];
}
