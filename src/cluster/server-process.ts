import { createRequestSigner } from './request-signer.ts';
import { join } from 'node:path';
import type { SystemAddress } from '../apiserver/bootstrap.ts';
import { createHttpsNodeConnector } from '../apiserver/streaming/https-node-connector.ts';
import { listen } from '../apiserver/listener.ts';
import { type ControllerSettings, localControllerSettings } from '../controllers/settings.ts';
import type { LocalVolumes } from '../controllers/volumes/local-provisioner.ts';
import { ingressController } from '../network/ingress/class.ts';
import { openLmdbStore } from '../store/lmdb.ts';
import { awaitTurn, sayReady } from './background-process.ts';
import { type ControlPlane, createControlPlane, type Surroundings } from './control-plane.ts';
import { clusterPki } from './cluster-pki.ts';
import { dnsAddresses, dnsPort, localAddresses, type NetworkPlan, stacksOf } from './network-plan.ts';
import { createLocalVolumes, createSimulatedVolumes } from './local-volumes.ts';
import type { startHostNetwork } from './host-network.ts';
import type { SimulatedNodes } from './simulated-nodes.ts';
import { createWarmUp } from './warm-up/warm-up.ts';
import { type ClusterState, clusterPaths, hasIngress, readState } from './state.ts';

export interface ServerProcess {
  /** Stops in order; what was acknowledged is on disk. */
  stop(): Promise<void>;
  /** Reads cluster.json again: simulated nodes come and go. */
  reload(): Promise<void>;
}

export interface ServerParts {
  controllers: boolean;
  scheduler: boolean;
}

/** The control plane of a local cluster as a process: store, API server, controllers, scheduler, DNS, the host's service rules. */
export async function runServer(
  state: ClusterState,
  parts: ServerParts,
  surroundings: Surroundings,
): Promise<ServerProcess> {
  const { clock, random, log } = surroundings;
  const paths = clusterPaths(state.name);
  const isReal = state.runtime === 'containerd';
  const stacks = stacksOf(state.network);
  const pki = clusterPki(state, clock, { isChecked: true });
  const store = await openLmdbStore({ path: paths.store });
  const localHosts = localAddresses(state.network);
  const address = isReal ? stacks[0].hostAddress : '127.0.0.1';
  const controlPlane = await createControlPlane({
    ...surroundings,
    store,
    certificateAuthority: pki.authority.certificate,
    serviceAccountKey: pki.serviceAccountKey,
    serviceCidr: stacks.map(({ servicesCidr }) => servicesCidr).join(','),
    advertise: { address, port: state.port },
    nodePortRange: state.settings.nodePortRange,
    ...(isReal && { dns: dnsOf(state.network) }),
    connector: createHttpsNodeConnector({ ...pki.kubeletClient, ca: pki.authority.certificate }),
    certificateSigner: createRequestSigner(pki.authority, clock),
    frontProxy: pki.frontProxy,
    controllers: controllersOf(state),
    evictionAfterSeconds: state.settings.evictionAfterSeconds,
    ...localVolumes(state),
    ...(hasIngress(state) && {
      ingressClass: { name: state.ingress?.className ?? 'timonel', controller: ingressController },
    }),
  });
  const warmUp = createWarmUp({ ...surroundings, pki, directory: join(paths.directories.run, 'warm-up') });
  // The address that it listens on is made meanwhile.
  awaitTurn('serve');
  const listener = await listen({
    handler: warmUp.stepBackFor(controlPlane.api.handler),
    hosts: isReal ? [...localHosts, address] : localHosts,
    port: state.port,
    key: pki.server.key,
    certificate: pki.server.certificate,
    clientAuthority: pki.authority.certificate,
    ...{ log, clock, random },
  });
  const simulated = isReal ? undefined : await simulatedNodes(controlPlane, surroundings);
  await simulated?.set(wantedNames(state));
  sayReady('ready');
  const partsStarted = controlPlane.startParts(parts);
  const network = isReal ? hostNetwork(state, controlPlane, surroundings) : undefined;
  await partsStarted;
  if (process.env['TIMONEL_WARM_UP'] !== 'off') void warmUp.start(listener);
  log.info('the control plane is up', { cluster: state.name, port: state.port });
  return {
    async stop() {
      await warmUp.stop();
      await (await network)?.stop();
      await simulated?.stop();
      await listener.close(1_000);
      await controlPlane.stop();
      await store.close();
    },
    async reload() {
      const current = readState(state.name);
      if (current) await simulated?.set(wantedNames(current));
    },
  };
}

function controllersOf({ settings, network }: ClusterState): ControllerSettings {
  return {
    ...localControllerSettings,
    nodeMonitorGracePeriodMs: settings.nodeGraceSeconds * 1000,
    loadBalancersCidrs: stacksOf(network).map(({ loadBalancersCidr }) => loadBalancersCidr),
  };
}

/** Where the cluster's DNS is asked, and where it is answered. */
function dnsOf(network: NetworkPlan): SystemAddress[] {
  return dnsAddresses(network).map(({ serviceAddress, hostAddress }) => ({
    serviceAddress,
    endpoint: { address: hostAddress, port: dnsPort },
  }));
}

/** Nodes on other machines share no directory: there, somebody else makes volumes. */
function localVolumes({ name, runtime, nodes }: ClusterState): { localVolumes?: LocalVolumes } {
  if (runtime === 'containerd') return { localVolumes: createLocalVolumes(clusterPaths(name).volumes) };
  return nodes.length > 0 ? { localVolumes: createSimulatedVolumes() } : {};
}

function wantedNames(state: ClusterState): string[] {
  return state.nodes.filter((node) => node.wanted).map((node) => node.name);
}

/** Loaded only where there are any. */
async function simulatedNodes(controlPlane: ControlPlane, surroundings: Surroundings): Promise<SimulatedNodes> {
  const { createSimulatedNodes } = await import('./simulated-nodes.ts');
  return createSimulatedNodes(controlPlane, surroundings);
}

/** Loaded when the API answers already. */
async function hostNetwork(...parts: Parameters<typeof startHostNetwork>): Promise<{ stop(): Promise<void> }> {
  return (await import('./host-network.ts')).startHostNetwork(...parts);
}
