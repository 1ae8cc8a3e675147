import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from '../api/types/core-v1.ts';
import { fieldValue, resourceValue, type NodeFacts } from './downward-api.ts';
import { containerSettingsOf } from './pod-annotations.ts';

/** One file of a volume that the agent writes itself. */
export interface PayloadFile {
  /** Relative, with `/`; never leaves the volume. */
  path: string;
  data: Uint8Array;
  /** Permission bits. */
  mode: number;
  /** Owner and group, where they are not root. */
  uid?: number;
  gid?: number;
}

export interface PayloadSources {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  /** Tokens asked for before; keyed by {@link tokenKey}. */
  tokens: ReadonlyMap<string, string>;
  facts: NodeFacts;
}

const defaultFileMode = 0o644;

/** The tokens that a volume needs. */
export function tokenProjections(volume: Volume): ServiceAccountTokenProjection[] {
  return (volume.projected?.sources ?? []).flatMap((source) => source.serviceAccountToken ?? []);
}

export function tokenKey(projection: ServiceAccountTokenProjection): string {
  return `${projection.audience ?? ''}|${projection.expirationSeconds ?? 3600}`;
}

/** Is this a volume whose files come from the API, so that it follows changes? */
export function hasPayload(volume: Volume): boolean {
  return Boolean(volume.configMap || volume.secret || volume.downwardAPI || volume.projected);
}

/**
 * The files of a configMap, secret, downwardAPI or projected volume. Throws upstream's message for what is missing.
 */
export function volumePayload(pod: Pod, volume: Volume, sources: PayloadSources): PayloadFile[] {
  if (volume.configMap) {
    const { name, items, optional, defaultMode } = volume.configMap;
    return configMapFiles({ name, items, optional }, defaultMode ?? defaultFileMode, sources);
  }
  if (volume.secret) {
    const { secretName, items, optional, defaultMode } = volume.secret;
    return secretFiles({ name: secretName, items, optional }, defaultMode ?? defaultFileMode, sources);
  }
  if (volume.downwardAPI) {
    const { items, defaultMode } = volume.downwardAPI;
    return downwardFiles(pod, items, defaultMode ?? defaultFileMode, sources);
  }
  const mode = volume.projected?.defaultMode ?? defaultFileMode;
  const files = new Map<string, PayloadFile>();
  for (const source of volume.projected?.sources ?? []) {
    for (const file of projectionFiles(pod, source, mode, sources)) files.set(file.path, file);
  }
  const owners = containerSettingsOf(pod)?.fileOwners?.[volume.name];
  return [...files.values()].map((file) => ({ ...file, ...owners?.[file.path] }));
}

function projectionFiles(pod: Pod, source: VolumeProjection, mode: number, sources: PayloadSources): PayloadFile[] {
  if (source.configMap) return configMapFiles(source.configMap, mode, sources);
  if (source.secret) return secretFiles(source.secret, mode, sources);
  if (source.downwardAPI) return downwardFiles(pod, source.downwardAPI.items, mode, sources);
  if (source.serviceAccountToken) {
    const token = sources.tokens.get(tokenKey(source.serviceAccountToken));
    if (token === undefined) throw new Error('failed to fetch token');
    const { path } = source.serviceAccountToken;
    return [{ path, data: Buffer.from(token), ...tokenOwnership(pod, mode) }];
  }
  throw new Error('unsupported projection');
}

/**
 * Only the pod's user may read the token, when there is one user or a group for the volumes; else as the volume
 * says.
 */
function tokenOwnership(pod: Pod, mode: number): { mode: number; uid?: number } {
  const { securityContext, initContainers = [], containers = [] } = pod.spec ?? {};
  const shared = securityContext?.runAsUser;
  // Containers of debugging come later, and have nothing to say.
  const users = new Set([...initContainers, ...containers].map((c) => c.securityContext?.runAsUser ?? shared));
  const [user] = users;
  if (users.size === 1 && user !== undefined) return { mode: 0o600, uid: user };
  return { mode: securityContext?.fsGroup === undefined ? mode : 0o600 };
}

interface ObjectSelection {
  name?: string | undefined;
  items?: KeyToPath[] | undefined;
  optional?: boolean | undefined;
}

function configMapFiles(selection: ObjectSelection, mode: number, sources: PayloadSources): PayloadFile[] {
  const configMap = sources.configMap(selection.name ?? '');
  if (!configMap && !selection.optional) throw new Error(`configmap ${JSON.stringify(selection.name)} not found`);
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(configMap?.data ?? {})) data.set(key, Buffer.from(text));
  for (const [key, text] of Object.entries(configMap?.binaryData ?? {})) data.set(key, Buffer.from(text, 'base64'));
  return selectKeys(data, selection, mode, 'configmap references non-existent config key');
}

function secretFiles(selection: ObjectSelection, mode: number, sources: PayloadSources): PayloadFile[] {
  const secret = sources.secret(selection.name ?? '');
  if (!secret && !selection.optional) throw new Error(`secret ${JSON.stringify(selection.name)} not found`);
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(secret?.data ?? {})) data.set(key, Buffer.from(text, 'base64'));
  return selectKeys(data, selection, mode, 'references non-existent secret key');
}

function selectKeys(
  data: ReadonlyMap<string, Uint8Array>,
  selection: ObjectSelection,
  mode: number,
  complaint: string,
): PayloadFile[] {
  if (!selection.items) return [...data].map(([path, bytes]) => ({ path, data: bytes, mode }));
  return selection.items.flatMap((item) => {
    const bytes = data.get(item.key);
    if (bytes) return [{ path: safePath(item.path), data: bytes, mode: item.mode ?? mode }];
    if (selection.optional) return [];
    throw new Error(`${complaint}: ${item.key}`);
  });
}

function downwardFiles(
  pod: Pod,
  items: readonly DownwardAPIVolumeFile[] | undefined,
  mode: number,
  sources: PayloadSources,
): PayloadFile[] {
  return (items ?? []).map((item) => {
    const path = safePath(item.path);
    const value = item.fieldRef
      ? fieldValue(pod, item.fieldRef.fieldPath, sources.facts)
      : item.resourceFieldRef && resourceValue(pod, item.resourceFieldRef, '', sources.facts);
    if (value === undefined) throw new Error(`unsupported fieldPath: ${item.fieldRef?.fieldPath}`);
    return { path, data: Buffer.from(value), mode: item.mode ?? mode };
  });
}

function safePath(path: string): string {
  const parts = path.split('/');
  if (path.startsWith('/') || parts.includes('..')) {
    throw new Error(`invalid path, must be relative path: ${path}`);
  }
  return parts.filter((part) => part !== '' && part !== '.').join('/');
}
