import type { Node } from '../api/types/core-v1.ts';
import { keyOf, type Informer } from '../client/informer.ts';
import { nodes } from '../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from './controller.ts';
import { nameOf } from './owner-references.ts';
import { done, type Outcome } from './reconciler.ts';

/** A range of addresses, as numbers. */
interface Range {
  first: bigint;
  prefix: number;
  bits: 32 | 128;
}

/** The lowest range of length `prefix` inside `cluster` that overlaps none of `used`; undefined when all are taken. */
export function nextRange(cluster: string, prefix: number, used: readonly string[]): string | undefined {
  const whole = parseRange(cluster);
  const size = 1n << BigInt(whole.bits - prefix);
  const end = whole.first + (1n << BigInt(whole.bits - whole.prefix));
  const taken = used.map(parseRange).filter((range) => range.bits === whole.bits);
  for (let first = whole.first; first < end; first += size) {
    const clash = taken.some(
      (range) => range.first < first + size && first < range.first + (1n << BigInt(range.bits - range.prefix)),
    );
    if (!clash) return formatRange({ first, prefix, bits: whole.bits });
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

function parseRange(cidr: string): Range {
  const [address = '', length = ''] = cidr.split('/');
  const bits = address.includes(':') ? 128 : 32;
  const prefix = Number(length);
  const host = BigInt(bits - prefix);
  const number = bits === 32 ? parseParts(address.split('.'), 10, 8n) : parseParts(expandIpv6(address), 16, 16n);
  return { first: (number >> host) << host, prefix, bits };
}

function formatRange({ first, prefix, bits }: Range): string {
  const width = bits === 32 ? 8n : 16n;
  const count = bits === 32 ? 4 : 8;
  const parts = Array.from(
    { length: count },
    (_, i) => (first >> (BigInt(count - 1 - i) * width)) & ((1n << width) - 1n),
  );
  if (bits === 32) return `${parts.join('.')}/${prefix}`;
  // URL parsing writes IPv6 addresses the canonical way (RFC 5952).
  const address = new URL(`http://[${parts.map((part) => part.toString(16)).join(':')}]`).hostname.slice(1, -1);
  return `${address}/${prefix}`;
}

function parseParts(parts: readonly string[], radix: number, width: bigint): bigint {
  return parts.reduce((number, part) => (number << width) | BigInt(Number.parseInt(part, radix)), 0n);
}

function expandIpv6(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
}
