import { formatMicroTime } from '../base/clock.ts';
import { isApiError } from '../api/status.ts';
import { leases, nodes } from '../client/resources.ts';
import type { Lease } from '../api/types/coordination-v1.ts';
import type { Node, NodeStatus } from '../api/types/core-v1.ts';
import type { AgentContext } from './agent-context.ts';
import {
  newNode,
  nodeLabels,
  nodeStatus,
  pressureReasons,
  recordForNode,
  sameNodeStatus,
  type NodeObservation,
} from './node-status.ts';

const leaseNamespace = 'kube-node-lease';
const maxRetryMs = 5000;
/** The status is written at most this often for images alone: they come in bursts. */
const coalesceMs = 50;
const insistEveryMs = 10_000;

/** The node's own object and its lease: registered at the start, written when something changes, renewed in time. */
export class NodeRegistration {
  private readonly context: AgentContext;
  private readonly stopped = new AbortController();
  private observed: NodeObservation;
  private known: Node | undefined;
  private lease: Lease | undefined;
  private writtenMs = 0;
  private writing: Promise<void> | undefined;
  private again = false;
  private cancelTimer = (): void => undefined;
  private cancelInsisting: (() => void) | undefined;
  private insistAtMs = 0;

  constructor(context: AgentContext, observed: NodeObservation) {
    this.context = context;
    this.observed = observed;
  }

  /** The node as the API last had it; the agent's own idea of it before that. */
  get node(): Node {
    return this.known ?? newNode(this.context.node, this.status(undefined));
  }

  /** Resolves when the node is in the API with its status; tries until then. */
  async start(): Promise<void> {
    recordForNode(this.context, 'Normal', 'Starting', 'Starting kubelet.');
    await this.retrying('register the node', () => this.register());
    void this.keepLease();
    this.schedule();
  }

  stop(): void {
    this.cancelTimer();
    this.cancelInsisting?.();
    this.stopped.abort();
  }

  observe(change: Partial<NodeObservation>): void {
    this.observed = { ...this.observed, ...change };
    if (!this.known || sameNodeStatus(this.known.status, this.status(this.known.status))) return;
    this.cancelTimer();
    this.cancelTimer = this.context.clock.setTimer(coalesceMs, () => void this.write());
  }

  /**
   * The API's own copy changed: labels and taints of others are kept, and a node that was deleted registers again.
   */
  changed(node: Node | undefined): void {
    if (this.stopped.signal.aborted) return;
    if (node) {
      this.known = node;
      this.insist();
    } else if (this.known) {
      this.known = undefined;
      void this.retrying('register the node', () => this.register());
    }
  }

  /**
   * The node lifecycle controller calls a node that it does not hear of unknown: the agent says at once that it lives,
   * but not more often than upstream's, which looks at its status every ten seconds.
   */
  private insist(): void {
    if (this.cancelInsisting || !this.known || sameNodeStatus(this.known.status, this.status(this.known.status)))
      return;
    const { clock } = this.context;
    const delayMs = Math.max(coalesceMs, this.insistAtMs - clock.monotonic());
    this.cancelInsisting = clock.setTimer(delayMs, () => {
      this.cancelInsisting = undefined;
      if (!this.known || sameNodeStatus(this.known.status, this.status(this.known.status))) return;
      this.insistAtMs = clock.monotonic() + insistEveryMs;
      void this.write();
    });
  }

  private status(old: NodeStatus | undefined): NodeStatus {
    const { context, observed } = this;
    return nodeStatus({ node: context.node, observed, old, nowMs: context.clock.now() });
  }

  private async register(): Promise<void> {
    const { client, node, clock } = this.context;
    try {
      this.known = await client.create(nodes, newNode(node, this.status(undefined)));
      this.writtenMs = clock.now();
      this.reportConditions(undefined);
      // Upstream keeps the status that a node is created with; a server that does not gets it in a second request.
      if (!this.known.status?.conditions) await this.writeNow();
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      this.known = await this.reconcile(await client.get(nodes, { name: node.name }));
      await this.writeNow();
    }
  }

  /** A node that was there before: the agent's labels are set, those of others stay. */
  private async reconcile(existing: Node): Promise<Node> {
    const { client, node } = this.context;
    const labels = Object.entries(nodeLabels(node)).filter(([key, value]) => existing.metadata.labels?.[key] !== value);
    const podCidr = existing.spec?.podCIDR ? undefined : node.podCidrs?.[0];
    if (labels.length === 0 && !podCidr) return existing;
    const document = {
      ...(labels.length > 0 && { metadata: { labels: Object.fromEntries(labels) } }),
      ...(podCidr && { spec: { podCIDR: podCidr, podCIDRs: [...(node.podCidrs ?? [])] } }),
    };
    return client.patch(nodes, { name: node.name }, { kind: 'strategic', document });
  }

  private write(): Promise<void> {
    if (this.writing) {
      this.again = true;
      return this.writing;
    }
    this.writing = this.retrying('write the node status', () => this.writeNow()).finally(() => {
      this.writing = undefined;
      if (this.again) {
        this.again = false;
        void this.write();
      } else this.schedule();
    });
    return this.writing;
  }

  private async writeNow(): Promise<void> {
    const { client, node, clock } = this.context;
    const before = this.known?.status;
    const status = this.status(before);
    const gone = (this.known?.status?.addresses ?? []).length > 0;
    // Addresses merge by type: those of a node that moved must not stay beside the new ones.
    const addresses = [...(status.addresses ?? []), ...(gone ? [{ $patch: 'replace' }] : [])];
    // Whoever advertises a resource also takes it back: its capacity is left to them.
    const { capacity } = node;
    const lost = Object.keys(before?.allocatable ?? {}).filter((name) => status.allocatable?.[name] === undefined);
    const allocatable = { ...status.allocatable, ...Object.fromEntries(lost.map((name) => [name, null])) };
    const document = { status: { ...status, capacity, allocatable, addresses } };
    this.known = await client.patch(
      nodes,
      { name: node.name },
      { kind: 'strategic', document },
      { subresource: 'status' },
    );
    this.writtenMs = clock.now();
    this.reportConditions(before);
  }

  private reportConditions(before: NodeStatus | undefined): void {
    const now = this.known?.status;
    const changes: [string, string, string][] = [
      ['Ready', 'NodeReady', 'NodeNotReady'],
      ...Object.entries(pressureReasons).map(([type, [[whenTrue], [whenFalse]]]): [string, string, string] => [
        type,
        `Node${whenTrue}`,
        `Node${whenFalse}`,
      ]),
    ];
    for (const [type, whenTrue, whenFalse] of changes) {
      const status = conditionStatus(now, type);
      if (status === undefined || status === conditionStatus(before, type)) continue;
      const reason = status === 'True' ? whenTrue : whenFalse;
      recordForNode(this.context, 'Normal', reason, `Node ${this.context.node.name} status is now: ${reason}`);
    }
  }

  /** The next write that is due without any change. */
  private schedule(): void {
    if (this.stopped.signal.aborted) return;
    const { clock, settings } = this.context;
    this.cancelTimer();
    const dueMs = this.writtenMs + settings.nodeStatusReportMs - clock.now();
    this.cancelTimer = clock.setTimer(Math.max(0, dueMs), () => void this.write());
  }

  private async keepLease(): Promise<void> {
    const { clock, settings } = this.context;
    const { signal } = this.stopped;
    while (!signal.aborted) {
      await this.retrying('renew the lease', () => this.renew());
      await clock.sleep(settings.leaseRenewIntervalMs, signal).catch(() => undefined);
    }
  }

  private async renew(): Promise<void> {
    const { client, clock, node, settings } = this.context;
    const name = { namespace: leaseNamespace, name: node.name };
    const spec = {
      holderIdentity: node.name,
      leaseDurationSeconds: settings.leaseDurationSeconds,
      renewTime: formatMicroTime(clock.now()),
    };
    try {
      const document = { spec };
      this.lease = this.lease
        ? await client.patch(leases, name, { kind: 'merge', document })
        : await client.create(leases, { metadata: { ...name, ...this.owner() }, spec });
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) {
        this.lease = await client.patch(leases, name, { kind: 'merge', document: { spec } });
        return;
      }
      this.lease = undefined;
      throw error;
    }
  }

  /** The lease goes with its node. */
  private owner(): Pick<Lease['metadata'], 'ownerReferences'> {
    const uid = this.known?.metadata.uid;
    if (!uid) return {};
    return { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: this.context.node.name, uid }] };
  }

  /** Until it works or the agent stops, with growing pauses. */
  private async retrying(what: string, work: () => Promise<void>): Promise<void> {
    const { clock, log } = this.context;
    const { signal } = this.stopped;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return await work();
      } catch (error) {
        log.warn(`cannot ${what}`, { node: this.context.node.name, error });
        await clock.sleep(Math.min(maxRetryMs, 50 * 2 ** failures), signal).catch(() => undefined);
      }
    }
  }
}

function conditionStatus(status: NodeStatus | undefined, wanted: string): string | undefined {
  return status?.conditions?.find(({ type }) => type === wanted)?.status;
}
