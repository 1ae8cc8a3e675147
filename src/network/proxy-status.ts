import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Clock, formatTime } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';

/** What the node's service proxy says about itself. */
export interface ProxyHealth {
  /** Changes reach the kernel, or have not waited for long. */
  isHealthy: boolean;
  /** Epoch milliseconds: when rules were last applied. */
  lastUpdatedMs: number;
  /** Load balancers outside may send to this node: it is not on its way out. */
  isNodeEligible: boolean;
}

/** Where kube-proxy answers: everywhere, and on the node alone. */
const ports = { health: 10256, status: 10249 } as const;

/**
 * Answers where kube-proxy does, as it does: `/healthz` and `/livez` at port 10256, for load balancers outside (KEP-3836),
 * `/healthz` and `/proxyMode` at port 10249 of 127.0.0.1. A port that another program has is left to it.
 */
export function serveProxyStatus(options: {
  health: () => ProxyHealth;
  clock: Clock;
  log: Logger;
  /** Other ports, for tests: 0 is any. */
  at?: { health: number; status: number };
}): { close(): void; servers: readonly Server[] } {
  const { health, clock, log, at = ports } = options;
  const forLoadBalancers = (path: string | undefined, response: ServerResponse): void => {
    if (path !== '/healthz' && path !== '/livez') return refuse(response);
    const { isHealthy, lastUpdatedMs, isNodeEligible } = health();
    const isGood = isHealthy && (path === '/livez' || isNodeEligible);
    response.writeHead(isGood ? 200 : 503, {
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
    });
    const now = clock.now();
    // A proxy that has nothing to do is as good as one that has just done it.
    const updated = formatTime(isHealthy ? now : lastUpdatedMs);
    response.end(
      `{"lastUpdated": "${updated}","currentTime": "${formatTime(now)}", "nodeEligible": ${isNodeEligible}}`,
    );
  };
  const forTheNode = (path: string | undefined, response: ServerResponse): void => {
    if (path !== '/healthz' && path !== '/proxyMode') return refuse(response);
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
    response.end(path === '/healthz' ? 'ok' : 'nftables');
  };
  const open = (answer: typeof forTheNode, port: number, host?: string): Server => {
    const server = createServer(({ url }: IncomingMessage, response) => answer(url?.split('?')[0], response));
    server.on('error', (error) => log.warn('the proxy does not tell of itself', { port, error }));
    server.listen({ port, ...(host !== undefined && { host }) });
    server.unref();
    return server;
  };
  const servers = [open(forLoadBalancers, at.health), open(forTheNode, at.status, '127.0.0.1')];
  return {
    servers,
    close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function refuse(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
}
