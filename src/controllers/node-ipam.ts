import type { Node } from '../api/types/core-v1.ts';
import { ipOfNumber, parseIpBlock } from '../base/ip-address.ts';
import { keyOf, type Informer } from '../client/informer.ts';
import { nodes } from '../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from './controller.ts';
import { nameOf } from './owner-references.ts';
import { done, type Outcome } from './reconciler.ts';

/** The lowest range of length `prefix` inside `cluster` that overlaps none of `used`; undefined when all are taken. */
export function nextRange(cluster: string, prefix: number, used: readonly string[]): string | undefined {
  const whole = parseIpBlock(cluster);
  if (!whole) return undefined;
  const size = 1n << BigInt((whole.family === 'IPv4' ? 32 : 128) - prefix);
  const taken = used.flatMap((cidr) => parseIpBlock(cidr) ?? []).filter(({ family }) => family === whole.family);
  for (let first = whole.first; first < whole.first + whole.size; first += size) {
    const clash = taken.some((range) => range.first < first + size && first < range.first + range.size);
    if (!clash) return `${ipOfNumber(first, whole.family)}/${prefix}`;
  }
  return undefined;
}

/** Gives every node its pod ranges out of the cluster's, and takes them back with the node. */
export class NodeIpamReconciler implements Controller {
  readonly name = 'node-ipam-controller';
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  /** What was given and may not be in the cache yet, by node. */
  readonly #given = new Map<string, string[]>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#nodes = context.informers.of(nodes);
  }

  watch(enqueue: Enqueue): () => void {
    return this.#nodes.subscribe({
      added: (node) => enqueue(keyOf(node)),
      updated: (node) => rangesOf(node).length === 0 && enqueue(keyOf(node)),
      deleted: (node) => {
        this.#given.delete(keyOf(node));
        // A range became free: those that found none may have it.
        for (const other of this.#nodes.list()) if (rangesOf(other).length === 0) enqueue(keyOf(other));
      },
    });
  }

  async reconcile(name: string): Promise<Outcome> {
    const { client, recorder, settings } = this.#context;
    const node = this.#nodes.get(name);
    if (!node || rangesOf(node).length > 0 || settings.clusterCidrs.length === 0) return done;
    const used = [...this.#nodes.list()].flatMap(rangesOf).concat(...this.#given.values());
    const masks = settings.nodeCidrMaskSizes;
    const ranges = settings.clusterCidrs.map((cidr) =>
      nextRange(cidr, cidr.includes(':') ? masks.ipv6 : masks.ipv4, used),
    );
    const given = ranges.filter((range) => range !== undefined);
    if (given.length < ranges.length) {
      const object = { apiVersion: 'v1', kind: 'Node', metadata: node.metadata };
      recorder.record(object, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
      return done;
    }
    this.#given.set(name, given);
    const document = { metadata: { uid: node.metadata.uid }, spec: { podCIDR: given[0], podCIDRs: given } };
    try {
      await client.patch(nodes, nameOf(node), { kind: 'merge', document });
    } catch (error) {
      this.#given.delete(name);
      throw error;
    }
    return done;
  }
}

function rangesOf(node: Node): string[] {
  return node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : []);
}
