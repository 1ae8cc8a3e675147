import { parse } from 'yaml';

/**
 * What a kubeconfig says of one context, before any file that it names is read: `data` fields are decoded, paths are
 * as written, relative to `directory` (Kubernetes documentation, "Organizing Cluster Access Using kubeconfig Files").
 */
export interface SelectedContext {
  context: string;
  /** Namespace for commands that name none. */
  namespace: string;
  server: string;
  tlsServerName?: string;
  insecureSkipTlsVerify: boolean;
  certificateAuthority?: PemSource;
  clientCertificate?: PemSource;
  clientKey?: PemSource;
  token?: string;
  tokenFile?: FileReference;
  username?: string;
  password?: string;
  exec?: ExecPlugin;
}

/** PEM text, or the file that holds it. */
export type PemSource = { kind: 'text'; text: string } | ({ kind: 'file' } & FileReference);

export interface FileReference {
  path: string;
  /** Where the kubeconfig lies: relative paths start there. */
  directory: string;
}

/** A program that prints an ExecCredential (client.authentication.k8s.io). */
export interface ExecPlugin {
  apiVersion: string;
  command: string;
  args: readonly string[];
  env: readonly { name: string; value: string }[];
  directory: string;
}

/** One kubeconfig file's text and where it was found. */
export interface KubeconfigText {
  path: string;
  directory: string;
  text: string;
}

/** Says in one sentence what is wrong with a kubeconfig and in which file. */
export class KubeconfigError extends Error {
  /** What to do, where that depends on what is wrong. */
  readonly hint: string | undefined;

  constructor(message: string, { hint, ...options }: ErrorOptions & { hint?: string } = {}) {
    super(message, options);
    this.name = 'KubeconfigError';
    this.hint = hint;
  }
}

type Fields = Record<string, unknown>;

/** An entry of a kubeconfig. */
export interface KubeconfigEntryFields {
  fields: Fields;
  /** Where its file lies. */
  directory: string;
}

/** The entries of several kubeconfig files, by name. */
export interface MergedKubeconfig {
  currentContext: string;
  clusters: Map<string, KubeconfigEntryFields>;
  users: Map<string, KubeconfigEntryFields>;
  contexts: Map<string, KubeconfigEntryFields>;
}

/**
 * Selects a context (default: the current one) out of several files: of an entry or a current context that several
 * files have, the first file's counts. Throws {@link KubeconfigError}.
 */
export function selectContext(
  files: readonly KubeconfigText[],
  contextName?: string,
  instead: { cluster?: string; user?: string } = {},
): SelectedContext {
  const merged = mergeKubeconfigs(files);
  const where = files.map((file) => file.path).join(', ');
  const name = contextName ?? merged.currentContext;
  const known = [...merged.contexts.keys()].join(', ');
  if (!name) {
    const hint = known ? `Choose one with --context: ${known}.` : 'There is none: timonel up starts a cluster.';
    throw new KubeconfigError(`no context is selected in ${where}`, { hint });
  }
  const context = merged.contexts.get(name)?.fields;
  if (!context) {
    throw new KubeconfigError(`context ${name} does not exist in ${where}; there are: ${known || 'none'}`);
  }
  const { cluster: clusterName = text(context.cluster) ?? '', user: userName = text(context.user) } = instead;
  const cluster = merged.clusters.get(clusterName);
  if (!cluster && instead.cluster) throw new KubeconfigError(`cluster "${instead.cluster}" does not exist`);
  if (!cluster)
    throw new KubeconfigError(`context ${name} names cluster ${shown(context.cluster)}, which is not there`);
  const user = userName ? merged.users.get(userName) : { fields: {}, directory: '' };
  if (!user && instead.user) throw new KubeconfigError(`auth info "${instead.user}" does not exist`);
  if (!user) throw new KubeconfigError(`context ${name} names user ${shown(userName)}, which is not there`);
  const server = text(cluster.fields.server);
  if (!server) throw new KubeconfigError(`cluster ${shown(context.cluster)} has no server`);
  return {
    context: name,
    namespace: text(context.namespace) ?? 'default',
    server,
    insecureSkipTlsVerify: cluster.fields['insecure-skip-tls-verify'] === true,
    ...defined({
      tlsServerName: text(cluster.fields['tls-server-name']),
      certificateAuthority: pem(cluster, 'certificate-authority'),
    }),
    ...credentials(user),
  };
}

function credentials(user: KubeconfigEntryFields): Partial<SelectedContext> {
  const { fields, directory } = user;
  const tokenFile = text(fields.tokenFile);
  return defined({
    clientCertificate: pem(user, 'client-certificate'),
    clientKey: pem(user, 'client-key'),
    token: text(fields.token),
    tokenFile: tokenFile ? { path: tokenFile, directory } : undefined,
    username: text(fields.username),
    password: text(fields.password),
    exec: execPlugin(fields.exec, directory),
  });
}

function execPlugin(value: unknown, directory: string): ExecPlugin | undefined {
  if (!isFields(value)) return undefined;
  const command = text(value.command);
  if (!command) throw new KubeconfigError('a user has an exec plugin without a command');
  return {
    apiVersion: text(value.apiVersion) ?? 'client.authentication.k8s.io/v1',
    command,
    args: list(value.args).map(String),
    env: list(value.env).flatMap((entry) =>
      isFields(entry) ? [{ name: text(entry.name) ?? '', value: text(entry.value) ?? '' }] : [],
    ),
    directory,
  };
}

/** `<field>-data` in base64 wins over the path in `<field>`. */
function pem({ fields, directory }: KubeconfigEntryFields, field: string): PemSource | undefined {
  const data = text(fields[`${field}-data`]);
  if (data) return { kind: 'text', text: Buffer.from(data, 'base64').toString() };
  const path = text(fields[field]);
  return path ? { kind: 'file', path, directory } : undefined;
}

/** Of entries that several files have, and of their current contexts, the first file's count. */
export function mergeKubeconfigs(files: readonly KubeconfigText[]): MergedKubeconfig {
  const merged: MergedKubeconfig = { currentContext: '', clusters: new Map(), users: new Map(), contexts: new Map() };
  for (const file of files) {
    const document = parseFile(file);
    merged.currentContext ||= text(document['current-context']) ?? '';
    for (const [kind, singular] of [
      ['clusters', 'cluster'],
      ['users', 'user'],
      ['contexts', 'context'],
    ] as const) {
      for (const entry of list(document[kind])) {
        if (!isFields(entry)) continue;
        const name = text(entry.name) ?? '';
        const fields = entry[singular];
        if (merged[kind].has(name)) continue;
        merged[kind].set(name, { fields: isFields(fields) ? fields : {}, directory: file.directory });
      }
    }
  }
  return merged;
}

function parseFile({ path, text: content }: KubeconfigText): Fields {
  let document: unknown;
  try {
    document = parse(content);
  } catch (error) {
    throw new KubeconfigError(`${path} is not valid YAML: ${(error as Error).message.split('\n')[0]}`, {
      cause: error,
    });
  }
  if (document === null || document === undefined) return {};
  if (!isFields(document)) throw new KubeconfigError(`${path} is not a kubeconfig: it is no mapping`);
  const { kind } = document;
  if (kind !== undefined && kind !== 'Config')
    throw new KubeconfigError(`${path} is not a kubeconfig: its kind is ${shown(kind)}`);
  return document;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'undefined';
}

function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as { [K in keyof T]: Exclude<T[K], undefined> };
}
