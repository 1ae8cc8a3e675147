import { hostAndPort } from '../../base/ip-address.ts';
import type { Attempt, Listener, Observations, StepResult, TracePlan, TraceProblem, TraceTarget } from './facts.ts';
import { endpointText, titleOf } from './facts.ts';
import { mergeProblems } from './merge-problems.ts';

/** Whether a process of each endpoint's pod takes what comes to the port. */
export function processStep(
  { targets, protocol }: TracePlan,
  { listeners }: Pick<Observations, 'listeners'>,
): StepResult {
  const lines: string[] = [];
  const problems = new Map<string, TraceProblem>();
  let isUnknown = false;
  for (const target of targets) {
    const { pod } = target;
    const known = pod && listeners.get(titleOf(pod));
    if (!pod || !known) {
      isUnknown = true;
      continue;
    }
    const all = known.filter((each) => each.protocol === protocol);
    const onPort = all.filter(({ port }) => port === target.port);
    const open = onPort.find(({ address }) => hears(address, target.ip));
    if (open) {
      const at = hostAndPort(open.address, open.port);
      lines.push(`${titleOf(pod)}: ${open.process ?? 'a process'} listens on ${at}/${protocol}`);
      continue;
    }
    lines.push(`${titleOf(pod)}: nobody takes ${target.port}/${protocol}${othersText(all)}`);
    problems.set(titleOf(pod), unheard(target, { pod: titleOf(pod), onPort, all }));
  }
  if (lines.length === 0) lines.push('not looked at');
  const status = problems.size > 0 ? 'failed' : isUnknown ? 'unknown' : 'ok';
  return { step: { title: 'Process', status, lines }, problems: mergeProblems([...problems.values()]) };
}

/** Whether a socket at `address` takes what comes to `ip`. */
function hears(address: string, ip: string): boolean {
  if (isLoopback(address) && !isLoopback(ip)) return false;
  return address === '*' || isIpv6(address) === isIpv6(ip);
}

/** IPv4 addresses in IPv6 sockets (RFC 4291, 2.5.5.2) hear IPv4. */
function isIpv6(address: string): boolean {
  return address.includes(':') && !address.startsWith('::ffff:');
}

function unheard(
  { ip, port }: TraceTarget,
  { pod, onPort, all }: { pod: string; onPort: readonly Listener[]; all: readonly Listener[] },
): TraceProblem {
  const [deaf] = onPort;
  if (deaf) {
    const everywhere = isIpv6(ip) ? '[::]' : '0.0.0.0';
    const flag = 'a flag like --host or --bind of most servers';
    const who = `${deaf.process ?? 'the process'} in pod ${pod} listens on ${hostAndPort(deaf.address, port)} only`;
    if (isIpv6(deaf.address) === isIpv6(ip)) {
      return {
        what: `${who}, where nobody outside of the pod comes`,
        fix: `Let it listen on all addresses: ${everywhere} (${flag}).`,
      };
    }
    const [its, other] = isIpv6(ip) ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6'];
    return {
      what: `${who}, which hears ${other} alone, and the connection comes by ${its}`,
      fix: `Let it listen on ${everywhere} (${flag}), or give the service ${other} (spec.ipFamilies).`,
    };
  }
  const others = [...new Set(all.filter(({ address }) => !isLoopback(address)).map((each) => each.port))];
  const what = `nothing listens on port ${port} in pod ${pod}`;
  if (others.length === 0) return { what, fix: 'Nothing in it listens there at all: look at its log (kubectl logs).' };
  return {
    what,
    fix: `It listens on ${others.join(', ')}: set the service's targetPort to that, or the port of the program.`,
  };
}

function othersText(all: readonly Listener[]): string {
  if (all.length === 0) return '';
  return `; there is ${all.map(({ address, port, process }) => `${address}:${port} (${process ?? '?'})`).join(', ')}`;
}

function isLoopback(address: string): boolean {
  return (
    address.startsWith('127.') || address === '::1' || address.startsWith('[::1') || address.startsWith('::ffff:127.')
  );
}

const outcomes: Readonly<Record<Attempt['outcome'], string>> = {
  connected: 'connected',
  answered: 'sent, and nothing refused it',
  refused: 'refused',
  timedOut: 'no answer: the packet was dropped somewhere',
  unreachable: 'unreachable: no route',
  failed: 'failed',
};

export function isGood({ outcome }: Attempt): boolean {
  return outcome === 'connected' || outcome === 'answered';
}

/** What came of really connecting, to the service and to each endpoint. */
export function connectionStep(
  { serviceIp, entry, targets }: TracePlan,
  { attempts }: Pick<Observations, 'attempts'>,
): StepResult {
  const title = 'Connection';
  if (attempts.length === 0) return { step: { title, status: 'unknown', lines: ['not tried'] }, problems: [] };
  const lines = attempts.map((attempt) => {
    const isEntry = entry && attempt.ip === entry.ip && attempt.port === entry.port;
    const to = isEntry ? entry.how : attempt.ip === serviceIp ? 'the service' : nameOf(attempt, targets);
    return `${endpointText(attempt)} (${to}): ${outcomes[attempt.outcome]}, ${attempt.tookMs.toFixed(1)} ms`;
  });
  const good = attempts.filter(isGood).length;
  const status = good === attempts.length ? 'ok' : good > 0 ? 'warning' : 'failed';
  return { step: { title, status, lines }, problems: [] };
}

function nameOf({ ip }: Attempt, targets: readonly TraceTarget[]): string {
  const pod = targets.find((target) => target.ip === ip)?.pod;
  return pod ? `pod ${titleOf(pod)}` : 'address';
}
