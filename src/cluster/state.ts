import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeDirectory } from './directory.ts';
import type { ImageCollectionPolicy } from '../node/eviction-thresholds.ts';
import type { ClusterDirectories } from './local-node.ts';
import { type NetworkPlan, type NodePlan, planNode } from './network-plan.ts';

/** What a local cluster is, kept in `cluster.json` in its directory: everything that must be the same after a restart. */
export interface ClusterState {
  format: 1;
  name: string;
  /** Tells clusters of one machine apart; the network plan grows from it. */
  index: number;
  runtime: 'containerd' | 'simulated';
  /** Port of the API server, on 127.0.0.1 and on the cluster's bridge. */
  port: number;
  network: NetworkPlan;
  nodes: NodeRecord[];
  settings: ClusterSettings;
  /** The cluster's image registry, once it was asked for: its port on 127.0.0.1. */
  registry?: { port: number };
  /** Absent: ingresses are served, at the first ports that are free. */
  ingress?: IngressSettings;
}

export interface IngressSettings {
  enabled: boolean;
  /** Ports on localhost. */
  httpPort?: number;
  httpsPort?: number;
  /** Of the default ingress class; absent: `timonel`. */
  className?: string;
  /** Gets the requests that no rule matches. */
  defaultBackend?: { namespace: string; name: string; port: number };
}

export interface NodeRecord {
  name: string;
  /** From 1; its addresses follow from it. */
  index: number;
  /** False after `node stop`: a later `up` leaves it alone. */
  wanted: boolean;
}

export interface ClusterSettings {
  /** A node whose lease is older than this is Unknown. */
  nodeGraceSeconds: number;
  /** Absent: 30000 to 32767. */
  nodePortRange?: { first: number; last: number };
  /** How long pods tolerate a node that is not ready or not reachable, unless they say otherwise. */
  evictionAfterSeconds: number;
  /** As the kubelet's `--eviction-hard`; absent: {@link localEvictionHard}. */
  evictionHard?: string;
  /** When nodes remove images that nobody uses; absent: upstream's. */
  images?: ImageCollectionPolicy;
}

/**
 * A machine's disk is for more than its clusters: a share of it is often taken by other things, and what counts is that
 * there is room to work at all.
 */
export const localEvictionHard =
  'memory.available<100Mi,nodefs.available<1Gi,nodefs.inodesFree<1%,imagefs.available<1Gi,imagefs.inodesFree<1%';

/** Where a cluster keeps what, in its data directory and its run directory (see {@link ClusterDirectories}). */
export interface ClusterPaths {
  directories: ClusterDirectories;
  stateFile: string;
  pki: string;
  store: string;
  kubeconfig: string;
  builds: string;
  volumes: string;
  images: string;
  serverLog: string;
  serverPid: string;
  /** Names the data directory of the cluster whose processes the run directory names. */
  owner: string;
}

/** Where clusters live: `$TIMONEL_ROOT`, else /var/lib/timonel; for who is not root, a directory of their own. */
export function dataRoot(): string {
  const named = process.env['TIMONEL_ROOT'];
  // Processes of the cluster have another working directory.
  if (named) return resolve(named);
  return isRoot() ? '/var/lib/timonel' : join(homedir(), '.local/share/timonel');
}

function runRoot(): string {
  return isRoot() ? '/run/timonel' : join(process.env['XDG_RUNTIME_DIR'] || dataRoot(), 'timonel-run');
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

export function clusterPaths(name: string): ClusterPaths {
  const data = join(dataRoot(), name);
  const run = join(runRoot(), name);
  return {
    directories: { data, run },
    stateFile: join(data, 'cluster.json'),
    pki: join(data, 'pki'),
    store: join(data, 'store'),
    kubeconfig: join(data, 'kubeconfig'),
    builds: join(data, 'builds'),
    volumes: join(data, 'volumes'),
    images: join(data, 'images'),
    serverLog: join(data, 'server.log'),
    serverPid: join(run, 'server.pid'),
    owner: join(run, 'owner'),
  };
}

/** Thrown when cluster.json is there but cannot be used. */
export class BrokenStateError extends Error {
  constructor(file: string, problem: string) {
    super(`${file} ${problem}`);
    this.name = 'BrokenStateError';
  }
}

export function readState(name: string): ClusterState | undefined {
  const { stateFile } = clusterPaths(name);
  if (!existsSync(stateFile)) return undefined;
  let state: Partial<ClusterState> | null;
  try {
    state = JSON.parse(readFileSync(stateFile, 'utf8')) as Partial<ClusterState> | null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new BrokenStateError(stateFile, 'is not valid JSON');
  }
  if (typeof state !== 'object' || state === null) throw new BrokenStateError(stateFile, 'is not a JSON object');
  if (state.format !== 1)
    throw new BrokenStateError(stateFile, `has format ${state.format}; this program knows format 1`);
  if (!isWhole(state) || state.name !== name) throw new BrokenStateError(stateFile, 'lacks some of its fields');
  return state;
}

function isWhole(state: Partial<ClusterState>): state is ClusterState {
  const { network, nodes, settings, port, runtime, index } = state;
  const ranges = [network?.podsCidr, network?.servicesCidr, network?.loadBalancersCidr];
  const hasNetwork = ranges.every((range) => typeof range === 'string');
  const hasNumbers = Number.isInteger(port) && Number.isInteger(index);
  const hasNodes =
    Array.isArray(nodes) &&
    nodes.every((node: Partial<NodeRecord> | null) => node?.name && Number.isInteger(node.index));
  return (
    network !== undefined && hasNetwork && hasNumbers && hasNodes && settings !== undefined && runtime !== undefined
  );
}

/** Whether the cluster serves ingresses itself: pods in memory only have no addresses to send requests to. */
export function hasIngress({ runtime, ingress }: ClusterState): boolean {
  return runtime === 'containerd' && ingress?.enabled !== false;
}

/** The clusters of this machine whose cluster.json can be read. */
export function readableStates(): ClusterState[] {
  return listClusters().flatMap((name) => {
    try {
      return readState(name) ?? [];
    } catch (error) {
      if (error instanceof BrokenStateError) return [];
      throw error;
    }
  });
}

/** Replaces cluster.json as a whole. */
export function writeState(state: ClusterState): void {
  const { directories, stateFile } = clusterPaths(state.name);
  makeDirectory(directories.data, 0o700);
  const next = `${stateFile}.new`;
  writeFileSync(next, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(next, stateFile);
}

/** Names of the clusters that have a directory here, sorted. */
export function listClusters(): string[] {
  const root = dataRoot();
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => existsSync(clusterPaths(name).stateFile))
    .sort();
}

export function nodePlans(state: ClusterState): NodePlan[] {
  return state.nodes.map((node) => planNode(state.network, node.name, node.index));
}

/** A DNS label short enough for what is named after it. */
export function isValidName(name: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/.test(name);
}
