import { spawn } from 'node:child_process';
import type { Family } from './service-endpoints.ts';

/**
 * Makes connection tracking forget what would lead clients to endpoints that are not to be used any more, in the
 * network namespace of this process. By Debian's `conntrack` (neither nft nor procfs can delete an entry), which goes
 * through the whole table each time: so this is done beside other work, and one after the other. Where it is not
 * installed, entries end by their timeouts.
 */
export interface TrackedConnections {
  /**
   * Those to these endpoints, `protocol address port`: a client's next datagram goes to another one. With ` address port`
   * of a service's entry (`* port` for the node's own addresses) after it, those alone that came there.
   */
  forget(endpoints: readonly string[]): void;
  /**
   * TCP connections to these that were asked for and not made: a client that goes on asking, or connects again from the
   * same port, comes to another one. Open ones go on.
   */
  forgetAttempts(endpoints: readonly string[]): void;
  /**
   * Datagrams that came to these entries (`address port`, `* port`) before they led anywhere: the next ones would not be
   * translated either. kube-proxy does so when a service gets its first endpoint.
   */
  forgetUntranslated(entries: readonly string[]): void;
}

/** What is to be forgotten of each kind. */
type Deletions = Record<'endpoints' | 'attempts' | 'entries', ReadonlySet<string>>;

/** From so many on, unanswered attempts at all endpoints are forgotten at once: a healthy one gets its client's next segment. */
const manyEndpoints = 4;

/** A pass over the table ends at an entry that went by itself meanwhile, and may leave out the neighbours of those it deletes. */
const mostPasses = 20;

export function createTrackedConnections(family: Family, run = runConntrack): TrackedConnections {
  let waiting = { endpoints: new Set<string>(), attempts: new Set<string>(), entries: new Set<string>() };
  let isBusy = false;
  const work = async (): Promise<void> => {
    for (;;) {
      const commands = deletions(family, waiting);
      if (commands.length === 0) return;
      waiting = { endpoints: new Set(), attempts: new Set(), entries: new Set() };
      for (const command of commands) {
        for (let pass = 0; pass < mostPasses && !(await run(command)); pass++);
      }
    }
  };
  const add = (kind: keyof Deletions, names: readonly string[]): void => {
    for (const name of names) waiting[kind].add(name);
    if (isBusy || names.length === 0) return;
    isBusy = true;
    void work().finally(() => {
      isBusy = false;
    });
  };
  return {
    forget: (endpoints) => add('endpoints', endpoints),
    forgetAttempts: (endpoints) => add('attempts', endpoints),
    forgetUntranslated: (entries) => add('entries', entries),
  };
}

/** Arguments of `conntrack`, of one call after the other. */
function deletions(family: Family, { endpoints, attempts, entries }: Deletions): string[][] {
  const start = ['-D', '-f', family === 'ip' ? 'ipv4' : 'ipv6'];
  const translated = (endpoint: string): string[] => {
    const [protocol = '', ip = '', port = '', entry = '*', entryPort] = endpoint.split(' ');
    return [
      ...['-p', protocol, '--dst-nat', ip, '--reply-port-src', port],
      ...(entry === '*' ? [] : ['--orig-dst', entry]),
      ...(entryPort === undefined ? [] : ['--orig-port-dst', entryPort]),
    ];
  };
  // Nothing answers from the address that was asked but what has not been translated.
  const untranslated = (entry: string): string[] => {
    const [ip = '', port = ''] = entry.split(' ');
    const addresses = ip === '*' ? [] : ['--orig-dst', ip, '--reply-src', ip];
    return ['-p', 'udp', ...addresses, '--orig-port-dst', port, '--reply-port-src', port];
  };
  // What was refused or reset is over for every endpoint.
  const over = attempts.size > 0 ? [['-p', 'tcp', '--dst-nat', '--state', 'CLOSE']] : [];
  const asked = attempts.size < manyEndpoints ? [...attempts].map(translated) : [['-p', 'tcp', '--dst-nat']];
  return [
    ...over,
    ...asked.map((which) => [...which, '--state', 'SYN_SENT']),
    ...[...endpoints].map(translated),
    ...[...entries].map(untranslated),
  ].map((which) => [...start, ...which]);
}

/** Whether there is nothing left that is to be deleted. Never rejects. */
function runConntrack(args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const conntrack = spawn('conntrack', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    conntrack.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    conntrack.on('error', () => resolve(true));
    conntrack.on('close', () => resolve(said.includes(': 0 flow entries have been deleted')));
  });
}
