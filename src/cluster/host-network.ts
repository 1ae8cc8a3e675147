import { startDnsServer } from '../network/dns/dns-server.ts';
import { createForwarder } from '../network/dns/forwarder.ts';
import { createInformerView } from '../network/dns/informer-view.ts';
import { createResponder } from '../network/dns/responder.ts';
import { createEventRecorder } from '../client/recorder.ts';
import { createListeningPorts } from '../network/listening-ports.ts';
import { createNftDataplane } from '../network/nft.ts';
import { createServiceProxy } from '../network/service-proxy.ts';
import type { ControlPlane, Surroundings } from './control-plane.ts';
import { dnsPort } from './network-plan.ts';
import { type ClusterState, hasIngress } from './state.ts';

const clusterDomain = 'cluster.local';

/** DNS, the host's own way to services, and ingresses. */
export async function startHostNetwork(
  state: ClusterState,
  controlPlane: ControlPlane,
  surroundings: Surroundings,
): Promise<{ stop(): Promise<void> }> {
  const { clock, random, log } = surroundings;
  const { informers } = controlPlane;
  const { hostAddress, dnsServiceAddress, servicesCidr, loadBalancersCidr } = state.network;
  const client = controlPlane.api.clientFor({ name: 'system:kube-proxy', groups: ['system:authenticated'] });
  const recorder = createEventRecorder({ ...{ client, clock, random, log }, component: 'host-ports' });
  const holder = createListeningPorts();
  const proxy = createServiceProxy({
    ...{ informers, clock, log, nodeName: undefined },
    hostPorts: {
      holder,
      onRefused(service, { ip = '0.0.0.0', hostPort, protocol }, reason) {
        const object = { apiVersion: 'v1', kind: 'Service', metadata: service.metadata };
        const message = `port ${ip}:${hostPort}/${protocol} of the host is not published: ${reason}`;
        recorder.record(object, 'Warning', 'HostPortConflict', message);
      },
    },
    dataplane: createNftDataplane({
      table: `timonel-${state.name}`,
      nodeName: undefined,
      serviceCidrs: [servicesCidr, loadBalancersCidr],
    }),
  });
  const view = createInformerView(informers);
  const forward = createForwarder({ clock, own: [hostAddress, dnsServiceAddress] });
  const [dns] = await Promise.all([
    startDnsServer({
      ...{ address: hostAddress, port: dnsPort, log },
      respond: createResponder({ domain: clusterDomain, view, forward, random }),
    }),
    proxy.start(),
  ]);
  const ingress = hasIngress(state)
    ? await (await import('./ingress/local-ingress.ts')).startIngress(state, controlPlane, surroundings)
    : undefined;
  return {
    async stop() {
      ingress?.stop();
      proxy.stop();
      holder.close();
      await dns.close();
    },
  };
}
