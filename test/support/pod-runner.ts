import { formatMicroTime, formatTime, type Clock } from '../../src/base/clock.ts';
import { isPodFinished } from '../../src/api/pod-phase.ts';
import { isApiError } from '../../src/api/status.ts';
import type { Node, Pod } from '../../src/api/types/core-v1.ts';
import type { Client, ObjectName } from '../../src/client/client.ts';
import { keyOf, type Informer } from '../../src/client/informer.ts';
import type { Informers } from '../../src/client/informers.ts';
import { leases, nodes, pods } from '../../src/client/resources.ts';

const leaseNamespace = 'kube-node-lease';
const renewEveryMs = 500;

/**
 * Scheduler and kubelets in miniature: binds pods to live nodes in turn, makes them Running and Ready after `startMs`,
 * and ends deleted ones after `stopMs`. Works through the API alone, on the clock it is given.
 */
export class PodRunner {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #pods: Informer<Pod>;
  readonly #startMs: number;
  readonly #stopMs: number;
  readonly #alive = new Set<string>();
  readonly #handled = new Set<string>();
  readonly #unsubscribe: () => void;
  #turn = 0;
  #address = 0;
  #stopped = false;
  /** Images whose pods never become ready. */
  readonly broken = new Set<string>();
  /** Nobody starts pods while this is set. */
  held = false;
  /** How a running pod ends by itself, if it does. */
  endOf: (pod: Pod) => { afterMs: number; exitCode: number } | undefined = () => undefined;

  constructor(options: { client: Client; informers: Informers; clock: Clock; startMs?: number; stopMs?: number }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#startMs = options.startMs ?? 50;
    this.#stopMs = options.stopMs ?? 20;
    this.#pods = options.informers.of(pods);
    this.#unsubscribe = this.#pods.subscribe({
      added: (pod) => this.#look(pod),
      updated: (pod) => this.#look(pod),
    });
  }

  async addNode(name: string): Promise<void> {
    const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
    await this.#client.create(nodes, node);
    await this.#reportReady(name);
    await this.#client.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: leaseNamespace },
      spec: { holderIdentity: name, leaseDurationSeconds: 2, renewTime: formatMicroTime(this.#clock.now()) },
    });
    this.#renewLater(name);
    for (const pod of this.#pods.list()) this.#look(pod);
  }

  /** A killed node's agent is there again. */
  async revive(name: string): Promise<void> {
    await this.#reportReady(name);
    this.#renewLater(name);
  }

  /** No goodbye: its leases are not renewed, and nothing happens to its pods any more. */
  kill(name: string): void {
    this.#alive.delete(name);
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
  }

  async #reportReady(name: string): Promise<void> {
    const time = formatTime(this.#clock.now());
    const healthy = { lastHeartbeatTime: time, lastTransitionTime: time };
    const conditions = [
      { type: 'Ready', status: 'True', reason: 'KubeletReady', ...healthy },
      ...['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({ type, status: 'False', ...healthy })),
    ];
    const document = { status: { conditions } };
    await this.#client.patch(nodes, { name }, { kind: 'strategic', document }, { subresource: 'status' });
    this.#alive.add(name);
  }

  #renewLater(name: string): void {
    this.#clock.setTimer(renewEveryMs, () => {
      if (this.#stopped || !this.#alive.has(name)) return;
      const document = { spec: { renewTime: formatMicroTime(this.#clock.now()) } };
      void this.#client.patch(leases, { name, namespace: leaseNamespace }, { kind: 'merge', document });
      this.#renewLater(name);
    });
  }

  #look(pod: Pod): void {
    const node = pod.spec?.nodeName;
    if (pod.metadata.deletionTimestamp) {
      if (node && this.#alive.has(node)) this.#once(pod, 'stop', this.#stopMs, () => this.#remove(pod));
    } else if (!node) {
      if (this.#alive.size > 0) this.#once(pod, 'bind', 1, () => this.#bind(pod));
    } else if (!this.held && this.#alive.has(node) && pod.status?.phase !== 'Running') {
      if (!isPodFinished(pod)) this.#once(pod, 'start', this.#startMs, () => this.#run(pod));
    } else if (this.#alive.has(node) && pod.status?.phase === 'Running') {
      const end = this.endOf(pod);
      if (end) this.#once(pod, 'end', end.afterMs, () => this.#finish(pod, end.exitCode));
    }
  }

  /** Each step of a pod's life is taken once. */
  #once(pod: Pod, step: string, afterMs: number, action: () => Promise<unknown>): void {
    const key = `${pod.metadata.uid}/${step}`;
    if (this.#handled.has(key)) return;
    this.#handled.add(key);
    this.#clock.setTimer(afterMs, () => {
      if (this.#stopped) return;
      action().catch((error: unknown) => {
        if (isApiError(error, 'Conflict')) {
          this.#handled.delete(key);
          const current = this.#pods.get(keyOf(pod));
          if (current) this.#look(current);
        } else if (!isApiError(error, 'NotFound')) {
          throw error;
        }
      });
    });
  }

  #bind(pod: Pod): Promise<unknown> {
    const alive = [...this.#alive];
    const name = alive[this.#turn++ % alive.length] ?? '';
    const target = { apiVersion: 'v1', kind: 'Node', name };
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod.metadata.name }, target };
    return this.#client.createSubresource(pods, nameOf(pod), 'binding', binding);
  }

  async #run(pod: Pod): Promise<void> {
    const current = this.#pods.get(keyOf(pod));
    if (current?.metadata.uid !== pod.metadata.uid || !this.#alive.has(current?.spec?.nodeName ?? '')) return;
    if (!current || current.metadata.deletionTimestamp) return;
    const image = current.spec?.containers[0]?.image ?? '';
    const podIP = `10.244.${this.#address >> 8}.${(this.#address++ & 255) + 1}`;
    const lastTransitionTime = formatTime(this.#clock.now());
    const ready = this.broken.has(image) ? 'False' : 'True';
    const status = {
      ...current.status,
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      conditions: [{ type: 'Ready', status: ready, lastTransitionTime }],
    };
    await this.#client.update(pods, { ...current, status }, { subresource: 'status' });
  }

  async #finish(pod: Pod, exitCode: number): Promise<void> {
    const current = this.#pods.get(keyOf(pod));
    if (current?.metadata.uid !== pod.metadata.uid || !current || isPodFinished(current)) return;
    const finishedAt = formatTime(this.#clock.now());
    const terminated = { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt: finishedAt, finishedAt };
    const status = {
      ...current.status,
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: finishedAt }],
      containerStatuses: (current.spec?.containers ?? []).map(({ name, image = '' }) => {
        return { name, image, imageID: image, ready: false, restartCount: 0, state: { terminated } };
      }),
    };
    await this.#client.update(pods, { ...current, status }, { subresource: 'status' });
  }

  async #remove(pod: Pod): Promise<unknown> {
    // Pods that are kept by somebody, or run to an end, show how they ended.
    if (pod.metadata.finalizers?.length || pod.spec?.restartPolicy !== 'Always') await this.#finish(pod, 143);
    const preconditions = { uid: pod.metadata.uid ?? '' };
    return this.#client.delete(pods, nameOf(pod), { gracePeriodSeconds: 0, preconditions });
  }
}

function nameOf(pod: Pod): ObjectName {
  return { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '' };
}
