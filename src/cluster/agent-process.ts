import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Connection, createHttpsClient } from '../client/https-client.ts';
import type { Informers } from '../client/informers.ts';
import { createInformers } from '../client/shared-informers.ts';
import { startDnsServer } from '../network/dns/dns-server.ts';
import { createExchange } from '../network/dns/exchange.ts';
import { createForwarder } from '../network/dns/forwarder.ts';
import { createInformerView } from '../network/dns/informer-view.ts';
import { takeDnsAddresses } from '../network/dns/node-address.ts';
import { createResponder } from '../network/dns/responder.ts';
import { createNftDataplane } from '../network/nft.ts';
import { createNft, type Nft } from '../network/nft-session.ts';
import { createNftPolicyDataplane } from '../network/policy/nft-policy.ts';
import { createPolicyEngine } from '../network/policy/policy-engine.ts';
import { serveProxyStatus } from '../network/proxy-status.ts';
import { nftFamilyOf } from '../network/service-endpoints.ts';
import { createServiceProxy } from '../network/service-proxy.ts';
import { createAgent } from '../node/agent.ts';
import { createCriRuntime } from '../node/cri.ts';
import { createLinuxSystem } from '../node/linux-system.ts';
import { readMachine } from '../node/machine.ts';
import { startNodeServer } from '../node/server.ts';
import type { AgentConfig } from './agent-config.ts';
import type { Surroundings } from './control-plane.ts';
import { kubernetesVersion } from './versions.ts';
import { clusterDomain } from './network-plan.ts';

export interface AgentProcess {
  /** Containers go on running. */
  stop(): Promise<void>;
}

/** Where kubelets listen. */
const kubeletPort = 10250;

/** One node as a process: kubelet and service proxy, in the network namespace that it was started in. */
export async function runAgent(config: AgentConfig, surroundings: Surroundings): Promise<AgentProcess> {
  const { clock, random, log } = surroundings;
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o711 });
  const client = createHttpsClient(config.kubelet, { clock });
  const nft = createNft();
  const proxy = config.proxy && startProxy(config, config.proxy, { ...surroundings, nft });
  proxy?.catch((error: unknown) => log.error('the service proxy did not start', { error }));
  const policies = config.proxy && startPolicies(config, config.proxy, { ...surroundings, nft });
  const runtime = createCriRuntime({ socketPath: config.runtimeSocket, clock, log });
  // A socket file may be left from a killed containerd: what counts is that somebody answers.
  await runtime.ready();
  const machine = await readMachine(config.dataDirectory);
  const agent = createAgent({
    ...{ client, runtime, clock, random, log, system: createLinuxSystem(), rootDirectory: config.dataDirectory },
    ...(config.sharedDirectory && { sharedDirectory: config.sharedDirectory }),
    node: {
      name: config.nodeName,
      addresses: [
        ...config.addresses.map((address) => ({ type: 'InternalIP' as const, address })),
        { type: 'Hostname', address: config.nodeName },
      ],
      capacity: machine.capacity,
      allocatable: machine.capacity,
      ...(config.podCidrs && { podCidrs: config.podCidrs }),
      kubeletPort,
      system: { ...machine.system, kubeletVersion: kubernetesVersion.gitVersion },
    },
    dns: { clusterDns: config.clusterDns, clusterDomain, host: machine.dns },
    ...(config.importedImages && { isImported: importedImages(config.importedImages) }),
    pressure: config.pressure,
    ...(policies && { gate: policies.gate }),
    settings: {
      cgroupRoot: config.cgroup,
      leaseDurationSeconds: config.lease.durationSeconds,
      leaseRenewIntervalMs: config.lease.renewIntervalMs,
      // Compose files set them: with Docker, whoever starts containers may.
      unsafeSysctls: ['net.*'],
    },
  });
  const server = await startNodeServer({
    backend: agent.backend,
    tls: { certificate: config.serving.certificate, key: config.serving.key, ca: config.clientAuthority },
    ...{ host: config.addresses[0] ?? '', port: kubeletPort, clock, log, client },
  });
  await agent.start();
  log.info('the node is up', { node: config.nodeName });
  return {
    async stop() {
      await agent.stop();
      // One that did not start has said so.
      (await proxy?.catch(() => undefined))?.stop();
      policies?.stop();
      nft.close();
      await server.close();
      runtime.close();
      client.close();
    },
  };
}

/** Looks a full name up in the index of the cluster's imported images, as it is at this moment. */
function importedImages(indexFile: string): (reference: string) => Promise<boolean> {
  return async (reference) => {
    const text = await readFile(indexFile, 'utf8').catch(() => '[]');
    return (JSON.parse(text) as { name: string }[]).some(({ name }) => name === reference);
  };
}

/** Network policies: with the proxy's rights, and a gate for the node's pods. */
function startPolicies(
  config: AgentConfig,
  connection: Connection,
  { clock, random, log, nft }: Surroundings & { nft: Nft },
) {
  const client = createHttpsClient(connection, { clock });
  const dnsAddresses = config.dnsForwarder ? config.clusterDns : [];
  const engine = createPolicyEngine({
    ...{ client, clock, log, nodeName: config.nodeName, dnsAddresses },
    openInformers: () => createInformers({ client, clock, random, log }),
    dataplane: createNftPolicyDataplane(
      {
        table: `timonel-${config.cluster}.policy`,
        podCidrs: config.podCidrs ?? [],
        dnsAddresses,
      },
      nft,
    ),
  });
  engine.start().catch((error: unknown) => log.error('network policies did not start', { error }));
  return {
    gate: engine,
    stop() {
      engine.stop();
      client.close();
    },
  };
}

async function startProxy(config: AgentConfig, connection: Connection, surroundings: Surroundings & { nft: Nft }) {
  const { clock, random, log, nft } = surroundings;
  const client = createHttpsClient(connection, { clock });
  const informers = createInformers({ client, clock, random, log });
  const { nodeName, serviceCidrs, addresses } = config;
  const families = addresses.map(nftFamilyOf);
  const scope = { table: `timonel-${config.cluster}`, nodeName, serviceCidrs };
  const proxy = createServiceProxy({
    ...{ informers, clock, log, nodeName: config.nodeName },
    dataplanes: families.map((family) => createNftDataplane({ ...scope, family }, nft, clock)),
    podCidrs: config.podCidrs ?? [],
    // Other control planes may not know the kind.
    followsServiceCidrs: config.serviceCidrs.length > 0,
  });
  const dns =
    config.dnsForwarder === undefined
      ? undefined
      : startDns(config, config.dnsForwarder, { informers, clock, random, log });
  dns?.catch((error: unknown) => log.error('this node does not answer for DNS itself', { error }));
  const status = serveProxyStatus({ health: () => proxy.health(), clock, log });
  await proxy.start();
  return {
    stop() {
      status.close();
      // One that did not start has said so.
      void dns?.then((running) => running.stop()).catch(() => undefined);
      proxy.stop();
      informers.stop();
      client.close();
    },
  };
}

/** The server may have to ask two resolvers in vain, two seconds each, before it knows. */
const forwardTimeoutMs = 4_500;

/** The cluster's DNS at the service's own address, from this node's informers: a query crosses no network. */
async function startDns(
  config: AgentConfig,
  forwarder: string,
  { informers, clock, random, log }: Surroundings & { informers: Informers },
) {
  const addresses = config.clusterDns;
  const view = createInformerView(informers);
  await Promise.all([informers.synced(), takeDnsAddresses({ table: `timonel-${config.cluster}.dns`, addresses })]);
  const { forward } = createForwarder({
    ...{ clock, random, log, exchange: createExchange(clock, forwardTimeoutMs) },
    ...{ own: addresses, defaults: () => [forwarder] },
    // The server, which knows the settings, keeps answers for longer.
    maxTtlSeconds: 5,
  });
  const zone = { domain: clusterDomain, nameServers: addresses, ownRanges: config.serviceCidrs };
  const respond = createResponder({ zone, view, forward, random });
  const servers = await Promise.all(addresses.map((address) => startDnsServer({ address, port: 53, respond, log })));
  return { stop: () => Promise.all(servers.map((server) => server.close())) };
}
