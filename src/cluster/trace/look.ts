import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { searchedNames } from '../../network/dns/ask.ts';
import { type Listener, type Observations, titleOf, type TracePlan } from '../../network/trace/facts.ts';
import { type ProbeRequest, type ProbeResult, runProbe } from '../../network/trace/probe.ts';
import { parseResolvConf } from '../../node/dns-config.ts';
import { CommandError, runCommand } from '../command.ts';
import { namespacePath } from '../netns.ts';
import { findPodProcesses, readText } from './pod-process.ts';

export interface LookOptions {
  plan: TracePlan;
  /** The cluster, where it is one of this machine. */
  cluster: string;
  /** This program, as a command; `net probe` is added to it. */
  self: readonly string[];
  /** Where the host asks for names; undefined: it does not. */
  hostDns: string | undefined;
  clock: Clock;
  random: Random;
}

/** So many endpoints are looked at and connected to. */
const maxTargets = 10;

/** Looks from inside: from the source's network, and into the networks of the endpoints' pods. */
export async function lookAround(options: LookOptions): Promise<Observations> {
  const { plan, cluster } = options;
  const { source } = plan;
  const targets = plan.targets.slice(0, maxTargets);
  const pods = targets.flatMap(({ pod }) => pod ?? []);
  const wanted = source.kind === 'pod' ? [...pods, source.pod] : pods;
  const processes = findPodProcesses(wanted.map(({ metadata }) => metadata.uid ?? ''));
  const own = source.kind === 'pod' ? processes.get(source.pod.metadata.uid ?? '') : undefined;
  const listeners = new Map<string, readonly Listener[]>();
  await Promise.all(
    pods.map(async (pod) => {
      const pid = processes.get(pod.metadata.uid ?? '');
      if (pid !== undefined) listeners.set(titleOf(pod), await listenersIn(pid));
    }),
  );
  if (source.kind === 'pod' && own === undefined) {
    const blind = `pod ${titleOf(source.pod)} has no process on this machine`;
    return { blind, attempts: [], listeners, routes: [] };
  }
  const [probed, routes, hasRules] = await Promise.all([
    probe(own, requestOf(options, own), options),
    routesTo(plan, own, cluster),
    rulesKnow(plan, cluster),
  ]);
  return {
    ...{ attempts: probed.attempts, listeners, routes },
    ...(probed.dns && { dns: probed.dns }),
    ...(hasRules !== undefined && { hasRules }),
  };
}

function requestOf({ plan, hostDns }: LookOptions, pid: number | undefined): ProbeRequest {
  const { destination, serviceIp, port, protocol, servicePort, entry } = plan;
  const name = destination.kind === 'service' || destination.kind === 'name' ? destination.name : undefined;
  const config = parseResolvConf(pid === undefined ? '' : readText(`/proc/${pid}/root/etc/resolv.conf`));
  const server = pid === undefined ? hostDns : config.servers[0];
  const ndots = Number(
    /^ndots:(\d+)$/.exec(config.options.find((option) => option.startsWith('ndots:')) ?? '')?.[1] ?? 1,
  );
  const targets = plan.targets.slice(0, maxTargets);
  const addresses = targets.map((target) => ({ ip: target.ip, port: target.port, protocol }));
  const service = serviceIp !== undefined && servicePort ? [{ ip: serviceIp, port: servicePort.port, protocol }] : [];
  // What has no endpoints that are known leads to wherever the name does.
  const isElsewhere = name !== undefined && targets.length === 0 && port !== undefined && service.length === 0;
  return {
    connect: [...(entry ? [{ ip: entry.ip, port: entry.port, protocol }] : []), ...service, ...addresses],
    ...(name !== undefined &&
      server !== undefined && { dns: { server, names: searchedNames(name, { searches: config.searches, ndots }) } }),
    ...(isElsewhere && { connectToAnswer: { port, protocol } }),
  };
}

/** From the host itself, or from the network of the pod that this process is of. */
async function probe(pid: number | undefined, request: ProbeRequest, options: LookOptions): Promise<ProbeResult> {
  if (pid === undefined) return runProbe(request, options);
  const command = [...enter(pid), ...options.self, 'net', 'probe'];
  return JSON.parse(await runCommand(command, { input: JSON.stringify(request) })) as ProbeResult;
}

function enter(pid: number): string[] {
  return ['nsenter', `--net=/proc/${pid}/ns/net`, '--'];
}

function enterNode(cluster: string, node: string): string[] {
  return ['nsenter', `--net=${namespacePath(`timonel-${cluster}.${node}`)}`, '--'];
}

/** From the source to the first endpoint on each node, hop by hop, as far as the hops are on this machine. */
async function routesTo(
  { source, targets }: TracePlan,
  pid: number | undefined,
  cluster: string,
): Promise<Observations['routes']> {
  const byNode = new Map(targets.map((target) => [target.pod?.spec?.nodeName, target.ip]));
  const node = source.kind === 'pod' ? source.pod.spec?.nodeName : undefined;
  const routes: { where: string; route: string }[] = [];
  for (const [targetNode, ip] of [...byNode].slice(0, 3)) {
    const to = targetNode === undefined ? ip : `${ip} (${targetNode})`;
    const hops: [string, string[]][] = [[pid === undefined ? 'host' : 'pod', pid === undefined ? [] : enter(pid)]];
    const leaves = !ip.startsWith('127.') && source.kind === 'pod' && !source.pod.spec?.hostNetwork;
    if (node !== undefined && leaves) {
      hops.push([node, enterNode(cluster, node)]);
    }
    for (const [where, prefix] of hops) {
      const route = await runCommand([...prefix, 'ip', '-o', 'route', 'get', ip]).then(routeText, routeError);
      if (route !== undefined) routes.push({ where: `${where} to ${to}`, route });
    }
  }
  return routes;
}

/** `10.0.0.2 via 10.0.0.1 dev eth0 src …` -> `via 10.0.0.1 dev eth0` */
function routeText(output: string): string {
  return /(via \S+ )?dev \S+/.exec(output)?.[0] ?? output.trim();
}

function routeError(error: unknown): string | undefined {
  const text = error instanceof CommandError ? error.stderr : '';
  return /unreachable|No route/i.test(text) ? 'unreachable' : undefined;
}

/** Whether the rules where the source is know the service; undefined where they cannot be read. */
async function rulesKnow({ source, serviceIp, servicePort, protocol }: TracePlan, cluster: string) {
  if (serviceIp === undefined || !servicePort) return undefined;
  const node = source.kind === 'pod' ? source.pod.spec?.nodeName : undefined;
  const prefix = node === undefined ? [] : enterNode(cluster, node);
  const element = `{ ${serviceIp} . ${protocol} . ${servicePort.port} }`;
  const family = serviceIp.includes(':') ? 'ip6' : 'ip';
  const command = [...prefix, 'nft', 'get', 'element', family, `timonel-${cluster}`, 'service-ips', element];
  return runCommand(command).then(
    () => true,
    (error: unknown) => (error instanceof CommandError && /No such file/.test(error.stderr) ? false : undefined),
  );
}

async function listenersIn(pid: number): Promise<Listener[]> {
  const output = await runCommand([...enter(pid), 'ss', '-Hltnup']).catch(() => '');
  return parseListeners(output);
}

/** Lines of `ss -Hltnup`. Pure. */
export function parseListeners(output: string): Listener[] {
  return output.split('\n').flatMap((line): Listener[] => {
    const [protocol, , , , local = ''] = line.trim().split(/\s+/);
    if (protocol !== 'tcp' && protocol !== 'udp') return [];
    const colon = local.lastIndexOf(':');
    const process = /users:\(\("([^"]*)"/.exec(line)?.[1];
    const address = local
      .slice(0, colon)
      .replace(/%\S+$/, '')
      .replace(/^\[|\]$/g, '');
    return [{ protocol, address, port: Number(local.slice(colon + 1)), process }];
  });
}
