import { createAuthority, createSigningKey, issueCertificate } from './cluster/certificates.ts';
import { createRequestSigner } from './cluster/request-signer.ts';
import { createControlPlane } from './cluster/control-plane.ts';
import { mergeKubeconfig } from './cluster/kubeconfig-merge.ts';
import { createSimulatedVolumes } from './cluster/local-volumes.ts';
import { createSimulatedNodes } from './cluster/simulated-nodes.ts';
import type { Handler } from './apiserver/handler.ts';
import { listen } from './apiserver/listener.ts';
import { unreachableConnector } from './apiserver/streaming/unreachable-connector.ts';
import type { Clock } from './base/clock.ts';
import { silentLogger, type Logger } from './base/log.ts';
import { type Random, seededRandom, systemRandom } from './base/random.ts';
import { createSimulatedClock } from './base/simulated-clock.ts';
import { systemClock } from './base/system-clock.ts';
import type { KubeObject } from './api/object.ts';
import type { Client, ObjectName, Resource } from './client/client.ts';
import { applySet } from './delivery/apply/applier.ts';
import { parseManifests } from './delivery/apply/manifests.ts';
import { createResourceMapper } from './delivery/apply/resource-mapper.ts';
import { waitForObjects } from './delivery/apply/wait.ts';
import { localControllerSettings } from './controllers/settings.ts';
import type { SimulatedRuntime } from './node/simulated.ts';
import { createMemoryStore } from './store/memory.ts';

export { ApiError, isApiError } from './api/status.ts';
export type { Client, Resource, WatchEvent } from './client/client.ts';
export * as resources from './client/resources.ts';
export { createSimulatedClock, systemClock };
export type { Clock, Logger, Random, SimulatedRuntime };

export interface CreateClusterOptions {
  /** How many simulated nodes. Default 1. */
  nodes?: number;
  /** Default: the machine's. With a simulated clock (`createSimulatedClock`) a day takes as long as its events. */
  clock?: Clock;
  /** Makes names and ties reproducible. */
  seed?: number;
  /** Default: silent. */
  log?: Logger;
}

export interface Cluster {
  /** As an administrator, in process: no sockets, no JSON. */
  client: Client;
  /** Creates the objects of a manifest (YAML or JSON, also many documents), or merges them into those that are there. */
  apply(manifest: string): Promise<KubeObject[]>;
  /**
   * The object, once `holds` says so of it; of one that is not there `holds` is told undefined. Rejects after
   * `timeoutMs` (default 30 s) of the cluster's clock: a simulated one must be advanced meanwhile.
   */
  waitFor<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    holds: (object: T | undefined) => boolean,
    timeoutMs?: number,
  ): Promise<T | undefined>;
  /** Serves HTTPS on a free port of 127.0.0.1 (the first time) and gives a kubeconfig for it. */
  kubeconfig(): Promise<string>;
  /** Names of the running nodes. */
  nodes(): readonly string[];
  addNode(name: string): Promise<void>;
  /** The node falls silent, as after a power failure. */
  killNode(name: string): Promise<void>;
  /** To steer a node's containers: let them exit, crash, miss images. */
  runtime(node: string): SimulatedRuntime | undefined;
  stop(): Promise<void>;
}

const admin = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };
const serviceCidr = '10.96.0.0/16';

/** A whole cluster in this process: API server, controllers, scheduler and simulated nodes over a store in memory. */
export async function createCluster(options: CreateClusterOptions = {}): Promise<Cluster> {
  const { clock = systemClock, log = silentLogger } = options;
  const random = options.seed === undefined ? systemRandom : seededRandom(options.seed);
  const surroundings = { clock, random, log };
  const store = createMemoryStore();
  const authority = createAuthority('kubernetes', clock.now());
  const controlPlane = await createControlPlane({
    ...surroundings,
    store,
    certificateAuthority: authority.certificate,
    serviceAccountKey: createSigningKey(),
    serviceCidr,
    advertise: { address: '127.0.0.1', port: 6443 },
    connector: unreachableConnector,
    certificateSigner: createRequestSigner(authority, clock),
    controllers: localControllerSettings,
    evictionAfterSeconds: 2,
    localVolumes: createSimulatedVolumes(),
  });
  const simulated = createSimulatedNodes(controlPlane, surroundings);
  let names = Array.from({ length: options.nodes ?? 1 }, (_, i) => `node-${i + 1}`);
  let listening: Promise<{ kubeconfig: string; close(): Promise<void> }> | undefined;
  await Promise.all([simulated.set(names), controlPlane.startParts({ controllers: true, scheduler: true })]);
  const client = controlPlane.api.clientFor(admin);
  const mapper = createResourceMapper(client);
  return {
    client,
    async apply(manifest) {
      const objects = parseManifests(manifest, 'manifest').map(({ object }) => object);
      const applied = await applySet({ client, mapper, clock, namespace: 'default' }, objects);
      return applied.map(({ object }) => object);
    },
    waitFor: (resource, name, holds, timeoutMs = 30_000) =>
      waitForObject({ client, clock, resource, name, holds, timeoutMs }),
    kubeconfig: async () =>
      (await (listening ??= serve({ authority, handler: controlPlane.api.handler, clock, log }))).kubeconfig,
    nodes: () => names,
    async addNode(name) {
      names = [...names, name];
      await simulated.set(names);
    },
    async killNode(name) {
      names = names.filter((other) => other !== name);
      await simulated.kill(name);
    },
    runtime: (node) => simulated.runtime(node),
    async stop() {
      await (await listening)?.close();
      await simulated.stop();
      await controlPlane.stop();
      await store.close();
    },
  };
}

async function waitForObject<T extends KubeObject>(options: {
  client: Client;
  clock: Clock;
  resource: Resource<T>;
  name: ObjectName;
  holds: (object: T | undefined) => boolean;
  timeoutMs: number;
}): Promise<T | undefined> {
  const { resource, name, holds } = options;
  let last: T | undefined;
  await waitForObjects({
    ...options,
    targets: [{ resource, name }],
    until: (object) => {
      last = object as T | undefined;
      return holds(last) ? { state: 'ready' } : { state: 'progressing', reason: `it is ${JSON.stringify(last)}` };
    },
  });
  return last;
}

/** Answers over HTTPS on a free port of 127.0.0.1, and says how an administrator reaches it. */
async function serve(options: {
  authority: ReturnType<typeof createAuthority>;
  handler: Handler;
  clock: Clock;
  log: Logger;
}): Promise<{ kubeconfig: string; close(): Promise<void> }> {
  const { authority, handler, clock, log } = options;
  const now = clock.now();
  const server = issueCertificate(
    authority,
    { commonName: 'kube-apiserver', usages: ['server'], hosts: ['127.0.0.1', 'localhost'] },
    now,
  );
  const user = issueCertificate(
    authority,
    { commonName: admin.name, organizations: ['system:masters'], usages: ['client'] },
    now,
  );
  const listener = await listen({
    ...{ handler, hosts: ['127.0.0.1'], port: 0, clock, random: systemRandom, log },
    ...{ key: server.key, certificate: server.certificate, clientAuthority: authority.certificate },
  });
  const kubeconfig = mergeKubeconfig(undefined, {
    name: 'timonel',
    server: `https://127.0.0.1:${listener.port}`,
    certificateAuthority: authority.certificate,
    clientCertificate: user.certificate,
    clientKey: user.key,
  });
  return { kubeconfig, close: () => listener.close(0) };
}
