import type { Secret } from '../api/types/core-v1.ts';
import type { ImageName } from './image-names.ts';
import type { ImageAuth } from './runtime.ts';

interface DockerEntry {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/**
 * The credentials in `secrets` (kubernetes.io/dockerconfigjson and the older dockercfg) that fit an image, the most
 * specific first. Keys may carry a scheme, a port, a path prefix, and `*` in the parts of the host.
 */
export function pullCredentials(secrets: Iterable<Secret>, image: ImageName): ImageAuth[] {
  const found: { key: string; auth: ImageAuth }[] = [];
  for (const secret of secrets) {
    for (const [key, entry] of Object.entries(entriesOf(secret))) {
      if (matches(key, image)) found.push({ key, auth: authOf(entry) });
    }
  }
  return found.sort((a, b) => b.key.length - a.key.length).map(({ auth }) => auth);
}

function entriesOf(secret: Secret): Record<string, DockerEntry> {
  const json = secret.data?.['.dockerconfigjson'];
  const legacy = secret.data?.['.dockercfg'];
  try {
    if (json) return (decodeJson(json) as { auths?: Record<string, DockerEntry> }).auths ?? {};
    if (legacy) return decodeJson(legacy) as Record<string, DockerEntry>;
  } catch {
    // A secret that does not parse holds no credentials; the pull will say that it was refused.
  }
  return {};
}

function decodeJson(base64: string): unknown {
  return JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
}

function authOf(entry: DockerEntry): ImageAuth {
  const decoded = entry.auth ? Buffer.from(entry.auth, 'base64').toString('utf8') : '';
  const colon = decoded.indexOf(':');
  const username = entry.username ?? (colon > 0 ? decoded.slice(0, colon) : undefined);
  const password = entry.password ?? (colon > 0 ? decoded.slice(colon + 1) : undefined);
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(entry.identitytoken && { identityToken: entry.identitytoken }),
    ...(entry.registrytoken && { registryToken: entry.registrytoken }),
  };
}

function matches(key: string, image: ImageName): boolean {
  const bare = key.replace(/^https?:\/\//, '').replace(/\/(v1|v2)\/?$/, '');
  const slash = bare.indexOf('/');
  const host = slash < 0 ? bare : bare.slice(0, slash);
  const path = slash < 0 ? '' : bare.slice(slash + 1).replace(/\/$/, '');
  const [pattern = '', patternPort] = host.split(':');
  const [target = '', targetPort] = (dockerHubs.has(image.domain) ? 'docker.io' : image.domain).split(':');
  const wanted = dockerHubs.has(pattern) ? 'docker.io' : pattern;
  if (patternPort !== undefined && patternPort !== targetPort) return false;
  if (path !== '' && !`${image.path}/`.startsWith(`${path}/`) && !image.path.startsWith(path)) return false;
  const patternParts = wanted.split('.');
  const targetParts = target.split('.');
  return (
    patternParts.length === targetParts.length && patternParts.every((part, i) => glob(part, targetParts[i] ?? ''))
  );
}

const dockerHubs = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

function glob(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`).test(text);
}
