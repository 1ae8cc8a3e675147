import type { KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { NetworkPolicy } from '../../api/types/networking-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { type Informer, keyOf } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';
import { namespaces, networkPolicies, pods } from '../../client/resources.ts';
import type { PolicyDataplane } from './nft-policy.ts';
import { renderPolicies } from './policy-rules.ts';
import { PolicyState } from './policy-state.ts';
import type { PolicyPod } from './policy-view.ts';

export interface PolicyEngineOptions {
  client: Client;
  /** Informers of the engine's own, each time anew: it follows pods only while there are policies. */
  openInformers: () => Informers;
  dataplane: PolicyDataplane;
  nodeName: string;
  /** Where the node answers for the cluster's DNS; for policies that is the pod which other clusters have. */
  dnsAddresses: readonly string[];
  clock: Clock;
  log: Logger;
}

export interface PolicyEngine {
  /** Resolves when the policies that there are now are in the kernel. What an earlier process left holds until then. */
  start(): Promise<void>;
  /**
   * Resolves when every policy that existed before this call is known. Begin it when a pod is seen: with what follows,
   * no process of the pod runs before the policies that were there before the pod hold for it.
   */
  catchUp(namespace: string): Promise<void>;
  /** Resolves when the rules for a pod of this node, with its new addresses, are in the kernel. */
  admit(pod: Pod, ips: readonly string[]): Promise<void>;
  /** The pod is gone. */
  forget(pod: Pod): void;
  /** Stops following; the rules stay. */
  stop(): void;
}

/** A node starts beside its API server, which answers any moment: the first pauses are short. */
const firstRetryMs = 10;
const retryMs = 1_000;

/** Keeps a node's policy rules in step with NetworkPolicies, Namespaces and Pods. */
export function createPolicyEngine(options: PolicyEngineOptions): PolicyEngine {
  return new RunningPolicyEngine(options);
}

class RunningPolicyEngine implements PolicyEngine {
  readonly #options: PolicyEngineOptions;
  readonly #state: PolicyState;
  readonly #stopped = new AbortController();
  readonly #informers: Informers;
  readonly #checks = new Map<string, { running: Promise<void>; next?: Promise<void> }>();
  readonly #started: Promise<void>;
  #markStarted: () => void = () => {};
  /** Informers of pods and namespaces, while there are policies. */
  #followed: Informers | undefined;
  /** False where this API server has no policies for us: then nothing is enforced, and nothing waits. */
  #isAllowed = true;
  #wanted = 0;
  #applied = 0;
  #waiting: { generation: number; resolve: () => void }[] = [];
  #isApplying = false;

  constructor(options: PolicyEngineOptions) {
    this.#options = options;
    this.#state = new PolicyState(options.nodeName, dnsPods(options.dnsAddresses));
    this.#informers = options.openInformers();
    this.#started = new Promise((resolve) => (this.#markStarted = resolve));
  }

  async start(): Promise<void> {
    if (!(await this.#mayList())) {
      this.#options.log.warn('network policies are not enforced: this agent may not list them');
      this.#isAllowed = false;
      return this.#markStarted();
    }
    const informer = this.#informers.of(networkPolicies);
    await informer.synced();
    informer.subscribe({
      added: (policy) => this.#policyChanged(policy),
      updated: (policy) => this.#policyChanged(policy),
      deleted: (policy) => {
        this.#state.removePolicy(policy);
        this.#applySoon();
      },
    });
    this.#applySoon();
    await this.#appliedAll();
    this.#markStarted();
  }

  async catchUp(namespace: string): Promise<void> {
    await this.#started;
    if (!this.#isAllowed) return;
    // A check that runs already may have asked before the pod was there; the one after it serves all who wait.
    const check = this.#checks.get(namespace);
    if (check) return (check.next ??= check.running.then(() => this.#check(namespace)));
    return this.#check(namespace);
  }

  async admit(pod: Pod, ips: readonly string[]): Promise<void> {
    await this.#started;
    this.#state.admit(pod, ips);
    if (!this.#isAllowed || !this.#state.hasPolicies) return;
    this.#applySoon();
    await this.#appliedAll();
  }

  forget(pod: Pod): void {
    this.#state.forget(pod);
    if (this.#state.hasPolicies) this.#applySoon();
  }

  stop(): void {
    this.#stopped.abort();
    this.#informers.stop();
    this.#followed?.stop();
  }

  /** Another API server may not let us, or not have the kind: pods must start there all the same. */
  async #mayList(): Promise<boolean> {
    return this.#persistently(async () => {
      try {
        await this.#options.client.list(networkPolicies, { limit: 1 });
        return true;
      } catch (error) {
        if (isApiError(error, 'Forbidden') || isApiError(error, 'NotFound')) return false;
        throw error;
      }
    });
  }

  #policyChanged(policy: NetworkPolicy): void {
    this.#state.setPolicy(policy);
    this.#applySoon();
  }

  #check(namespace: string): Promise<void> {
    const running = this.#persistently(async () => {
      const { items } = await this.#options.client.list(networkPolicies, { namespace });
      await haveSeen(this.#informers.of(networkPolicies), items, this.#stopped.signal);
    });
    const check = { running };
    this.#checks.set(namespace, check);
    return running.finally(() => {
      if (this.#checks.get(namespace) === check) this.#checks.delete(namespace);
    });
  }

  async #persistently<T>(work: () => Promise<T>): Promise<T> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopped;
    for (let pauseMs = firstRetryMs; ; pauseMs = Math.min(pauseMs * 2, retryMs)) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) throw error;
        if (pauseMs === retryMs) log.warn('cannot ask for network policies', { error });
        await clock.sleep(pauseMs, signal);
      }
    }
  }

  #applySoon(): void {
    this.#wanted++;
    if (this.#isApplying || this.#stopped.signal.aborted) return;
    this.#isApplying = true;
    void this.#applyUntilDone().finally(() => (this.#isApplying = false));
  }

  /** Resolves when all that is known now is in the kernel. */
  #appliedAll(): Promise<void> {
    const generation = this.#wanted;
    if (this.#applied >= generation) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ generation, resolve }));
  }

  async #applyUntilDone(): Promise<void> {
    const { clock, log, dataplane } = this.#options;
    const { signal } = this.#stopped;
    // What comes in the same turn goes together.
    await Promise.resolve();
    while (this.#applied < this.#wanted && !signal.aborted) {
      try {
        await this.#follow();
        const generation = this.#wanted;
        await dataplane.apply(this.#state.hasPolicies ? renderPolicies(this.#state.views()) : undefined);
        this.#applied = generation;
        const done = this.#waiting.filter((waiter) => waiter.generation <= generation);
        this.#waiting = this.#waiting.filter((waiter) => waiter.generation > generation);
        for (const { resolve } of done) resolve();
      } catch (error) {
        if (signal.aborted) return;
        log.error('cannot apply network policies', { error });
        await clock.sleep(retryMs, signal).catch(() => undefined);
      }
    }
  }

  /** Pods and namespaces are watched while there is a policy, and not otherwise. */
  async #follow(): Promise<void> {
    if (this.#state.hasPolicies === (this.#followed !== undefined)) return;
    if (this.#followed) {
      this.#followed.stop();
      this.#followed = undefined;
      return this.#state.clear();
    }
    const followed = this.#options.openInformers();
    this.#followed = followed;
    const podInformer = followed.of(pods);
    const namespaceInformer = followed.of(namespaces);
    await followed.synced();
    const podSet = (pod: Pod): void => this.#changed(followed, () => this.#state.setPod(pod));
    podInformer.subscribe({
      added: podSet,
      updated: (pod, old) => {
        if (matters(pod, old)) podSet(pod);
      },
      deleted: (pod) => this.#changed(followed, () => this.#state.removePod(pod)),
    });
    namespaceInformer.subscribe({
      added: (namespace) => this.#changed(followed, () => this.#state.setNamespace(namespace)),
      updated: (namespace) => this.#changed(followed, () => this.#state.setNamespace(namespace)),
      deleted: (namespace) => this.#changed(followed, () => this.#state.removeNamespace(namespace)),
    });
  }

  #changed(source: Informers, change: () => void): void {
    if (this.#followed !== source) return;
    change();
    this.#applySoon();
  }
}

/** Most changes of a pod are of no interest here: its conditions, its containers' states. */
function matters(pod: Pod, old: Pod): boolean {
  const seen = ({ metadata, status }: Pod): string =>
    JSON.stringify([metadata.uid, metadata.labels, status?.phase, status?.podIPs]);
  return seen(pod) !== seen(old);
}

/** Resolves when the informer has shown each of these objects, as it is or newer, or their end. */
function haveSeen<T extends KubeObject>(
  informer: Informer<T>,
  objects: readonly T[],
  signal: AbortSignal,
): Promise<void> {
  const missing = new Map(
    objects.filter((object) => !isAsNew(informer.get(keyOf(object)), object)).map((object) => [keyOf(object), object]),
  );
  if (missing.size === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const seen = (key: string): void => {
      if (missing.delete(key) && missing.size === 0) finish();
    };
    const changed = (object: T): void => {
      const wanted = missing.get(keyOf(object));
      if (wanted && isAsNew(object, wanted)) seen(keyOf(object));
    };
    const unsubscribe = informer.subscribe({
      added: changed,
      updated: changed,
      deleted: (object) => seen(keyOf(object)),
    });
    const onAbort = (): void => {
      unsubscribe();
      reject(signal.reason as Error);
    };
    const finish = (): void => {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Resource versions of one kind compare as numbers (KEP-5504). */
function isAsNew(known: KubeObject | undefined, wanted: KubeObject): boolean {
  return (
    known !== undefined &&
    BigInt(known.metadata.resourceVersion ?? '0') >= BigInt(wanted.metadata.resourceVersion ?? '0')
  );
}

/** As the pods of CoreDNS are labelled everywhere: policies that let their pods ask for names mean these. */
export function dnsPods(addresses: readonly string[]): PolicyPod[] {
  if (addresses.length === 0) return [];
  return [
    {
      namespace: 'kube-system',
      name: 'dns',
      labels: { 'k8s-app': 'kube-dns' },
      ips: addresses,
      isLocal: false,
      ports: [
        { name: 'dns', protocol: 'udp', port: 53 },
        { name: 'dns-tcp', protocol: 'tcp', port: 53 },
      ],
    },
  ];
}
