import { hostAndPort } from '../base/ip-address.ts';
import type { Service } from '../api/types/core-v1.ts';

const apiServerService = 'kubernetes';

/**
 * The variables that tell a pod of the services of its namespace, in Docker's link format, oldest names of all:
 * `REDIS_PRIMARY_SERVICE_HOST`, `REDIS_PRIMARY_PORT_6379_TCP_ADDR` … The API server's own service is always told,
 * even with `enableServiceLinks: false`. Headless services have none.
 */
export function serviceEnvironment(options: {
  services: Iterable<Service>;
  namespace: string;
  enableServiceLinks: boolean;
}): Map<string, string> {
  const { services, namespace, enableServiceLinks } = options;
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const { name = '', namespace: home } = service.metadata;
    const ip = service.spec?.clusterIP;
    if (!ip || ip === 'None') continue;
    const isApiServer = home === 'default' && name === apiServerService;
    // A service of the pod's own namespace takes the place of the API server's of the same name.
    if (isApiServer && !chosen.has(name)) chosen.set(name, service);
    else if (home === namespace && enableServiceLinks) chosen.set(name, service);
  }
  const env = new Map<string, string>();
  for (const name of [...chosen.keys()].sort()) addService(env, chosen.get(name) as Service);
  return env;
}

function addService(env: Map<string, string>, service: Service): void {
  const prefix = variableName(service.metadata.name ?? '');
  const ip = service.spec?.clusterIP ?? '';
  const ports = service.spec?.ports ?? [];
  const first = ports[0];
  if (!first) return;
  env.set(`${prefix}_SERVICE_HOST`, ip);
  env.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const port of ports) {
    if (port.name) env.set(`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port));
  }
  for (const [index, port] of ports.entries()) {
    const protocol = port.protocol ?? 'TCP';
    const url = `${protocol.toLowerCase()}://${hostAndPort(ip, port.port)}`;
    if (index === 0) env.set(`${prefix}_PORT`, url);
    const portPrefix = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
    env.set(portPrefix, url);
    env.set(`${portPrefix}_PROTO`, protocol.toLowerCase());
    env.set(`${portPrefix}_PORT`, String(port.port));
    env.set(`${portPrefix}_ADDR`, ip);
  }
}

function variableName(name: string): string {
  return name.replaceAll('-', '_').toUpperCase();
}
