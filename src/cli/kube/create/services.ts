import { portName } from '../../../api/names.ts';
import type { ServicePort } from '../../../api/types/core-v1.ts';
import { services } from '../../../client/resources.ts';
import { CliError } from '../../errors.ts';
import { make, type MakeFlags, nameOf } from './make.ts';

export interface ServiceFlags extends MakeFlags {
  /** `PORT[:TARGET]` */
  tcp?: string[];
  clusterip?: string;
  nodePort?: string;
  externalName?: string;
}

export type ServiceType = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';

/** `create service clusterip NAME`, and of the other types. */
export async function createService(type: ServiceType, words: readonly string[], flags: ServiceFlags): Promise<void> {
  const name = nameOf(words, `service ${type.toLowerCase()}`);
  const { tcp = [], clusterip, nodePort, externalName } = flags;
  if (tcp.length === 0 && clusterip !== 'None' && type !== 'ExternalName')
    throw new CliError('at least one tcp port specifier must be provided');
  const ports = tcp.map((text) => portOf(text, Number(nodePort ?? 0)));
  await make(flags, services, {
    metadata: { name, labels: { app: name } },
    spec: {
      type,
      selector: { app: name },
      ...(ports.length > 0 && { ports }),
      ...(clusterip && { clusterIP: clusterip }),
      ...(externalName && { externalName }),
    },
    status: { loadBalancer: {} },
  });
}

function portOf(text: string, nodePort: number): ServicePort {
  const at = text.indexOf(':');
  const port = portNumber(at < 0 ? text : text.slice(0, at));
  const target = at < 0 ? String(port) : text.slice(at + 1);
  return {
    name: text.replace(':', '-'),
    ...(nodePort > 0 && { nodePort }),
    port,
    protocol: 'TCP',
    targetPort: targetOf(target),
  };
}

/** In the words of Go's strconv. */
function portNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new CliError(`strconv.ParseUint: parsing "${text}": invalid syntax`);
  if (Number(text) > 65535) throw new CliError(`strconv.ParseUint: parsing "${text}": value out of range`);
  return Number(text);
}

function targetOf(text: string): number | string {
  if (/^-?\d+$/.test(text)) {
    if (Number(text) < 1 || Number(text) > 65535) throw new CliError('must be between 1 and 65535, inclusive');
    return Number(text);
  }
  const [problem] = portName(text);
  if (problem) throw new CliError(problem);
  return text;
}
