import { createHttpsClient } from '../client/https-client.ts';
import type { IpFamily } from '../base/ip-address.ts';
import type { Node } from '../api/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import { nodes as nodeResource } from '../client/resources.ts';
import { whilePlanning } from '../cluster/cluster-lock.ts';
import { checkKubeconfig, writeKubeconfig } from '../cluster/kubeconfig-file.ts';
import {
  cleanUp,
  clusterCondition,
  isServerRunning,
  kubeconfigEntry,
  localNodeProcesses,
  localServer,
  planCluster,
  startCluster,
} from '../cluster/launcher.ts';
import { stacksOf } from '../cluster/network-plan.ts';
import type { ClusterPki } from '../cluster/pki.ts';
import { checkPrerequisites, installLine } from '../cluster/prerequisites.ts';
import { type ClusterSettings, type ClusterState, localEvictionHard, writeState } from '../cluster/state.ts';
import { upstreamImageCollection } from '../node/eviction-thresholds.ts';
import { clock, knownCluster, locked, requireRoot } from './context.ts';
import { CliError } from './errors.ts';
import { interruptible } from './interrupt.ts';
import { createOutput, type Output } from './output.ts';

export interface UpOptions {
  name: string;
  /** Of a new cluster; one that exists keeps what it has. */
  nodes?: number;
  runtime?: 'containerd' | 'simulated';
  port?: number;
  nodeGrace?: number;
  evictionAfter?: number;
  evictionHard?: string;
  imageGcHighThreshold?: number;
  imageGcLowThreshold?: number;
  lbPool?: string;
  ipFamilies?: readonly IpFamily[];
  /** False: the cluster does not serve ingresses itself. */
  ingress?: boolean;
  ingressHttpPort?: number;
  ingressHttpsPort?: number;
  ingressClass?: string;
  ingressDefaultBackend?: { namespace: string; name: string; port: number };
  nodePorts?: { first: number; last: number };
  output?: 'json';
}

const defaults = { nodes: 2, nodeGraceSeconds: 2, evictionAfterSeconds: 2 };
const readyWithinMs = 60_000;

/** Starts a cluster, or what of it is not running, and waits until its nodes are ready. */
export async function up(options: UpOptions): Promise<void> {
  const started = clock.monotonic();
  const output = createOutput();
  const runtime = knownCluster(options.name)?.runtime ?? options.runtime ?? 'containerd';
  if (runtime === 'simulated' && options.ipFamilies?.includes('IPv6')) {
    throw new CliError('pods of simulated nodes have IPv4 addresses only', { hint: 'Leave --ip-families out.' });
  }
  if (runtime === 'containerd') {
    requireRoot('starting a cluster');
    requirePrerequisites();
  }
  await locked(options.name, async () => {
    const known = knownCluster(options.name);
    const before = known ? clusterCondition(known) : 'new';
    if (before === 'new' || before === 'stopped') await requireKubeconfig(options.name);
    const state = known ? atPort(known, before, options.port) : await reserveCluster(newCluster(options));
    if (known) for (const warning of ignoredFlags(options, state)) output.message(`warning: ${warning}`);
    const pki = await interruptible(async (signal) => startOrUndo(state, { before, output, signal }));
    const kubeconfig = await writeEntry(state, pki);
    output.endProgress();
    const tookMs = clock.monotonic() - started;
    report(output, { state, kubeconfig, wasRunning: before === 'running', tookMs, json: options.output });
  });
}

/** A client with the admin's certificate. */
export function clientOf(state: ClusterState, pki: ClusterPki): Client {
  const { server, certificateAuthority, clientCertificate, clientKey } = kubeconfigEntry(state, pki);
  return createHttpsClient({ server, certificateAuthority, clientCertificate, clientKey }, { clock });
}

function wantedNodes(state: ClusterState): string[] {
  return state.nodes.filter((node) => node.wanted).map((node) => node.name);
}

/**
 * Resolves when every named node reports Ready. What nodes said in a life before `sinceMs` (epoch) does not count,
 * except that of `adopted` ones, which were running all the time. Rejects after a minute, and when the signal aborts.
 */
export async function nodesReady(
  client: Client,
  names: readonly string[],
  options: { sinceMs: number; adopted: ReadonlySet<string>; signal: AbortSignal },
): Promise<void> {
  const { sinceMs, adopted, signal } = options;
  // Heartbeats are told in whole seconds.
  const sinceSecondMs = Math.floor(sinceMs / 1000) * 1000;
  const isReady = (node: Node): boolean => {
    const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
    const isFresh = Date.parse(ready?.lastHeartbeatTime ?? '') >= sinceSecondMs;
    return ready?.status === 'True' && (isFresh || adopted.has(node.metadata?.name ?? ''));
  };
  const missing = new Set(names);
  const late = new AbortController();
  const cancel = clock.setTimer(readyWithinMs, () => late.abort());
  const either = AbortSignal.any([late.signal, signal]);
  try {
    const list = await client.list(nodeResource);
    for (const node of list.items) if (isReady(node)) missing.delete(node.metadata.name ?? '');
    const { resourceVersion } = list.metadata;
    if (missing.size === 0) return;
    for await (const event of client.watch(nodeResource, { resourceVersion, signal: either })) {
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      if (isReady(event.object)) missing.delete(event.object.metadata.name ?? '');
      if (missing.size === 0) return;
    }
  } finally {
    cancel();
    late.abort();
  }
  signal.throwIfAborted();
  const [first] = missing;
  throw new NotReadyError(`nodes are not ready: ${[...missing].join(', ')}`, {
    hint: `Why: kubectl describe node ${first}, and the node's log (timonel status -o json names it).`,
  });
}

/** The cluster is up, so that one can look at what is wrong. */
class NotReadyError extends CliError {}

/** The nodes whose agents run, and need not be started. */
export function runningAgents(state: ClusterState): ReadonlySet<string> {
  const runs = (name: string): boolean =>
    state.runtime === 'simulated' ? isServerRunning(state) : localNodeProcesses(state, name).agent !== undefined;
  return new Set(state.nodes.flatMap((node) => (node.wanted && runs(node.name) ? node.name : [])));
}

/** Plans a cluster, and writes the plan down, so that no other cluster takes the same addresses. */
async function reserveCluster(wanted: Parameters<typeof planCluster>[0]): Promise<ClusterState> {
  return whilePlanning(async () => {
    const state = await planCluster(wanted);
    writeState(state);
    return state;
  });
}

function newCluster(options: UpOptions): Parameters<typeof planCluster>[0] {
  return {
    name: options.name,
    nodes: options.nodes ?? defaults.nodes,
    runtime: options.runtime ?? 'containerd',
    port: options.port,
    loadBalancersCidr: options.lbPool,
    families: options.ipFamilies,
    ingress: ingressSettings(options),
    settings: {
      nodeGraceSeconds: options.nodeGrace ?? defaults.nodeGraceSeconds,
      evictionAfterSeconds: options.evictionAfter ?? defaults.evictionAfterSeconds,
      ...(options.nodePorts && { nodePortRange: options.nodePorts }),
      ...(options.evictionHard !== undefined && { evictionHard: options.evictionHard }),
      ...imageCollection(options),
    },
  };
}

/** Empty when nothing was asked for. */
function imageCollection({
  imageGcHighThreshold: high,
  imageGcLowThreshold: low,
}: UpOptions): Pick<ClusterSettings, 'images'> {
  if (high === undefined && low === undefined) return {};
  const images = { ...upstreamImageCollection, ...(high !== undefined && { highPercent: high }) };
  // Who lowers the one means both.
  const lowPercent = low ?? Math.min(images.lowPercent, Math.max(0, images.highPercent - 5));
  if (lowPercent < images.highPercent) return { images: { ...images, lowPercent } };
  throw new CliError(`--image-gc-low-threshold is not below the high one, which is ${images.highPercent}`);
}

/** Undefined when nothing was asked for. */
function ingressSettings(options: UpOptions): ClusterState['ingress'] {
  const { ingress = true, ingressHttpPort: httpPort, ingressHttpsPort: httpsPort } = options;
  const { ingressClass: className, ingressDefaultBackend: defaultBackend } = options;
  const wanted = {
    ...(httpPort !== undefined && { httpPort }),
    ...(httpsPort !== undefined && { httpsPort }),
    ...(className !== undefined && { className }),
    ...(defaultBackend && { defaultBackend }),
  };
  return ingress && Object.keys(wanted).length === 0 ? undefined : { enabled: ingress, ...wanted };
}

function requirePrerequisites(): void {
  const missing = checkPrerequisites().filter((check) => !check.found && check.for === 'up');
  if (missing.length === 0) return;
  const needs = missing.map((check) => check.need).join(', ');
  const other = missing.flatMap(({ fix }) => (fix && !fix.startsWith('apt-get install') ? [`To mend it: ${fix}`] : []));
  const hint = [...(installLine(missing) ? [`Install it: ${installLine(missing)}`] : []), ...other].join('\n');
  throw new CliError(`this host lacks what a cluster needs: ${needs}`, { hint });
}

/** What was not running before is taken down again when the start fails or is called off. */
async function startOrUndo(
  state: ClusterState,
  {
    before,
    output,
    signal,
  }: { before: 'new' | ReturnType<typeof clusterCondition>; output: Output; signal: AbortSignal },
): Promise<ClusterPki> {
  try {
    if (before !== 'running') output.progress(`Starting cluster ${state.name} …`);
    const sinceMs = clock.now();
    const adopted = runningAgents(state);
    const pki = await startCluster(state, clock);
    signal.throwIfAborted();
    output.progress('Waiting for its nodes …');
    await nodesReady(clientOf(state, pki), wantedNodes(state), { sinceMs, adopted, signal });
    return pki;
  } catch (error) {
    if (error instanceof NotReadyError) throw error;
    if (before === 'new' || before === 'stopped') {
      output.progress('Cleaning up …');
      await cleanUp(state, clock, { removeData: before === 'new' });
    }
    throw error;
  } finally {
    output.endProgress();
  }
}

/** A cluster that is stopped may come up at another port: the old one can have got lost to another program. */
function atPort(known: ClusterState, condition: string, port: number | undefined): ClusterState {
  return condition === 'stopped' && port !== undefined ? { ...known, port } : known;
}

/** Flags that count at the first start only and ask for something else than there is. */
function ignoredFlags(options: UpOptions, known: ClusterState): string[] {
  const { nodeGraceSeconds, evictionAfterSeconds, nodePortRange, evictionHard = localEvictionHard } = known.settings;
  const { highPercent, lowPercent } = known.settings.images ?? upstreamImageCollection;
  const families = stacksOf(known.network)
    .map(({ family }) => family)
    .join(',');
  const portsOf = ({ first, last } = { first: 30_000, last: 32_767 }): string => `${first}-${last}`;
  const said = [
    { flag: '--port', asked: options.port, has: known.port, instead: 'with timonel down before, timonel up --port' },
    { flag: '--nodes', asked: options.nodes, has: known.nodes.length, instead: 'timonel node add' },
    { flag: '--runtime', asked: options.runtime, has: known.runtime },
    { flag: '--node-grace', asked: options.nodeGrace, has: nodeGraceSeconds },
    { flag: '--lb-pool', asked: options.lbPool, has: known.network.loadBalancersCidr },
    { flag: '--ip-families', asked: options.ipFamilies?.join(',').toLowerCase(), has: families.toLowerCase() },
    { flag: '--node-ports', asked: options.nodePorts && portsOf(options.nodePorts), has: portsOf(nodePortRange) },
    { flag: '--no-ingress', asked: options.ingress === false || undefined, has: known.ingress?.enabled === false },
    { flag: '--ingress-http-port', asked: options.ingressHttpPort, has: known.ingress?.httpPort },
    { flag: '--ingress-https-port', asked: options.ingressHttpsPort, has: known.ingress?.httpsPort },
    { flag: '--ingress-class', asked: options.ingressClass, has: known.ingress?.className ?? 'timonel' },
    { flag: '--eviction-after', asked: options.evictionAfter, has: evictionAfterSeconds },
    { flag: '--eviction-hard', asked: options.evictionHard, has: evictionHard },
    { flag: '--image-gc-high-threshold', asked: options.imageGcHighThreshold, has: highPercent },
    { flag: '--image-gc-low-threshold', asked: options.imageGcLowThreshold, has: lowPercent },
  ];
  return said
    .filter(({ asked, has }) => asked !== undefined && asked !== has)
    .map(({ flag, has, instead }) => {
      const other = instead ? ` (${instead} changes it)` : '';
      return `${flag} counts when cluster ${known.name} is made; it keeps ${has}${other}`;
    });
}

/** A kubeconfig that cannot be written is better known before anything is started. */
async function requireKubeconfig(name: string): Promise<void> {
  try {
    await checkKubeconfig({ name: `timonel-${name}`, environment: process.env, clock });
  } catch (error) {
    throw new CliError((error as Error).message, {
      hint: `Nothing was started. Another file will do: KUBECONFIG=/tmp/${name}.kubeconfig timonel up`,
      cause: error,
    });
  }
}

async function writeEntry(state: ClusterState, pki: ClusterPki): Promise<string> {
  try {
    return await writeKubeconfig({ entry: kubeconfigEntry(state, pki), environment: process.env, clock });
  } catch (error) {
    throw new CliError(`cluster ${state.name} runs, but the kubeconfig was not written: ${(error as Error).message}`, {
      hint: `Use its own file: export KUBECONFIG=$(timonel kubeconfig --path --name ${state.name})`,
    });
  }
}

function report(
  output: Output,
  result: { state: ClusterState; kubeconfig: string; wasRunning: boolean; tookMs: number; json: 'json' | undefined },
): void {
  const { state, kubeconfig, wasRunning, tookMs, json } = result;
  const context = `timonel-${state.name}`;
  const nodes = wantedNodes(state);
  if (json) {
    const server = localServer(state);
    output.data(
      JSON.stringify({ name: state.name, context, server, kubeconfig, nodes, milliseconds: Math.round(tookMs) }),
    );
    return;
  }
  const seconds = (tookMs / 1000).toFixed(1);
  const how = wasRunning ? 'was running already' : `is up in ${seconds} s`;
  const count = `${nodes.length} node${nodes.length === 1 ? '' : 's'}`;
  output.message(`Cluster ${state.name} ${how}: ${[count, ...nodes].join(', ')}.`);
  output.message(`kubectl now uses context ${context} (${kubeconfig}). Try: kubectl get nodes`);
}
