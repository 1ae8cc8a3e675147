import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { askServer } from '../dns/ask.ts';
import { createExchange } from '../dns/exchange.ts';
import type { Attempt, DnsObservation, Protocol } from './facts.ts';

/** What is to be tried, from the network namespace of the process that does it. */
export interface ProbeRequest {
  dns?: { server: string; names: readonly string[] };
  connect: readonly { ip: string; port: number; protocol: Protocol }[];
  /** At the addresses that the name gives, in addition. */
  connectToAnswer?: { port: number; protocol: Protocol };
}

export interface ProbeResult {
  dns?: DnsObservation;
  attempts: readonly Attempt[];
}

const connectTimeoutMs = 1_500;
const dnsTimeoutMs = 5_000;

/** Asks for names and connects, for real: to everything at once, and nothing is sent over the connections. */
export async function runProbe(
  { dns, ...request }: ProbeRequest,
  deps: { clock: Clock; random: Random },
): Promise<ProbeResult> {
  const observation = dns && (await lookUp(dns, deps));
  const { connectToAnswer } = request;
  const found = connectToAnswer ? addressesOf(observation).map((ip) => ({ ip, ...connectToAnswer })) : [];
  const attempts = await Promise.all([...request.connect, ...found].map((to) => attempt(to, deps.clock)));
  return { ...(observation && { dns: observation }), attempts };
}

/** One name after the other, until one has an address. */
async function lookUp(
  { server, names }: { server: string; names: readonly string[] },
  { clock, random }: { clock: Clock; random: Random },
): Promise<DnsObservation> {
  const exchange = createExchange(clock, dnsTimeoutMs);
  const asked: { name: string; reply: Awaited<ReturnType<typeof askServer>> }[] = [];
  for (const name of names) {
    const question = { server, name, id: random.int(0x1_0000) };
    let reply = await askServer(exchange, { ...question, type: 'A' });
    const isEmpty = reply?.rcode === 'NOERROR' && reply.answers.length === 0;
    if (isEmpty) reply = (await askServer(exchange, { ...question, type: 'AAAA' })) ?? reply;
    asked.push({ name, reply });
    if (!reply || reply.rcode === 'SERVFAIL' || reply.answers.some(({ type }) => type === 'A' || type === 'AAAA'))
      break;
  }
  return { server, asked };
}

function addressesOf(observation: DnsObservation | undefined): string[] {
  const answers = observation?.asked.at(-1)?.reply?.answers ?? [];
  return answers.flatMap(({ type, data }) => (type === 'A' || type === 'AAAA' ? [data] : []));
}

async function attempt(to: ProbeRequest['connect'][number], clock: Clock): Promise<Attempt> {
  const { ip, port, protocol } = to;
  const start = clock.monotonic();
  const outcome = protocol === 'udp' ? await sendTo(to, clock) : await connectTo(to, clock);
  return { ip, port, outcome, tookMs: clock.monotonic() - start };
}

function connectTo({ ip, port }: { ip: string; port: number }, clock: Clock): Promise<Attempt['outcome']> {
  return new Promise((resolve) => {
    const socket = connect(port, ip);
    const finish = (outcome: Attempt['outcome']): void => {
      cancel();
      socket.destroy();
      resolve(outcome);
    };
    const cancel = clock.setTimer(connectTimeoutMs, () => finish('timedOut'));
    socket.on('connect', () => finish('connected'));
    socket.on('error', (error) => finish(outcomeOf(error)));
  });
}

/** An empty datagram: a closed port refuses it by ICMP, an open one says nothing. */
function sendTo({ ip, port }: { ip: string; port: number }, clock: Clock): Promise<Attempt['outcome']> {
  return new Promise((resolve) => {
    const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4');
    const finish = (outcome: Attempt['outcome']): void => {
      cancel();
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      resolve(outcome);
    };
    const cancel = clock.setTimer(connectTimeoutMs / 3, () => finish('answered'));
    socket.on('message', () => finish('answered'));
    socket.on('error', (error) => finish(outcomeOf(error)));
    socket.connect(port, ip, () => socket.send(''));
  });
}

function outcomeOf(error: NodeJS.ErrnoException): Attempt['outcome'] {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'refused';
    case 'ETIMEDOUT':
      return 'timedOut';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'unreachable';
    default:
      return 'failed';
  }
}
