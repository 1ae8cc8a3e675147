import { isIPv4 } from 'node:net';
import { InvalidArgumentError } from 'commander';
import type { IpFamily } from '../base/ip-address.ts';
import { parseEvictionThresholds } from '../node/eviction-thresholds.ts';

/** A count of nodes: 1 to 100. */
export function nodeCount(text: string): number {
  return numberIn(text, { from: 1, to: 100, what: 'a number of nodes' });
}

/** A TCP port. */
export function port(text: string): number {
  return numberIn(text, { from: 1, to: 65_535, what: 'a port' });
}

/** Ports from one to another, both included, as `30000-32767`. */
export function portRange(text: string): { first: number; last: number } {
  const [, first = '', last = ''] = /^(\d+)-(\d+)$/.exec(text.trim()) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (range.first >= 1 && range.last <= 65_535 && range.last > range.first) return range;
  throw new InvalidArgumentError('It is a range of ports, like 30000-32767.');
}

/** Seconds, more than none, as `2`, `0.5` or `40s`. */
export function seconds(text: string): number {
  const value = /^\d+(\.\d+)?s?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (!(value > 0)) throw new InvalidArgumentError('It is a number of seconds above zero, like 40 or 0.5.');
  return value;
}

/** A share: 0 to 100. */
export function percent(text: string): number {
  return numberIn(text, { from: 0, to: 100, what: 'a percentage' });
}

/** What the kubelet takes, as `memory.available<100Mi,nodefs.available<10%`. */
export function evictionHard(text: string): string {
  try {
    parseEvictionThresholds(text);
    return text;
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

/** A range of IPv4 addresses, as `10.90.0.0/24`. */
export function ipv4Range(text: string): string {
  const [address = '', prefix = ''] = text.split('/');
  if (isIPv4(address) && /^\d+$/.test(prefix) && Number(prefix) >= 8 && Number(prefix) <= 32) return text;
  throw new InvalidArgumentError('It is a range of IPv4 addresses, like 10.90.0.0/24.');
}

/** Address families of a cluster, the default first. */
export function ipFamilies(text: string): IpFamily[] {
  const known: Record<string, IpFamily> = { ipv4: 'IPv4', ipv6: 'IPv6' };
  const families = text.split(',').map((family) => known[family.trim().toLowerCase()]);
  const isWhole = families.every((family) => family !== undefined);
  if (isWhole && new Set(families).size === families.length) return families;
  throw new InvalidArgumentError('It is ipv4, ipv6, or both with the default first: ipv4,ipv6 or ipv6,ipv4.');
}

/** How many lines, none included. */
export function lineCount(text: string): number {
  return numberIn(text, { from: 0, to: 1_000_000_000, what: 'a number of lines' });
}

/** A service and its port, as `shop/web:80`. */
export function serviceAddress(text: string): { namespace: string; name: string; port: number } {
  const [, namespace = '', name = '', port = ''] = /^([a-z0-9-]+)\/([a-z0-9-]+):(\d{1,5})$/.exec(text) ?? [];
  if (namespace !== '' && Number(port) >= 1 && Number(port) <= 65_535) return { namespace, name, port: Number(port) };
  throw new InvalidArgumentError('It is a service and its port, like shop/web:80.');
}

/** For a flag that may come more than once. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** Values divided by commas, of a flag that may come more than once. */
export function collectList(value: string, previous: string[] = []): string[] {
  return [...previous, ...value.split(',')];
}

function numberIn(text: string, { from, to, what }: { from: number; to: number; what: string }): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw new InvalidArgumentError(`It is ${what}, a whole number from ${from} to ${to}.`);
}
