import { createServer, type Server, type ServerResponse } from 'node:http';

/** What a load balancer outside is told about one service on this node. */
export interface HealthCheck {
  /** The service's `healthCheckNodePort`. */
  port: number;
  namespace: string;
  name: string;
  /** Ready ones on this node. */
  localEndpoints: number;
}

export interface HealthChecks {
  /** Undefined: the service has none (any more). */
  set(key: string, check: HealthCheck | undefined): void;
  close(): void;
}

/**
 * Answers at the health-check ports of services with `externalTrafficPolicy: Local`, as kube-proxy does: 200 when the node
 * has endpoints of the service, 503 when it has none, with their number in the body and in a header.
 */
export function createHealthChecks(): HealthChecks {
  const running = new Map<string, { server: Server; check: HealthCheck }>();
  const end = (key: string): void => {
    running.get(key)?.server.close();
    running.get(key)?.server.closeAllConnections();
    running.delete(key);
  };
  return {
    set(key, check) {
      const known = running.get(key);
      if (!check || (known && known.check.port !== check.port)) end(key);
      if (!check) return;
      const same = running.get(key);
      if (same) {
        same.check = check;
        return;
      }
      const entry = { server: createServer((_, response) => answer(entry.check, response)), check };
      // Somebody else's port: whoever asks there gets another answer, or none.
      entry.server.on('error', () => running.delete(key));
      entry.server.listen(check.port);
      entry.server.unref();
      running.set(key, entry);
    },
    close() {
      for (const key of [...running.keys()]) end(key);
    },
  };
}

function answer(check: HealthCheck, response: ServerResponse): void {
  const { namespace, name, localEndpoints } = check;
  response.writeHead(localEndpoints > 0 ? 200 : 503, {
    'content-type': 'application/json',
    'x-content-type-options': 'nosniff',
    'x-load-balancing-endpoint-weight': String(localEndpoints),
  });
  response.end(`${JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true })}\n`);
}
