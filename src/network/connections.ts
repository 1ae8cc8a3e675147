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

/**
 * Forgets the TCP connections to endpoints that were asked for and not made: open ones go on. Without this a client's
 * next segment, or its next connection from the same port, would go to the endpoint that did not answer.
 */
export async function abandonAttempts(endpoints: readonly string[]): Promise<void> {
  for (const endpoint of endpoints) {
    const [protocol = '', ip = '', port = ''] = endpoint.split(' ');
    const translated = ['--dst-nat', ip, '--reply-port-src', port];
    const states = ['SYN_SENT', 'CLOSE'];
    await Promise.all(states.map((state) => runConntrack(['-D', '-p', protocol, '--state', state, ...translated])));
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
