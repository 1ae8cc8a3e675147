import { createHttpsClient } from '../client/https-client.ts';
import type { Client } from '../client/client.ts';
import { nodes as nodeResource } from '../client/resources.ts';
import { writeKubeconfig } from '../cluster/kubeconfig-file.ts';
import {
  cleanUp,
  isServerRunning,
  kubeconfigEntry,
  localNode,
  lockCluster,
  planCluster,
  startCluster,
} from '../cluster/launcher.ts';
import { nodeProcesses } from '../cluster/local-node.ts';
import type { ClusterPki } from '../cluster/pki.ts';
import { checkPrerequisites, installLine } from '../cluster/prerequisites.ts';
import type { ClusterState } from '../cluster/state.ts';
import { clock, explained, knownCluster, requireRoot } from './context.ts';
import { CliError } from './errors.ts';
import { createOutput, type Output } from './output.ts';

export interface UpOptions {
  name: string;
  nodes: number;
  runtime: 'containerd' | 'simulated';
  port?: number;
  nodeGrace: number;
  evictionAfter: number;
  output?: 'json';
}

const maxNodes = 100;
const readyWithinMs = 60_000;

/** Starts a cluster, or what of it is not running, and waits until its nodes are ready. */
export async function up(options: UpOptions): Promise<void> {
  const started = clock.monotonic();
  const output = createOutput();
  const known = knownCluster(options.name);
  const runtime = known?.runtime ?? options.runtime;
  if (runtime === 'containerd') {
    requireRoot('starting a cluster');
    requirePrerequisites();
  }
  if (options.nodes < 1 || options.nodes > maxNodes) {
    throw new CliError(`a cluster has 1 to ${maxNodes} nodes, not ${options.nodes}`, { exitCode: 2 });
  }
  await explained(async () => {
    const unlock = lockCluster(options.name);
    try {
      const state = known ?? (await planCluster(newCluster(options)));
      warnOfIgnoredFlags(options, known, output);
      const wasRunning = known !== undefined && isWholeRunning(state);
      if (!wasRunning) output.progress(`Starting cluster ${state.name} …`);
      const pki = await startOrCleanUp(state, known === undefined);
      output.progress('Waiting for its nodes …');
      await nodesReady(clientOf(state, pki), wantedNodes(state));
      const kubeconfig = await writeEntry(state, pki);
      output.endProgress();
      report(output, { state, kubeconfig, wasRunning, tookMs: clock.monotonic() - started, json: options.output });
    } finally {
      unlock();
    }
  });
}

/** A client with the admin's certificate. */
export function clientOf(state: ClusterState, pki: ClusterPki): Client {
  const { server, certificateAuthority, clientCertificate, clientKey } = kubeconfigEntry(state, pki);
  return createHttpsClient({ server, certificateAuthority, clientCertificate, clientKey }, { clock });
}

export function wantedNodes(state: ClusterState): string[] {
  return state.nodes.filter((node) => node.wanted).map((node) => node.name);
}

/** Resolves when every named node reports Ready. */
export async function nodesReady(client: Client, names: readonly string[]): Promise<void> {
  const missing = new Set(names);
  const abort = new AbortController();
  const cancel = clock.setTimer(readyWithinMs, () => abort.abort());
  try {
    const list = await client.list(nodeResource);
    for (const node of list.items) if (isReady(node)) missing.delete(node.metadata.name ?? '');
    const { resourceVersion } = list.metadata;
    if (missing.size === 0) return;
    for await (const event of client.watch(nodeResource, { resourceVersion, signal: abort.signal })) {
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      if (isReady(event.object)) missing.delete(event.object.metadata.name ?? '');
      if (missing.size === 0) return;
    }
  } finally {
    cancel();
    abort.abort();
  }
  const [first] = missing;
  throw new CliError(`nodes are not ready: ${[...missing].join(', ')}`, {
    hint: `Why: kubectl describe node ${first}, and agent.log in the node's run directory (timonel status).`,
  });
}

function isReady(node: { status?: { conditions?: { type: string; status: string }[] } }): boolean {
  return node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}

function newCluster(options: UpOptions): Parameters<typeof planCluster>[0] {
  return {
    name: options.name,
    nodes: options.nodes,
    runtime: options.runtime,
    port: options.port,
    settings: { nodeGraceSeconds: options.nodeGrace, evictionAfterSeconds: options.evictionAfter },
  };
}

function requirePrerequisites(): void {
  const missing = checkPrerequisites().filter((check) => !check.found && check.for === 'up');
  if (missing.length === 0) return;
  const needs = missing.map((check) => check.need).join(', ');
  const other = missing.flatMap(({ fix }) => (fix && !fix.startsWith('apt-get install') ? [fix] : []));
  const hint = [...(installLine(missing) ? [`Install it: ${installLine(missing)}`] : []), ...other].join('\n');
  throw new CliError(`this host lacks what a cluster needs: ${needs}`, { hint });
}

/** A new cluster that does not come up leaves nothing behind. */
async function startOrCleanUp(state: ClusterState, isNew: boolean): Promise<ClusterPki> {
  try {
    return await startCluster(state, clock);
  } catch (error) {
    if (isNew) await cleanUp(state, clock, { removeData: true });
    throw error;
  }
}

function isWholeRunning(state: ClusterState): boolean {
  if (!isServerRunning(state)) return false;
  if (state.runtime === 'simulated') return true;
  return wantedNodes(state).every((name) => {
    const { agent, containerd } = nodeProcesses(localNode(state, name));
    return agent !== undefined && containerd !== undefined;
  });
}

function warnOfIgnoredFlags(options: UpOptions, known: ClusterState | undefined, output: Output): void {
  if (!known) return;
  const isChanged = options.port !== undefined && options.port !== known.port;
  if (isChanged)
    output.message(`warning: cluster ${known.name} keeps its port ${known.port}; --port counts at its first start`);
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
    const server = `https://127.0.0.1:${state.port}`;
    output.data(
      JSON.stringify({ name: state.name, context, server, kubeconfig, nodes, milliseconds: Math.round(tookMs) }),
    );
    return;
  }
  const seconds = (tookMs / 1000).toFixed(1);
  const how = wasRunning ? 'was running already' : `is up in ${seconds} s`;
  output.message(
    `Cluster ${state.name} ${how}: ${nodes.length} node${nodes.length === 1 ? '' : 's'}, ${nodes.join(', ')}.`,
  );
  output.message(`kubectl now uses context ${context} (${kubeconfig}). Try: kubectl get nodes`);
}
