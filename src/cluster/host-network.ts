import { startDnsServer } from '../network/dns/dns-server.ts';
import { createForwarder } from '../network/dns/forwarder.ts';
import { createInformerView } from '../network/dns/informer-view.ts';
import { createResponder } from '../network/dns/responder.ts';
import { createNftDataplane } from '../network/nft.ts';
import { createServiceProxy } from '../network/service-proxy.ts';
import type { ControlPlane, Surroundings } from './control-plane.ts';
import { dnsPort } from './network-plan.ts';
import type { ClusterState } from './state.ts';

const clusterDomain = 'cluster.local';

/** DNS and the host's own way to services. */
export async function startHostNetwork(
  state: ClusterState,
  controlPlane: ControlPlane,
  { clock, log }: Surroundings,
): Promise<{ stop(): Promise<void> }> {
  const { informers } = controlPlane;
  const { hostAddress, dnsServiceAddress, servicesCidr } = state.network;
  const proxy = createServiceProxy({
    ...{ informers, clock, log, nodeName: undefined },
    dataplane: createNftDataplane({
      table: `timonel-${state.name}`,
      nodeName: undefined,
      serviceCidrs: [servicesCidr],
    }),
  });
  const view = createInformerView(informers);
  const forward = createForwarder({ clock, own: [hostAddress, dnsServiceAddress] });
  const [dns] = await Promise.all([
    startDnsServer({
      ...{ address: hostAddress, port: dnsPort, log },
      respond: createResponder({ domain: clusterDomain, view, forward }),
    }),
    proxy.start(),
  ]);
  return {
    async stop() {
      proxy.stop();
      await dns.close();
    },
  };
}
