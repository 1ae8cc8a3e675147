import { spawn } from 'node:child_process';
import type { Family } from './service-endpoints.ts';

/**
 * Makes connection tracking forget what would lead clients to endpoints that are not to be used any more, in the
 * network namespace of this process. By Debian's `conntrack` (neither nft nor procfs can delete an entry), which goes
 * through the whole table each time: so this is done beside other work, and one after the other. Where it is not
 * installed, entries end by their timeouts.
 */
export interface TrackedConnections {
  /** Those to these endpoints, `protocol address port`: a client's next datagram goes to another one. */
  forget(endpoints: readonly string[]): void;
  /**
   * TCP connections to these that were asked for and not made: a client that goes on asking, or connects again from the
   * same port, comes to another one. Open ones go on.
   */
  forgetAttempts(endpoints: readonly string[]): void;
}

/** From so many on, unanswered attempts at all endpoints are forgotten at once: a healthy one gets its client's next segment. */
const manyEndpoints = 4;

/** A pass over the table ends at an entry that went by itself meanwhile, and may leave out the neighbours of those it deletes. */
const mostPasses = 20;

export function createTrackedConnections(family: Family, run = runConntrack): TrackedConnections {
  const forgotten = new Set<string>();
  const abandoned = new Set<string>();
  let isBusy = false;
  const work = async (): Promise<void> => {
    while (forgotten.size + abandoned.size > 0) {
      const commands = deletions(family, { forgotten: [...forgotten], abandoned: [...abandoned] });
      forgotten.clear();
      abandoned.clear();
      for (const command of commands) {
        for (let pass = 0; pass < mostPasses && !(await run(command)); pass++);
      }
    }
  };
  const add = (set: Set<string>, endpoints: readonly string[]): void => {
    for (const endpoint of endpoints) set.add(endpoint);
    if (isBusy || set.size === 0) return;
    isBusy = true;
    void work().finally(() => {
      isBusy = false;
    });
  };
  return {
    forget: (endpoints) => add(forgotten, endpoints),
    forgetAttempts: (endpoints) => add(abandoned, endpoints),
  };
}

/** Arguments of `conntrack`, of one call after the other. */
function deletions(
  family: Family,
  { forgotten, abandoned }: Record<'forgotten' | 'abandoned', readonly string[]>,
): string[][] {
  const start = ['-D', '-f', family === 'ip' ? 'ipv4' : 'ipv6'];
  const translated = (endpoint: string): string[] => {
    const [protocol = '', ip = '', port = ''] = endpoint.split(' ');
    return ['-p', protocol, '--dst-nat', ip, '--reply-port-src', port];
  };
  // What was refused or reset is over for every endpoint.
  const over = abandoned.length > 0 ? [[...start, '-p', 'tcp', '--dst-nat', '--state', 'CLOSE']] : [];
  const attempts = abandoned.length < manyEndpoints ? abandoned.map(translated) : [['-p', 'tcp', '--dst-nat']];
  return [
    ...over,
    ...attempts.map((which) => [...start, ...which, '--state', 'SYN_SENT']),
    ...forgotten.map((endpoint) => [...start, ...translated(endpoint)]),
  ];
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
