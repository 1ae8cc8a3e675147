import { spawn } from 'node:child_process';

/**
 * Forgets the translated connections to endpoints (`protocol address port`), in the network namespace of this process. A datagram's next goes to
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
