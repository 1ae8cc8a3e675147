import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ResourceKind } from '../api/kind.ts';
import type { Client } from '../client/client.ts';
import type { Store } from '../store/store.ts';
import { createAggregation, type AggregationOptions } from './aggregation/aggregation.ts';
import type { RemoteVersion } from './aggregation/remote-discovery.ts';
import type { AdmissionPlugin } from './admission.ts';
import type { Authenticator } from './authentication.ts';
import type { Authorizer } from './authorization.ts';
import { keepSystemServices, writeSystemServices } from './bootstrap.ts';
import type { SystemServices } from './bootstrap.ts';
import { startCompaction } from './compaction.ts';
import type { Core } from './core.ts';
import { definitionCheck } from './custom-resources/definition-check.ts';
import { followDefinitions } from './custom-resources/definitions.ts';
import { createDiscovery } from './discovery-paths.ts';
import type { Endpoint } from './endpoint.ts';
import type { FlowControl } from './flow-control/flow-control.ts';
import { createHandler } from './handler-chain.ts';
import type { ApiResponse, Handler, User } from './handler.ts';
import { ping, startCheck, storeCheck } from './health.ts';
import type { HealthCheck } from './health.ts';
import { createInProcessClient } from './in-process-client.ts';
import { createKindIndex } from './kind-index.ts';
import { Metrics } from './metrics.ts';
import { createPathHandler } from './paths.ts';
import type { VersionInfo } from './paths.ts';
import { createResourceHandler } from './resource-handler.ts';
import { createServiceAllocator } from './service-allocator.ts';
import type { ServiceNetwork } from './service-allocator.ts';
import type { WebhookClient } from './webhooks/webhook-client.ts';

export interface ApiServerOptions {
  store: Store;
  kinds: readonly ResourceKind[];
  virtualKinds: readonly ResourceKind[];
  clock: Clock;
  random: Random;
  log: Logger;
  /** Asked in order; whom nobody knows is anonymous. */
  authenticators: readonly Authenticator[];
  /** Asked in order; none at all allows everything. */
  authorizers: readonly Authorizer[];
  admission: readonly AdmissionPlugin[];
  /** Has requests wait for others; absent: all begin at once. */
  flowControl?: FlowControl | undefined;
  endpoints: readonly Endpoint[];
  /** Calls the webhooks that convert custom resources. */
  webhooks?: WebhookClient | undefined;
  /** Documents outside of /api and /apis, by path. */
  documents?: ReadonlyMap<string, () => ApiResponse>;
  serviceNetwork: ServiceNetwork;
  /** Where nodes and pods reach this server; absent: no service `kubernetes` is written. */
  advertise?: SystemServices['advertise'] | undefined;
  /** The cluster's DNS server, for the service `kube-dns`. */
  dns?: SystemServices['dns'] | undefined;
  version?: Partial<VersionInfo>;
  /** `host:port` under which clients reach the server, for discovery. */
  serverAddress?: () => string;
  healthChecks?: readonly HealthCheck[];
  /** With it, APIServices are kept, and extension servers serve what they name. */
  aggregation?: AggregationOptions | undefined;
}

const none: readonly RemoteVersion[] = [];

/** The API server, whole. */
export interface ApiServer {
  handler: Handler;
  /** A client that acts as `user` without sockets and without encoding. */
  clientFor(user: User): Client;
  metrics: Metrics;
  close(): Promise<void>;
}

/** Starts an API server over a store that may hold objects already. Listens to nothing: see `listener.ts`. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, clock, random, log, admission, advertise, dns } = options;
  const kinds = createKindIndex(options.kinds, options.virtualKinds);
  if (advertise) {
    const { serviceCidr } = options.serviceNetwork;
    await writeSystemServices({ store, clock, random, serviceCidr, advertise, ...(dns && { dns }) });
  }
  const allocation = await createServiceAllocator({ store, random, network: options.serviceNetwork });
  const stopKeeping = advertise
    ? keepSystemServices({
        ...{ store, clock, random, log, allocator: allocation.services, advertise, ...(dns && { dns }) },
        serviceCidr: options.serviceNetwork.serviceCidr,
      })
    : undefined;
  const core: Core = {
    store,
    kinds,
    clock,
    random,
    log,
    admission: [...admission, definitionCheck],
    hooks: [allocation.services, allocation.serviceCidrs],
    ...(options.webhooks && { webhooks: options.webhooks }),
  };
  const metrics = createMetrics(store);
  const stopCompaction = startCompaction({ store, clock, log });
  const observer = watchGauge(metrics);
  const aggregation = options.aggregation && createAggregation(core, options.aggregation);
  const begun = { definitions: false, apiServices: false };
  const handler = createHandler({
    core,
    metrics,
    authenticators: options.authenticators,
    authorizers: options.authorizers,
    flowControl: options.flowControl,
    resources: createResourceHandler(core, { endpoints: options.endpoints, observer }),
    discovery: createDiscovery(kinds, {
      serverAddress: options.serverAddress ?? (() => ''),
      remote: () => aggregation?.aggregator.versions ?? none,
    }),
    aggregator: aggregation?.aggregator,
    paths: createPathHandler({
      kinds,
      metrics,
      documents: options.documents ?? new Map(),
      version: options.version ?? {},
      remoteOpenApi: aggregation?.openApi,
      checks: checksOf(options, begun),
    }),
  });
  const own = createInProcessClient(handler, { name: 'system:apiserver', groups: ['system:masters'] });
  const definitions = await followDefinitions({ store, kinds, clock, log, client: own });
  begun.definitions = true;
  await aggregation?.start(own);
  begun.apiServices = true;
  options.flowControl?.describe(metrics);
  options.flowControl?.start(own);
  return {
    handler,
    clientFor: (user) => createInProcessClient(handler, user),
    metrics,
    async close() {
      await aggregation?.stop();
      definitions.stop();
      stopKeeping?.();
      stopCompaction();
    },
  };
}

function checksOf(
  { store, clock, healthChecks = [], aggregation }: ApiServerOptions,
  begun: Readonly<{ definitions: boolean; apiServices: boolean }>,
): HealthCheck[] {
  return [
    ping,
    storeCheck(store, clock),
    ...healthChecks,
    startCheck('poststarthook/crd-informer-synced', () => begun.definitions),
    ...(aggregation ? [startCheck('autoregister-completion', () => begun.apiServices)] : []),
  ];
}

function createMetrics(store: Store): Metrics {
  const metrics = new Metrics();
  metrics.gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss());
  metrics.gauge('process_cpu_seconds_total', 'CPU time spent, in seconds.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge('apiserver_storage_revision', 'Newest revision of the store.', () => store.revision);
  metrics.gauge('apiserver_storage_compacted_revision', 'Newest revision without history.', () => {
    return store.compactedRevision;
  });
  return metrics;
}

function watchGauge(metrics: Metrics): { opened(): void; closed(): void } {
  let open = 0;
  metrics.gauge('apiserver_registered_watchers', 'Watches that are open.', () => open);
  return { opened: () => open++, closed: () => open-- };
}
