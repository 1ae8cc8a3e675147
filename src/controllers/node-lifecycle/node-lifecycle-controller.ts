import { formatTime } from '../../base/clock.ts';
import { isApiError } from '../../api/status.ts';
import type { Lease } from '../../api/types/coordination-v1.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { leases, nodes, pods as podResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { nameOf } from '../owner-references.ts';
import { isPodReady } from '../pod-state.ts';
import { done, type Outcome } from '../reconciler.ts';
import { heartbeatOf, NodeHealth, readiness, silentConditions } from './health.ts';
import { evictionTaintKey, hasTaint, planTaints } from './taints.ts';
import { evictionRate, zoneOf, zonesOf, type Zones } from './zones.ts';

const leaseNamespace = 'kube-node-lease';

/**
 * Notices nodes that fall silent, at the very moment their grace is over: says so in their status, takes their pods
 * out of service at once, and taints them so that their pods are evicted.
 */
export class NodeLifecycleReconciler implements Controller {
  readonly name = 'node-controller';
  readonly concurrency = 8;
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #leases: Informer<Lease>;
  readonly #pods: Informer<Pod>;
  readonly #health: NodeHealth;
  #zones: Zones = { states: new Map(), sizes: new Map(), allDown: false };
  /** Monotonic milliseconds from which a zone may start the next eviction. */
  readonly #nextEviction = new Map<string, number>();

  constructor(context: ControllerContext) {
    this.#context = context;
    const { nodeMonitorGracePeriodMs: graceMs, nodeStartupGracePeriodMs: startupGraceMs } = context.settings;
    this.#nodes = context.informers.of(nodes);
    this.#leases = context.informers.of(leases, { namespace: leaseNamespace });
    this.#pods = context.informers.of(podResource);
    this.#pods.addIndex('node', nodesOfPod);
    this.#health = new NodeHealth({ graceMs, startupGraceMs });
  }

  watch(enqueue: Enqueue): () => void {
    const leaseSeen = (lease: Lease): void => {
      const name = lease.metadata.name ?? '';
      const node = this.#nodes.get(name);
      const hadStarted = this.#health.hasStarted(name);
      // A node that is alive needs no look: its next one is due when this sign of life has become old. The first sign ends
      // the longer start-up grace, which the next look still waits for.
      if (this.#observe(name) && node && (readiness(node) !== 'True' || !hadStarted)) enqueue(name);
    };
    const ends = [
      this.#nodes.subscribe({
        added: (node) => {
          this.#report(node, 'RegisteredNode', `event: Registered Node ${node.metadata.name} in Controller`);
          this.#nodeSeen(node, enqueue);
        },
        updated: (node, old) => {
          if (readiness(old) === 'True' && readiness(node) !== 'True') {
            this.#report(node, 'NodeNotReady', 'status is now: NodeNotReady');
          }
          this.#nodeSeen(node, enqueue);
        },
        deleted: (node) => {
          this.#report(node, 'RemovingNode', `event: Removing Node ${node.metadata.name} from Controller`);
          this.#health.forget(node.metadata.name ?? '');
          this.#updateZones(enqueue);
        },
      }),
      this.#leases.subscribe({ added: leaseSeen, updated: leaseSeen }),
      this.#pods.subscribe({
        added: (pod) => this.#podSeen(pod, enqueue),
        updated: (pod) => this.#podSeen(pod, enqueue),
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(name: string): Promise<Outcome> {
    const { clock } = this.#context;
    const cached = this.#nodes.get(name);
    if (!cached) return done;
    const health = this.#health.check(name, clock.monotonic());
    const node = health.kind === 'silent' ? await this.#markSilent(cached) : cached;
    if (readiness(node) !== 'True') await this.#takePodsOutOfService(name);
    const waitMs = await this.#taint(node);
    const lookAgainMs = health.kind === 'alive' ? health.lookAgainMs : undefined;
    const afterMs = Math.min(lookAgainMs ?? Infinity, waitMs ?? Infinity);
    return afterMs === Infinity ? done : { kind: 'requeue', afterMs };
  }

  #observe(name: string): boolean {
    const node = this.#nodes.get(name);
    const signs = {
      lease: this.#leases.get(`${leaseNamespace}/${name}`)?.spec?.renewTime,
      heartbeat: node && heartbeatOf(node),
    };
    return this.#health.observe(name, signs, this.#context.clock.monotonic());
  }

  #nodeSeen(node: Node, enqueue: Enqueue): void {
    this.#observe(node.metadata.name ?? '');
    this.#updateZones(enqueue);
    enqueue(keyOf(node));
  }

  /** A pod that says it is ready on a node that is not. */
  #podSeen(pod: Pod, enqueue: Enqueue): void {
    const node = this.#nodes.get(pod.spec?.nodeName ?? '');
    if (node && readiness(node) !== 'True' && isPodReady(pod)) enqueue(keyOf(node));
  }

  #updateZones(enqueue: Enqueue): void {
    const old = this.#zones;
    this.#zones = zonesOf(this.#nodes.list(), this.#context.settings);
    if (old.allDown && !this.#zones.allDown) this.#health.restart(this.#context.clock.monotonic());
    const changed = [...this.#zones.states].some(([zone, state]) => old.states.get(zone) !== state);
    if (changed) for (const node of this.#nodes.list()) enqueue(keyOf(node));
  }

  async #markSilent(node: Node): Promise<Node> {
    const { client, clock } = this.#context;
    const conditions = silentConditions(node, clock.now());
    if (!conditions) return node;
    return client.update(nodes, { ...node, status: { ...node.status, conditions } }, { subresource: 'status' });
  }

  #report({ metadata }: Node, reason: string, what: string): void {
    const object = { apiVersion: 'v1', kind: 'Node', metadata };
    this.#context.recorder.record(object, 'Normal', reason, `Node ${metadata.name} ${what}`);
  }

  /** Pods of a node that is not ready are not ready: services must drop them before they are evicted. */
  async #takePodsOutOfService(name: string): Promise<void> {
    const { clock } = this.#context;
    const ready = this.#pods.byIndex('node', name).filter(isPodReady);
    await Promise.all(ready.map((pod) => this.#markNotReady(pod, formatTime(clock.now()))));
  }

  async #markNotReady(pod: Pod, time: string): Promise<void> {
    const { client, recorder } = this.#context;
    const conditions = pod.status?.conditions?.map((condition) =>
      condition.type === 'Ready' ? { ...condition, status: 'False', lastTransitionTime: time } : condition,
    );
    try {
      await client.update(
        podResource,
        { ...pod, status: { ...pod.status, conditions } },
        {
          subresource: 'status',
        },
      );
      const typed = { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
      recorder.record(typed, 'Warning', 'NodeNotReady', 'Node is not ready');
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  /** Answers how long the node must wait for its turn to be evicted, if it must. */
  async #taint(node: Node): Promise<number | undefined> {
    const { client, clock } = this.#context;
    const turn = this.#evictionTurn(node);
    const taints = planTaints(node, turn.evict, clock.now());
    const labels = legacyLabels(node);
    if (taints || labels) {
      const { resourceVersion } = node.metadata;
      const document = {
        metadata: { resourceVersion, ...(labels && { labels }) },
        ...(taints && { spec: { taints } }),
      };
      await client.patch(nodes, nameOf(node), { kind: 'merge', document });
    }
    return turn.waitMs;
  }

  #evictionTurn(node: Node): { evict: boolean | 'never'; waitMs?: number } {
    const key = evictionTaintKey(node);
    if (key === undefined) return { evict: true };
    if (this.#zones.allDown) return { evict: 'never' };
    if (hasTaint(node, key, 'NoExecute')) return { evict: true };
    const zone = zoneOf(node);
    const rate = evictionRate(this.#zones, zone, this.#context.settings);
    if (rate === 0) return { evict: false };
    const now = this.#context.clock.monotonic();
    const waitMs = (this.#nextEviction.get(zone) ?? 0) - now;
    if (waitMs > 0) return { evict: false, waitMs };
    this.#nextEviction.set(zone, now + 1000 / rate);
    return { evict: true };
  }
}

/** Index function: the node that a pod is bound to. */
export function nodesOfPod(pod: Pod): string[] {
  return pod.spec?.nodeName ? [pod.spec.nodeName] : [];
}

/** The old names of operating system and architecture, which old manifests select by. */
function legacyLabels(node: Node): Record<string, string> | undefined {
  const labels = node.metadata.labels ?? {};
  const missing = ['os', 'arch'].flatMap((what) => {
    const value = labels[`kubernetes.io/${what}`];
    return value === undefined || labels[`beta.kubernetes.io/${what}`] === value ? [] : [[what, value] as const];
  });
  if (missing.length === 0) return undefined;
  return Object.fromEntries(missing.map(([what, value]) => [`beta.kubernetes.io/${what}`, value]));
}
