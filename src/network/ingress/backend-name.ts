import { createHash } from 'node:crypto';
import { type BackendSettings, plainSettings } from './settings.ts';

/**
 * The proxy's name for a service's port with certain settings: `namespace:service:port`, and a hash where the
 * settings are not the plain ones. Names of the cluster's objects have no colons.
 */
export function backendName(options: {
  namespace: string;
  service: string;
  port: string;
  settings: BackendSettings;
}): string {
  const { namespace, service, port, settings } = options;
  const name = `${namespace}:${service}:${port}`;
  if (settings === plainSettings) return name;
  return `${name}:${digestOf(settings)}`;
}

const digests = new WeakMap<BackendSettings, string>();

function digestOf(settings: BackendSettings): string {
  const known =
    digests.get(settings) ?? createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 10);
  digests.set(settings, known);
  return known;
}
