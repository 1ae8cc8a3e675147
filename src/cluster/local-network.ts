import { podGateway } from '../node/cni-plugin.ts';
import {
  belongsToCluster,
  bridgeName,
  type NetworkPlan,
  type NodePlan,
  type NodeStack,
  stacksOf,
} from './network-plan.ts';
import {
  bridgesAreFiltered,
  configureNamespace,
  forwardIpv6,
  hasLink,
  ipBatch,
  listNamespaces,
  listNftTables,
  nftApply,
  portsOfBridge,
  readRoutes,
  setHostSysctl,
} from './netns.ts';

/**
 * Makes the cluster's bridge and its nodes' namespaces, with addresses, routes and the way out. Whatever exists already
 * stays as it is, so that a cluster whose nodes are running can be brought up again.
 *
 * No packet for a pod or a service leaves the machine: from before the first link to after the last, the host has a
 * last-resort route for both ranges that answers "unreachable".
 */
export async function setUpNetwork(plan: NetworkPlan, nodes: readonly NodePlan[]): Promise<void> {
  const namespaces = new Set(listNamespaces());
  const fresh = nodes.filter((node) => !namespaces.has(node.namespace) || !hasLink(node.hostLink));
  const edge = writeEdge(plan);
  await setUpBridge(plan);
  await ipBatch([
    ...fresh.flatMap((node) => cableCommands(plan, node, namespaces.has(node.namespace))),
    ...nodes.flatMap(podRoutes),
  ]);
  setHostSysctl('net.ipv4.ip_forward', '1');
  if (plan.ipv6) forwardIpv6();
  await Promise.all([
    edge,
    ...nodes.map((node) =>
      fresh.includes(node)
        ? configureNamespace(node.namespace, { sysctls: nodeSysctls, ip: nodeCommands(plan, node, nodes) })
        : configureNamespace(node.namespace, { sysctls: {}, ip: [...wayOutIpv6(plan), ...routesTo(nodes, node)] }),
    ),
  ]);
}

/** Makes the rules of the way out, whether they are there or not. */
export async function writeEdge(plan: NetworkPlan): Promise<void> {
  await nftApply(edgeRules(plan, { ipv4: readRoutes().defaultInterface !== undefined }));
}

/** The host's end of the cluster: its address is there when this resolves. The first thing to be made; made once. */
export async function setUpBridge(plan: NetworkPlan): Promise<void> {
  if (hasLink(plan.bridge)) return;
  await ipBatch([...lastResortRoutes(plan), ...bridgeCommands(plan)]);
  // Answers of services that the host reaches at 127.0.0.1 (node ports) come back over the bridge.
  setHostSysctl(`net.ipv4.conf.${plan.bridge}.route_localnet`, '1');
  setHostSysctl(`net.ipv4.conf.${plan.bridge}.rp_filter`, '0');
  // Nobody in the cluster tells the host which router it has.
  setHostSysctl(`net.ipv6.conf.${plan.bridge}.accept_ra`, '0');
}

/**
 * Takes a node's namespace and cable away; its processes must have ended. `others` forget the way to it. Idempotent.
 */
export async function removeNodeNetwork(node: NodePlan, others: readonly NodePlan[]): Promise<void> {
  const forget = podRoutes(node).map((line) => line.replace('replace', 'del'));
  await ipBatch([`link del ${node.hostLink}`, ...forget, `netns del ${node.namespace}`], { force: true });
  await Promise.all(
    others.map((other) =>
      // A node that never learnt the way, or whose namespace is gone, has nothing to forget.
      configureNamespace(other.namespace, { sysctls: {}, ip: forget }).catch(() => undefined),
    ),
  );
}

/**
 * Removes every namespace, link, route and nft table of a cluster, by their names: also of one that crashed. `plan`
 * adds the last-resort routes, which carry no name. Idempotent.
 */
export async function removeNetwork(cluster: string, plan: NetworkPlan | undefined): Promise<void> {
  const namespaces = listNamespaces().filter((name) => belongsToCluster(name, cluster));
  const bridge = bridgeName(cluster);
  await ipBatch(
    [
      // A namespace goes only with its last socket, which may wait minutes for an answer; its cable must not.
      ...portsOfBridge(bridge).map((link) => `link del ${link}`),
      ...namespaces.map((name) => `netns del ${name}`),
      ...(hasLink(bridge) ? [`link del ${bridge}`] : []),
      ...(plan ? lastResortRoutes(plan).map((line) => line.replace('replace', 'del')) : []),
    ],
    { force: true },
  );
  const tables = (await listNftTables()).filter(({ name }) => belongsToCluster(name, cluster));
  if (tables.length > 0) await nftApply(tables.map(({ family, name }) => `delete table ${family} ${name}\n`).join(''));
}

/**
 * The pod network's kind: without br_netfilter, answers within one bridge would miss the node's address translation.
 */
export function podNetworkKind(): 'bridge' | 'ptp' {
  return bridgesAreFiltered() ? 'bridge' : 'ptp';
}

const lastResortMetric = 65_000;

function lastResortRoutes(plan: NetworkPlan): string[] {
  const ranges = [plan.podsCidr, plan.servicesCidr, plan.loadBalancersCidr, ...(plan.ipv6 ? [plan.ipv6.cidr] : [])];
  return ranges.map((range) => `route replace unreachable ${range} metric ${lastResortMetric}`);
}

/** Service addresses need a way out of the host's own stack before they are translated. */
function bridgeCommands(plan: NetworkPlan): string[] {
  return [
    `link add ${plan.bridge} mtu ${plan.mtu} type bridge stp_state 0 forward_delay 0`,
    `addr replace ${plan.hostAddress}/24 dev ${plan.bridge}`,
    ...(plan.ipv6 ? [`addr replace ${plan.ipv6.hostAddress}/64 dev ${plan.bridge} nodad`] : []),
    `link set ${plan.bridge} up`,
    ...stacksOf(plan).flatMap(({ servicesCidr, loadBalancersCidr, hostAddress }) =>
      [servicesCidr, loadBalancersCidr].map((range) => `route replace ${range} dev ${plan.bridge} src ${hostAddress}`),
    ),
  ];
}

function cableCommands(plan: NetworkPlan, node: NodePlan, hasNamespace: boolean): string[] {
  return [
    ...(hasNamespace ? [] : [`netns add ${node.namespace}`]),
    // Of a namespace that has lost its name, and is not gone yet.
    ...(hasLink(node.hostLink) ? [`link del ${node.hostLink}`] : []),
    `link add ${node.hostLink} mtu ${plan.mtu} type veth peer name eth0 mtu ${plan.mtu} netns ${node.namespace}`,
    `link set ${node.hostLink} master ${plan.bridge} up`,
  ];
}

function nodeCommands(plan: NetworkPlan, node: NodePlan, nodes: readonly NodePlan[]): string[] {
  const isBridge = podNetworkKind() === 'bridge';
  return [
    'link set lo up',
    `addr replace ${node.address}/24 dev eth0`,
    'link set eth0 up',
    `route replace default via ${plan.hostAddress}`,
    ...(isBridge ? podBridgeCommands(plan, node) : []),
    ...node.stacks.flatMap((stack) => [
      ...(stack.family === 'IPv6' ? [`addr replace ${stack.address}/64 dev eth0 nodad`] : []),
      ...(isBridge ? [podGatewayCommand(stack)] : []),
      // For addresses that no pod has.
      `route replace unreachable ${stack.podCidr} metric ${lastResortMetric}`,
    ]),
    ...wayOutIpv6(plan),
    ...routesTo(nodes, node),
  ];
}

function wayOutIpv6({ ipv6 }: NetworkPlan): string[] {
  return ipv6 ? [`route replace default via ${ipv6.hostAddress} dev eth0`] : [];
}

/** What joins the pods of the node: each pod's link is plugged in by the CNI plugin. */
function podBridgeCommands({ mtu }: NetworkPlan, { stacks }: NodePlan): string[] {
  const [{ podCidr }] = stacks as [NodeStack];
  return [
    `link add cni0 mtu ${mtu} address ${podGateway(podCidr).hardwareAddress} type bridge stp_state 0 forward_delay 0`,
    'link set cni0 up',
  ];
}

function podGatewayCommand({ family, podCidr }: NodeStack): string {
  return `addr replace ${podGateway(podCidr).address}${family === 'IPv4' ? '/24' : '/64'} dev cni0${family === 'IPv4' ? '' : ' nodad'}`;
}

function routesTo(nodes: readonly NodePlan[], self: NodePlan): string[] {
  return nodes.filter((other) => other.node !== self.node).flatMap(podRoutes);
}

function podRoutes({ stacks }: NodePlan): string[] {
  return stacks.map(({ podCidr, address }) => `route replace ${podCidr} via ${address}`);
}

const nodeSysctls = {
  // kube-proxy's: a client may be long in closing, and nobody is silent for longer than a day.
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait': '3600',
  'net.netfilter.nf_conntrack_tcp_timeout_established': '86400',
  'net.ipv4.ip_forward': '1',
  'net.ipv4.conf.all.rp_filter': '0',
  'net.ipv4.conf.default.rp_filter': '0',
  'net.ipv4.conf.all.route_localnet': '1',
  'net.ipv4.conf.all.send_redirects': '0',
  'net.ipv4.conf.default.send_redirects': '0',
  'net.ipv6.conf.all.forwarding': '1',
  // Addresses are given out once: nobody need be asked, nor waited for.
  'net.ipv6.conf.all.accept_dad': '0',
  'net.ipv6.conf.default.accept_dad': '0',
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.bridge.bridge-nf-call-ip6tables': '1',
};

/**
 * Nodes and pods reach the world under the host's address: by IPv6 wherever the cluster has that, since the host's own
 * way out may come later; it says "no route" as long as there is none.
 */
function edgeRules(plan: NetworkPlan, has: { ipv4: boolean }): string {
  const { cluster, bridge, nodesCidr, podsCidr, servicesCidr, loadBalancersCidr, ipv6 } = plan;
  const table = (
    family: 'ip' | 'ip6',
    from: string,
    notTo: string,
  ): string => `add table ${family} timonel-${cluster}.edge
delete table ${family} timonel-${cluster}.edge
table ${family} timonel-${cluster}.edge {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ${family} saddr ${from} ${family} daddr != ${notTo} oifname != "${bridge}" masquerade
  }
}
`;
  const inside = `${nodesCidr}, ${podsCidr}`;
  return [
    ...(has.ipv4 ? [table('ip', `{ ${inside} }`, `{ ${inside}, ${servicesCidr}, ${loadBalancersCidr} }`)] : []),
    ...(ipv6 ? [table('ip6', ipv6.cidr, ipv6.cidr)] : []),
  ].join('');
}
