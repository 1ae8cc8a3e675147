import { spawn } from 'node:child_process';
import { isIPv6 } from 'node:net';

/**
 * Makes the addresses of the cluster's DNS service this node's own, so that its pods are answered here. Only while
 * somebody listens: the kernel looks for the socket of each query, and a query that finds none goes the way of every
 * service, to the endpoints. So there is nothing to take back when the process ends, however it ends.
 *
 * Runs in the network namespace of this process; `table` is of the node's own. Idempotent.
 */
export async function takeDnsAddresses(options: { table: string; addresses: readonly string[] }): Promise<void> {
  const { table, addresses } = options;
  for (const address of addresses) {
    await run(['ip', 'addr', 'replace', ...answeringAddress(address)], '');
  }
  await run(['nft', '-f', '-'], dnsAddressScript(table, addresses));
}

/** What is answered here is nobody's own address: neither masquerading nor a socket without one is to choose it. Pure. */
function answeringAddress(address: string): string[] {
  return isIPv6(address)
    ? [`${address}/128`, 'dev', 'lo', 'preferred_lft', '0']
    : [`${address}/32`, 'dev', 'lo', 'scope', 'host'];
}

/**
 * Queries that somebody here answers are not tracked, and so not translated to another endpoint. Those of the node's
 * own processes (pods in its network) never are: they have the address itself as their source, where no answer from
 * elsewhere would find back. What completes a handshake belongs to a socket that is none yet: the kernel says of it
 * that it is not transparent, and not whether it is bound to the address. Pure.
 */
export function dnsAddressScript(table: string, addresses: readonly string[]): string {
  const family = (address: string): string => (isIPv6(address) ? 'ip6' : 'ip');
  const match = (address: string, side: 'd' | 's'): string =>
    `    ${family(address)} ${side}addr ${address} meta l4proto { tcp, udp } th ${side}port 53`;
  const queries = addresses.map((address) => match(address, 'd'));
  const answers = addresses.map((address) => match(address, 's'));
  const completions = addresses.map(
    (address) =>
      `    ${family(address)} daddr ${address} tcp dport 53 tcp flags & (syn | ack) == ack socket transparent 0`,
  );
  return `add table inet ${table}
delete table inet ${table}
table inet ${table} {
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
${queries.map((query) => `${query} socket wildcard 0 notrack`).join('\n')}
${completions.map((completion) => `${completion} notrack`).join('\n')}
  }
  chain output {
    type filter hook output priority raw; policy accept;
${[...answers, ...queries].map((either) => `${either} notrack`).join('\n')}
  }
}
`;
}

function run([file = '', ...args]: readonly string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let message = '';
    child.stderr.on('data', (chunk: Buffer) => {
      message += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${file} failed: ${message.trim()}`));
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
