/** The pod network of one node. */
export interface PodNetworkOptions {
  name: string;
  /** `bridge` joins the pods by a bridge `cni0`; `ptp` gives each its own link to the node. */
  kind: 'bridge' | 'ptp';
  /** The node's own part of the pod range: `10.244.1.0/24`. */
  podCidr: string;
  mtu: number;
  /** Whether host ports can be served: the plugin for it calls iptables. */
  hostPorts: boolean;
  /** Where host-local remembers which pod has which address. */
  dataDirectory: string;
}

/**
 * The CNI configuration list (https://www.cni.dev/docs/spec/) of a node: addresses by host-local, host ports by
 * portmap. Masquerading is not done here: pods keep their address towards other pods, and the machine's edge does it
 * for the world.
 */
export function renderCniConfig({ name, kind, podCidr, mtu, hostPorts, dataDirectory }: PodNetworkOptions): string {
  const link = {
    bridge: { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, hairpinMode: true, mtu },
    ptp: { type: 'ptp', ipMasq: false, mtu },
  };
  const ipam = {
    type: 'host-local',
    dataDir: dataDirectory,
    ranges: [[{ subnet: podCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const portmap = hostPorts ? [{ type: 'portmap', capabilities: { portMappings: true } }] : [];
  const plugins = [{ ...link[kind], ipam }, ...portmap];
  return `${JSON.stringify({ cniVersion: '0.4.0', name, plugins }, undefined, 2)}\n`;
}
