import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { basename, join } from 'node:path';
import { configMapKey } from '../../../api/names.ts';
import type { AnyObject } from '../../../api/object.ts';
import { configMaps, secrets } from '../../../client/resources.ts';
import { configData, contentHash, environmentEntries, secretData } from '../../../delivery/kustomize/generators.ts';
import { CliError } from '../../errors.ts';
import { make, type MakeFlags, nameOf } from './make.ts';

export interface DataFlags extends MakeFlags {
  /** `[KEY=]FILE`, or a directory of files. */
  fromFile?: string[];
  /** `KEY=VALUE` */
  fromLiteral?: string[];
  /** Files of `KEY=VALUE` lines. */
  fromEnvFile?: string[];
  appendHash?: boolean;
}

export async function createConfigMap(words: readonly string[], flags: DataFlags): Promise<void> {
  const name = nameOf(words, 'configmap');
  const object = { metadata: { name }, ...configData(entriesOf(name, 'ConfigMap', flags)) };
  await make(flags, configMaps, hashed('ConfigMap', object, flags));
}

export interface SecretFlags extends DataFlags {
  type?: string;
}

export async function createGenericSecret(words: readonly string[], flags: SecretFlags): Promise<void> {
  const name = nameOf(words, 'secret generic');
  const data = secretData(entriesOf(name, 'Secret', flags));
  const object = { metadata: { name }, ...data, ...(flags.type && { type: flags.type }) };
  await make(flags, secrets, hashed('Secret', object, flags));
}

export interface TlsFlags extends DataFlags {
  cert?: string;
  key?: string;
}

export async function createTlsSecret(words: readonly string[], flags: TlsFlags): Promise<void> {
  const name = nameOf(words, 'secret tls');
  if (!flags.cert || !flags.key) throw new CliError('key and cert must be specified');
  const [cert, key] = [fileOf(flags.cert), fileOf(flags.key)];
  requirePair(cert, key);
  const data = { 'tls.crt': cert.toString('base64'), 'tls.key': key.toString('base64') };
  await make(flags, secrets, hashed('Secret', { metadata: { name }, data, type: 'kubernetes.io/tls' }, flags));
}

function fileOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(`Cannot read file ${path}, open ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** In the words of Go's crypto/tls. */
function requirePair(cert: Buffer, key: Buffer): void {
  if (!cert.includes('-----BEGIN ')) throw new CliError('tls: failed to find any PEM data in certificate input');
  if (!key.includes('-----BEGIN ')) throw new CliError('tls: failed to find any PEM data in key input');
  let isPair: boolean;
  try {
    isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new CliError(`tls: failed to parse the certificate or its key: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (!isPair) throw new CliError('tls: private key does not match public key');
}

export interface RegistrySecretFlags extends DataFlags {
  dockerServer: string;
  dockerUsername?: string;
  dockerPassword?: string;
  dockerEmail?: string;
}

const loginKey = '.dockerconfigjson';

export async function createRegistrySecret(words: readonly string[], flags: RegistrySecretFlags): Promise<void> {
  const name = nameOf(words, 'secret docker-registry');
  const { dockerServer, dockerUsername: username, dockerPassword: password, dockerEmail: email, fromFile } = flags;
  if (!fromFile && (!username || !password || !dockerServer)) {
    throw new CliError(
      'either --from-file or the combination of --docker-username, --docker-password and --docker-server is required',
    );
  }
  const auth = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64');
  const login = { username, password, ...(email && { email }), auth };
  const config = Buffer.from(JSON.stringify({ auths: { [dockerServer]: login } }));
  // One file alone is the logins, whatever its name.
  const entries = fromFile ? entriesOf(name, 'Secret', flags) : new Map([[loginKey, config]]);
  const [only] = entries.values();
  const data = secretData(entries.size === 1 && only ? new Map([[loginKey, only]]) : entries);
  const object = { metadata: { name }, ...data, type: 'kubernetes.io/dockerconfigjson' };
  await make(flags, secrets, hashed('Secret', object, flags));
}

/** With `--append-hash` the name says which data these are. */
function hashed(kind: 'ConfigMap' | 'Secret', object: AnyObject, { appendHash }: DataFlags): AnyObject {
  if (!appendHash) return object;
  const { name = '' } = object.metadata;
  return { ...object, metadata: { ...object.metadata, name: `${name}-${contentHash({ ...object, kind }, name)}` } };
}

/** The data that the flags name. Throws CliError in kubectl's words. */
function entriesOf(name: string, kind: 'ConfigMap' | 'Secret', flags: DataFlags): Map<string, Buffer> {
  const { fromFile = [], fromLiteral = [], fromEnvFile = [] } = flags;
  if (fromEnvFile.length > 0 && fromFile.length + fromLiteral.length > 0)
    throw new CliError('from-env-file cannot be combined with from-file or from-literal');
  const entries = new Map<string, Buffer>();
  const add = (key: string, value: Buffer): void => {
    const problems = configMapKey(key);
    const what = kind === 'ConfigMap' ? 'a ConfigMap' : 'a Secret';
    if (problems.length > 0) throw new CliError(`"${key}" is not a valid key name for ${what}: ${problems.join(',')}`);
    if (entries.has(key))
      throw new CliError(
        `cannot add key "${key}", another key by that name already exists in Data for ${kind} "${name}"`,
      );
    entries.set(key, value);
  };
  for (const literal of fromLiteral) {
    const at = literal.indexOf('=');
    if (at < 1) throw new CliError(`invalid literal source ${literal}, expected key=value`);
    add(literal.slice(0, at), Buffer.from(literal.slice(at + 1).replace(/^(["'])(.*)\1$/s, '$2')));
  }
  for (const source of fromFile) addFile(source, add);
  for (const path of fromEnvFile) {
    if (stats(path).isDirectory()) throw new CliError('env config file cannot be a directory');
    for (const [key, value] of environmentEntries(readFileSync(path).toString(), process.env))
      add(key, Buffer.from(value));
  }
  return new Map([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function addFile(source: string, add: (key: string, value: Buffer) => void): void {
  const [first = '', second, ...more] = source.split('=');
  if (more.length > 0) throw new CliError("key names or file paths cannot contain '='");
  if (second !== undefined && first === '') throw new CliError(`key name for file path ${second} missing`);
  if (second === '') throw new CliError(`file path for key name ${first} missing`);
  const path = second ?? first;
  if (!stats(path).isDirectory()) return add(second === undefined ? basename(path) : first, readFileSync(path));
  if (second !== undefined) throw new CliError('cannot give a key name for a directory path');
  for (const entry of readdirSync(path, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isFile()) add(entry.name, readFileSync(join(path, entry.name)));
  }
}

function stats(path: string): ReturnType<typeof statSync> & object {
  try {
    return statSync(path);
  } catch (error) {
    throw new CliError(`error reading ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** `no such file or directory`, out of Node's sentence about it. */
function systemReason(error: unknown): string {
  return /^[A-Z0-9]+: (.*?),/.exec((error as Error).message)?.[1] ?? (error as Error).message;
}
