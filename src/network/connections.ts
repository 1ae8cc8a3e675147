import { spawn } from 'node:child_process';
import type { ServiceRules } from './service-rules.ts';

/**
 * Endpoints that had connections and may have none any more: those of the services `before` that are neither among
 * what the same services have `after`, nor among those of any service (`all`). As `protocol address port`. Pure.
 */
export function lostEndpoints(
  before: Iterable<ServiceRules>,
  after: Iterable<ServiceRules>,
  all: Iterable<ServiceRules>,
): string[] {
  const lost = new Set<string>();
  for (const { endpoints } of before) for (const endpoint of endpoints) lost.add(endpoint);
  for (const some of [after, all]) {
    if (lost.size === 0) break;
    for (const { endpoints } of some) for (const endpoint of lost) if (endpoints.has(endpoint)) lost.delete(endpoint);
  }
  return [...lost];
}

/**
 * Forgets the translated connections to endpoints, in the network namespace of this process. A datagram's next goes to
 * another endpoint; a TCP client's next segment finds one that does not know it, and is reset. By Debian's `conntrack`:
 * neither nft nor procfs can delete an entry. Where it is not installed, connections end by their timeouts.
 */
export async function cutConnections(endpoints: readonly string[]): Promise<void> {
  for (const endpoint of endpoints) {
    const [protocol = '', ip = '', port = ''] = endpoint.split(' ');
    await runConntrack(['-D', '-p', protocol, '--dst-nat', ip, '--reply-port-src', port]);
  }
}

/** Never rejects: no entry to delete is a failure too. */
function runConntrack(args: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const conntrack = spawn('conntrack', args, { stdio: 'ignore' });
    conntrack.on('error', () => resolve());
    conntrack.on('close', () => resolve());
  });
}
