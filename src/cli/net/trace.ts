import { hostAndPort } from '../../base/ip-address.ts';
import { labelMatcher } from '../../api/label-selector.ts';
import type { KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import { systemRandom } from '../../base/random.ts';
import type { Client, Resource } from '../../client/client.ts';
import { createHttpsClient } from '../../client/https-client.ts';
import { loadConnection } from '../../client/kubeconfig-file.ts';
import {
  daemonSets,
  deployments,
  endpointSlices,
  namespaces,
  networkPolicies,
  pods,
  replicaSets,
  services,
  statefulSets,
} from '../../client/resources.ts';
import { selfCommand } from '../../cluster/background-process.ts';
import { clusterOfHostResolver, hostResolver } from '../../cluster/host-resolver.ts';
import { clusterDomain, dnsPort, hostAddressOf } from '../../cluster/network-plan.ts';
import { type ClusterState, isRoot, listClusters, readableStates } from '../../cluster/state.ts';
import { lookAround } from '../../cluster/trace/look.ts';
import { findSource, representative, splitPort, UnknownEndError } from '../../network/trace/ends.ts';
import type { Observations, Protocol, Source, TraceFacts, TracePlan } from '../../network/trace/facts.ts';
import { findWay } from '../../network/trace/published.ts';
import { planTrace } from '../../network/trace/plan.ts';
import { renderTrace } from '../../network/trace/render-trace.ts';
import { explainTrace } from '../../network/trace/trace.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { createOutput } from '../output.ts';

interface Options {
  namespace?: string;
  context?: string;
  protocol?: Protocol;
  output?: 'json';
}

/** Exits with 1 when the connection does not come about. */
export async function trace(from: string, to: string, options: Options): Promise<void> {
  const found = await loadConnection({
    ...(options.context && { context: options.context }),
    environment: process.env,
  });
  const client = createHttpsClient(found.connection, { clock });
  try {
    const namespace = options.namespace ?? found.namespace;
    const facts = await readFacts(client);
    const cluster = localCluster(found.connection.server);
    const source = await sourceOf(from, {
      client,
      facts,
      namespace,
      hostIp: cluster && hostAddressOf(cluster.network),
    });
    const { destination, port, entry } = findWay(splitPort(to), source, facts, namespace);
    const plan = planTrace({ source, destination, port, protocol: options.protocol, entry }, facts);
    const seen = await observe(plan, cluster);
    const kubeDns = facts.services.find(
      ({ metadata }) => metadata.namespace === 'kube-system' && metadata.name === 'kube-dns',
    );
    const dnsAddresses = kubeDns?.spec?.clusterIPs ?? [];
    const result = explainTrace({ facts, plan, seen, askedPort: port, dnsAddresses });
    createOutput().data(
      options.output === 'json'
        ? JSON.stringify({ ...result, works: result.works ?? null })
        : renderTrace(result, seen.blind),
    );
    if (result.works === false) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof UnknownEndError)) throw error;
    throw new CliError(error.message, { ...(error.hint !== undefined && { hint: error.hint }), exitCode: 2 });
  } finally {
    client.close();
  }
}

async function readFacts(client: Client): Promise<TraceFacts> {
  const all = async <T extends KubeObject>(resource: Resource<T>): Promise<readonly T[]> =>
    (await client.list(resource, {})).items;
  const [podList, serviceList, slices, policies, namespaceList] = await Promise.all([
    all(pods),
    all(services),
    all(endpointSlices),
    all(networkPolicies),
    all(namespaces),
  ]);
  return { domain: clusterDomain, pods: podList, services: serviceList, slices, policies, namespaces: namespaceList };
}

/** The cluster of this machine that the kubeconfig points to. */
function localCluster(server: string): ClusterState | undefined {
  const { hostname, port } = new URL(server);
  return readableStates().find(
    (state) =>
      String(state.port) === port &&
      ['127.0.0.1', 'localhost', '[::1]', hostAddressOf(state.network)].includes(hostname),
  );
}

const workloads: Readonly<Record<string, Resource<KubeObject & { spec?: { selector?: LabelSelector } }>>> = {
  ...{ deploy: deployments, deployment: deployments, deployments },
  ...{ rs: replicaSets, replicaset: replicaSets, sts: statefulSets, statefulset: statefulSets },
  ...{ ds: daemonSets, daemonset: daemonSets },
};

/** A pod, one of a workload's, or the host. */
async function sourceOf(
  from: string,
  {
    client,
    facts,
    namespace,
    hostIp,
  }: { client: Client; facts: TraceFacts; namespace: string; hostIp: string | undefined },
): Promise<Source> {
  const parts = from.split('/');
  const name = parts.at(-1) ?? '';
  const resource = workloads[parts.at(-2) ?? ''];
  if (!resource) return findSource(from, facts, { namespace, hostIp });
  const where = { namespace: parts.length > 2 ? (parts[0] as string) : namespace, name };
  const workload = await client.get(resource, where).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
    throw new UnknownEndError(`there is no ${resource.kind} ${name} in namespace ${where.namespace}`);
  });
  const matcher = labelMatcher(workload.spec?.selector ?? {});
  const own = facts.pods.filter(
    ({ metadata }) => metadata.namespace === where.namespace && matcher.matches(metadata.labels ?? {}),
  );
  const pod = representative(own);
  if (!pod) throw new UnknownEndError(`${resource.kind} ${name} has no pods`, `See kubectl describe ${from}`);
  return { kind: 'pod', pod };
}

async function observe(plan: TracePlan, cluster: ClusterState | undefined): Promise<Observations> {
  const blind = (why: string): Observations => ({ blind: why, attempts: [], listeners: new Map(), routes: [] });
  if (!cluster) return blind('the cluster is not one of this machine.');
  if (cluster.runtime === 'simulated') return blind('the cluster is simulated: its pods have no network.');
  if (!isRoot()) return blind('that needs root, for example with sudo.');
  const { name, network } = cluster;
  const clusters = listClusters();
  const owner = await clusterOfHostResolver(hostResolver(name, clusterDomain), { domain: clusterDomain, clusters });
  // A name that is no service's is asked for in any case: it is all that is known.
  const isAsked = owner === name || plan.destination.kind === 'name';
  const hostDns = isAsked ? hostAndPort(hostAddressOf(network), dnsPort) : undefined;
  return lookAround({ plan, cluster: name, self: selfCommand(), hostDns, clock, random: systemRandom });
}
