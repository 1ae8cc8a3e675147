import { readFileSync } from 'node:fs';
import { ApiError } from '../../api/status.ts';
import { parseGoDuration } from '../../api/go-duration.ts';
import { type Connection, createHttpsClient, type HttpsClient, type Impersonation } from '../../client/https-client.ts';
import { loadConnection } from '../../client/kubeconfig-file.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { createResourceFinder, type ResourceFinder } from './resource-finder.ts';

/** Flags of every command that works on a cluster, named as kubectl names them. */
export interface KubeFlags {
  kubeconfig?: string;
  context?: string;
  namespace?: string;
  cluster?: string;
  user?: string;
  server?: string;
  token?: string;
  as?: string;
  asGroup?: string[];
  asUid?: string;
  certificateAuthority?: string;
  clientCertificate?: string;
  clientKey?: string;
  tlsServerName?: string;
  insecureSkipTlsVerify?: boolean;
  /** A duration. */
  requestTimeout?: string;
}

/** A cluster, and where in it. */
export interface Kube {
  client: HttpsClient;
  /** Of the flag, else the context's. */
  namespace: string;
  finder: ResourceFinder;
  /** Where the API server is. */
  server: string;
  /** Says what went wrong about one of several things: the command goes on, and fails in the end. */
  fail(error: unknown): void;
}

/**
 * Runs a command's work against the cluster that its flags name. What the server refuses is told in kubectl's words,
 * with its exit code.
 */
export async function withKube(flags: KubeFlags, work: (kube: Kube) => Promise<void>): Promise<void> {
  const { connection, namespace } = await connectionOf(flags);
  const warned = new Set<string>();
  const onWarning = (text: string): void => {
    if (!warned.has(text)) process.stderr.write(`Warning: ${text}\n`);
    warned.add(text);
  };
  const client = createHttpsClient(connection, { clock, onWarning, ...timeoutOf(flags) });
  const fail = (error: unknown): void => {
    if (!(error instanceof ApiError) && !(error instanceof CliError)) throw error;
    process.stderr.write(`${sentenceOf(error)}\n`);
    process.exitCode = error instanceof CliError ? error.exitCode : 1;
  };
  try {
    await work({ client, namespace, finder: createResourceFinder(client), server: connection.server, fail });
  } catch (error) {
    fail(unreachable(error, connection) ?? error);
  } finally {
    client.close();
  }
}

async function connectionOf(flags: KubeFlags): Promise<{ connection: Connection; namespace: string }> {
  const { kubeconfig, context, cluster, user, server } = flags;
  const loaded = await loadConnection({
    environment: process.env,
    ...(kubeconfig && { file: kubeconfig }),
    ...(context && { context }),
    ...(cluster && { cluster }),
    ...(user && { user }),
  });
  const { token, certificateAuthority, clientCertificate, clientKey, tlsServerName, insecureSkipTlsVerify } = flags;
  const { as, asUid, asGroup } = flags;
  const connection = {
    ...loaded.connection,
    ...(server && { server: server.includes('://') ? server : `http://${server}` }),
    ...(token && { token }),
    ...(certificateAuthority && { certificateAuthority: readFileSync(certificateAuthority, 'utf8') }),
    ...(clientCertificate && { clientCertificate: readFileSync(clientCertificate, 'utf8') }),
    ...(clientKey && { clientKey: readFileSync(clientKey, 'utf8') }),
    ...(tlsServerName && { tlsServerName }),
    ...(insecureSkipTlsVerify && { insecureSkipTlsVerify }),
    ...((as || asUid || asGroup) && { impersonate: impersonation(as, asUid, asGroup) }),
  };
  return { connection, namespace: flags.namespace || loaded.namespace };
}

function impersonation(user?: string, uid?: string, groups?: string[]): Impersonation {
  if (!user) throw new CliError('requesting uid, groups or user-extra without impersonating a user');
  return { user, ...(uid && { uid }), ...(groups && { groups }) };
}

/** Seconds, or a Go duration; 0: no limit. */
function timeoutOf({ requestTimeout = '0' }: KubeFlags): { timeoutMs?: number } {
  const nanos = parseGoDuration(/^\d+$/.test(requestTimeout) ? `${requestTimeout}s` : requestTimeout);
  if (nanos === undefined) {
    throw new CliError(
      'Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)',
    );
  }
  return nanos > 0 ? { timeoutMs: nanos / 1e6 } : {};
}

function unreachable(error: unknown, { server }: Connection): CliError | undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') return undefined;
  const message = `The connection to the server ${new URL(server).host} was refused - did you specify the right host or port?`;
  return new CliError(message, {
    hint: 'Is the cluster running? timonel status shows it, timonel up starts it.',
    cause: error,
  });
}

/** What the server refused of a file: says what was being done. */
export class FileError extends ApiError {
  /** `error when creating "web.yaml"` */
  readonly doing: string;

  constructor(cause: ApiError, doing: string) {
    super(cause.status);
    this.doing = doing;
  }
}

/** `Error from server (NotFound): pods "web" not found`, as kubectl says it. */
function sentenceOf(error: ApiError | CliError): string {
  if (error instanceof CliError) return [`error: ${error.message}`, ...(error.hint ? [error.hint] : [])].join('\n');
  const { reason, status } = error;
  const message = `${error instanceof FileError ? `${error.doing}: ` : ''}${error.message}`;
  if (reason === 'Unauthorized') return 'error: You must be logged in to the server (Unauthorized)';
  // Of an object that breaks rules only the rules are told, whatever file it came from.
  if (reason !== 'Invalid') return `Error from server${reason ? ` (${reason})` : ''}: ${message}`;
  const { kind = '', name = '', causes = [] } = status.details ?? {};
  if (causes.length === 0 || kind === '') return `The request is invalid: ${error.message}`;
  const lines = causes.map(({ field, message: text }) => `${field ? `${field}: ` : ''}${text}`);
  const what = `The ${kind} "${name}" is invalid: `;
  return lines.length === 1 ? `${what}${lines[0]}` : [what, ...lines.map((line) => `* ${line}`)].join('\n');
}
