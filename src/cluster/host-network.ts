import { readFileSync } from 'node:fs';
import { startDnsServer } from '../network/dns/dns-server.ts';
import { createExchange } from '../network/dns/exchange.ts';
import { createForwarder } from '../network/dns/forwarder.ts';
import { createInformerView } from '../network/dns/informer-view.ts';
import { createResponder } from '../network/dns/responder.ts';
import { followUpstreamConfig } from '../network/dns/upstream-config.ts';
import { nameserversOf } from '../network/dns/upstreams.ts';
import { createEventRecorder } from '../client/recorder.ts';
import { createListeningPorts } from '../network/listening-ports.ts';
import { createNftDataplane } from '../network/nft.ts';
import { createNft } from '../network/nft-session.ts';
import { nftFamilyOf } from '../network/service-endpoints.ts';
import { createServiceProxy } from '../network/service-proxy.ts';
import type { ControlPlane, Surroundings } from './control-plane.ts';
import { clusterDomain, dnsAddresses, dnsPort, hostAddressOf, serviceRanges, stacksOf } from './network-plan.ts';
import { writeEdge } from './local-network.ts';
import { createLocalBalancer } from './local-balancer.ts';
import { keepServiceRoutes } from './service-routes.ts';
import { type ClusterState, hasIngress } from './state.ts';

/** DNS, the host's own way to services, and ingresses. */
export async function startHostNetwork(
  state: ClusterState,
  controlPlane: ControlPlane,
  surroundings: Surroundings,
): Promise<{ stop(): Promise<void> }> {
  const { clock, random, log } = surroundings;
  const { informers } = controlPlane;
  const families = stacksOf(state.network).map(({ hostAddress }) => nftFamilyOf(hostAddress));
  const scope = { table: `timonel-${state.name}`, nodeName: undefined, serviceCidrs: serviceRanges(state.network) };
  const client = controlPlane.api.clientFor({ name: 'system:kube-proxy', groups: ['system:authenticated'] });
  const recorder = createEventRecorder({ ...{ client, clock, random, log }, component: 'host-ports' });
  const holder = createListeningPorts();
  const nft = createNft();
  const proxy = createServiceProxy({
    ...{ informers, clock, log, nodeName: undefined, followsServiceCidrs: true },
    hostPorts: {
      holder,
      onRefused(service, { ip = '0.0.0.0', hostPort, protocol }, reason) {
        const object = { apiVersion: 'v1', kind: 'Service', metadata: service.metadata };
        const message = `port ${ip}:${hostPort}/${protocol} of the host is not published: ${reason}`;
        recorder.record(object, 'Warning', 'HostPortConflict', message);
      },
    },
    balancer: {
      address: hostAddressOf(state.network),
      open: (onChanged) => createLocalBalancer(state, surroundings, { recorder, onChanged }),
    },
    // Whoever emptied the rules has taken those of the way out, too.
    onLost: () => void writeEdge(state.network).catch((error: unknown) => log.error('no way out', { error })),
    dataplanes: families.map((family) => createNftDataplane({ ...scope, family }, nft, clock)),
  });
  const routes = keepServiceRoutes(state.network, informers, log);
  const [dns] = await Promise.all([startDns(state, controlPlane, surroundings), proxy.start()]);
  const ingress = hasIngress(state)
    ? await (await import('./ingress/local-ingress.ts')).startIngress(state, controlPlane, surroundings)
    : undefined;
  return {
    async stop() {
      ingress?.stop();
      proxy.stop();
      routes.stop();
      nft.close();
      holder.close();
      await dns.stop();
    },
  };
}

/** The cluster's DNS on the host; nodes ask here for what is not the cluster's. */
async function startDns(
  state: ClusterState,
  { api, informers }: ControlPlane,
  { clock, random, log }: Surroundings,
): Promise<{ stop(): Promise<void> }> {
  const addresses = dnsAddresses(state.network);
  const hostAddresses = addresses.map(({ hostAddress }) => hostAddress);
  const serviceAddresses = addresses.map(({ serviceAddress }) => serviceAddress);
  const { forward, ...forwarder } = createForwarder({
    ...{ clock, random, log, exchange: createExchange(clock), maxTtlSeconds: 30 },
    own: [...hostAddresses, ...serviceAddresses],
    defaults: machineResolvers,
  });
  const client = api.clientFor({ name: 'system:kube-proxy', groups: ['system:authenticated'] });
  const recorder = createEventRecorder({ ...{ client, clock, random, log }, component: 'dns' });
  const unfollow = followUpstreamConfig({ informers, forwarder, recorder });
  const zone = {
    domain: clusterDomain,
    nameServers: serviceAddresses,
    ownRanges: [...stacksOf(state.network).map(({ podsCidr }) => podsCidr), ...serviceRanges(state.network)],
  };
  const respond = createResponder({ zone, view: createInformerView(informers), forward, random });
  const servers = await Promise.all(
    hostAddresses.map((address) => startDnsServer({ address, port: dnsPort, respond, log })),
  );
  return {
    async stop() {
      unfollow();
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

/** As the machine's resolv.conf is now. */
function machineResolvers(): readonly string[] {
  try {
    return nameserversOf(readFileSync('/etc/resolv.conf', 'utf8'));
  } catch {
    return [];
  }
}
