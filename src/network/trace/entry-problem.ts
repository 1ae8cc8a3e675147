import type { Service } from '../../api/types/core-v1.ts';
import { isIpInBlock } from '../../base/ip-address.ts';
import { isLocalhost } from './ends.ts';
import { type Source, titleOf, type TracePlan, type TraceProblem } from './facts.ts';

/**
 * Why a service does not let this client in by the address that it connects to, though it has endpoints: source ranges
 * hold at the balancer's addresses and at ports of the host, and external traffic stays on the node where it comes in,
 * when the service says so (as kube-proxy does both). What a pod sends to its own node counts as internal.
 */
export function entryProblem(
  service: Service,
  { source, entry, targets }: Pick<TracePlan, 'source' | 'entry' | 'targets'>,
): TraceProblem | undefined {
  if (!entry || targets.length === 0) return undefined;
  const name = titleOf(service);
  const { externalTrafficPolicy, externalIPs = [], loadBalancerSourceRanges: ranges = [] } = service.spec ?? {};
  const isOfNodes = (service.spec?.ports ?? []).some(({ nodePort }) => nodePort === entry.port);
  const isGuarded = !isOfNodes && !externalIPs.includes(entry.ip);
  const client = source.kind === 'host' ? clientAt(entry.ip, source.ip) : source.pod.status?.podIP;
  if (isGuarded && client !== undefined && ranges.length > 0 && !ranges.some((each) => isIpInBlock(client, each))) {
    return {
      what: `service ${name} takes connections to ${entry.ip} from ${ranges.join(', ')} alone (loadBalancerSourceRanges), and this one comes from ${client}`,
      fix: `Add the client's range to spec.loadBalancerSourceRanges, or connect to ${service.spec?.clusterIP} inside of the cluster.`,
    };
  }
  if (externalTrafficPolicy !== 'Local' || !isOfNodes || !isOutside(source, entry.ip)) return undefined;
  const places = targets.flatMap(({ pod }) => pod?.status?.hostIP ?? []);
  if (places.includes(entry.ip) || places.length === 0) return undefined;
  return {
    what: `service ${name} keeps connections on the node where they come in (externalTrafficPolicy Local), and ${entry.ip} has no ready pod of it`,
    fix: `Connect to a node that has one (${[...new Set(places)].join(', ')}), or set externalTrafficPolicy to Cluster.`,
  };
}

/** What the host's connections come from: to itself, from itself. */
function clientAt(entryIp: string, ip: string | undefined): string | undefined {
  return isLocalhost(entryIp) ? entryIp : ip;
}

/** Whether a connection to a node's address comes from elsewhere than the node and its pods. */
function isOutside(source: Source, nodeIp: string): boolean {
  if (source.kind === 'host') return !isLocalhost(nodeIp);
  const own = source.pod.status?.hostIP;
  return own !== undefined && own !== nodeIp;
}
