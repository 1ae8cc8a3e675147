import { isIP } from 'node:net';
import { hostAndPort } from '../../base/ip-address.ts';
import { systemRandom } from '../../base/random.ts';
import { clusterDomain, dnsPort, hostAddressOf } from '../../cluster/network-plan.ts';
import {
  clusterOfHostResolver,
  hostResolver,
  type HostResolver,
  joinHostResolver,
  leaveHostResolver,
} from '../../cluster/host-resolver.ts';
import { isServerRunning } from '../../cluster/launcher.ts';
import { type ClusterState, listClusters } from '../../cluster/state.ts';
import { askServer, type DnsReply, queryTypeOf, type QueryTypeName, searchedNames } from '../../network/dns/ask.ts';
import { createExchange } from '../../network/dns/exchange.ts';
import { reverseName } from '../../network/dns/reverse-name.ts';
import { clock, existingCluster, requireRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { createOutput, table } from '../output.ts';

interface Options {
  name: string;
  namespace: string;
  output?: 'json';
}

/** Says whether the host resolves the cluster's names, and how it could. */
export async function explain({ name, output: format }: Options): Promise<void> {
  const state = existingCluster(name);
  requireDns(state);
  const resolver = hostResolver(name, clusterDomain);
  const owner = await clusterOfHostResolver(resolver, { domain: clusterDomain, clusters: listClusters() });
  const server = hostAndPort(hostAddressOf(state.network), dnsPort);
  const output = createOutput();
  if (format === 'json') {
    return output.data(JSON.stringify({ cluster: name, domain: clusterDomain, server, on: owner === name }));
  }
  const isOn = owner === name;
  output.data(
    `${isOn ? 'The host resolves' : 'The host does not resolve'} names of cluster ${name} (*.${clusterDomain}).`,
  );
  output.data(`The cluster answers at ${server}.\n`);
  const rows = [
    ['timonel dns web.default', 'ask the cluster for a name'],
    isOn
      ? ['timonel dns off', `take it back: ${placeOf(resolver)}`]
      : ['timonel dns on', `let the host resolve them: changes ${placeOf(resolver)} until off, down or delete`],
  ];
  for (const [command = '', what = ''] of rows) output.data(`  ${command.padEnd(26)}${what}`);
}

function placeOf(resolver: HostResolver): string {
  return resolver.kind === 'systemd-resolved' ? `systemd-resolved, link ${resolver.link}` : resolver.file;
}

/** Asks the cluster for a name as a pod of the namespace would. */
export async function ask(host: string, type: string | undefined, options: Options): Promise<void> {
  const state = runningCluster(options.name);
  const types = typesOf(host, type);
  const searches = [`${options.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  const names = isIP(host) === 0 ? searchedNames(host, { searches, ndots: 5 }) : [reverseName(host)];
  const exchange = createExchange(clock, 5_000);
  const server = hostAndPort(hostAddressOf(state.network), dnsPort);
  let last: DnsReply | undefined;
  for (const name of names) {
    const id = systemRandom.int(0x1_0000);
    const replies = await Promise.all(types.map((each) => askServer(exchange, { server, name, type: each, id })));
    const [first] = replies;
    if (!first) throw new CliError(`the DNS of cluster ${options.name} does not answer at ${server}`);
    const answers = replies.flatMap((reply) => reply?.answers ?? []);
    last = first;
    if (answers.length > 0 || first.rcode === 'SERVFAIL') return show({ ...first, answers: unique(answers) }, options);
  }
  if (options.output === 'json') createOutput().data(JSON.stringify(last));
  throw new CliError(
    last?.rcode === 'NXDOMAIN' ? `there is no name ${host}` : `${host} has no ${types.join(' or ')} record`,
    { hint: `Asked for ${names.join(', ')}` },
  );
}

function typesOf(host: string, type: string | undefined): QueryTypeName[] {
  if (type === undefined) return isIP(host) === 0 ? (host.startsWith('_') ? ['SRV'] : ['A', 'AAAA']) : ['PTR'];
  const known = queryTypeOf(type);
  if (known) return [known];
  throw new CliError(`"${type}" is no record type`, {
    hint: 'For example A, AAAA, SRV, PTR, CNAME, TXT.',
    exitCode: 2,
  });
}

/** An alias comes with the answer for each type. */
function unique(answers: DnsReply['answers']): DnsReply['answers'] {
  return [...new Map(answers.map((answer) => [`${answer.name} ${answer.type} ${answer.data}`, answer])).values()];
}

function show(reply: DnsReply, options: Options): void {
  const output = createOutput();
  if (options.output === 'json') output.data(JSON.stringify(reply));
  else if (reply.answers.length > 0) {
    const rows = reply.answers.map(({ name, ttl, type, data }) => [name, String(ttl), type, data]);
    output.data(table(['NAME', 'TTL', 'TYPE', 'DATA'], rows));
  }
  if (reply.rcode !== 'SERVFAIL') return;
  throw new CliError('nobody outside the cluster answers for that name', {
    hint: "The cluster asks the resolvers of this machine's /etc/resolv.conf, or of ConfigMap kube-system/kube-dns.",
  });
}

export async function turnOn({ name }: Options): Promise<void> {
  requireRoot('changing how this machine resolves names');
  const state = runningCluster(name);
  const resolver = hostResolver(name, clusterDomain);
  const owner = await clusterOfHostResolver(resolver, { domain: clusterDomain, clusters: listClusters() });
  if (owner !== undefined && owner !== name) {
    throw new CliError(`the host resolves *.${clusterDomain} by cluster ${owner} already`, {
      hint: `Take that back first: timonel dns off --name ${owner}`,
    });
  }
  await joinHostResolver(resolver, { cluster: name, domain: clusterDomain, address: hostAddressOf(state.network) });
  const output = createOutput();
  output.message(`The host resolves *.${clusterDomain} by cluster ${name} now (${placeOf(resolver)}).`);
  output.message('It is taken back by: timonel dns off, down or delete');
}

export async function turnOff({ name }: Options): Promise<void> {
  requireRoot('changing how this machine resolves names');
  const found = await leaveHostResolver(name, clusterDomain);
  createOutput().message(
    found
      ? `The host does not resolve names of cluster ${name} any more.`
      : `The host does not resolve names of cluster ${name}: there is nothing to take back.`,
  );
}

function runningCluster(name: string): ClusterState {
  const state = existingCluster(name);
  requireDns(state);
  if (isServerRunning(state)) return state;
  throw new CliError(`the server of cluster ${name} is not running`, { hint: `Start it: timonel up --name ${name}` });
}

function requireDns({ name, runtime }: ClusterState): void {
  if (runtime === 'simulated') throw new CliError(`cluster ${name} is simulated: it has no DNS`);
}
