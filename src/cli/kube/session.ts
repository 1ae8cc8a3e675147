import { ApiError } from '../../api/status.ts';
import { createHttpsClient, type HttpsClient } from '../../client/https-client.ts';
import { loadConnection } from '../../client/kubeconfig-file.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { createResourceFinder, type ResourceFinder } from './resource-finder.ts';

/** Flags of every command that works on a cluster, named as kubectl names them. */
export interface KubeFlags {
  kubeconfig?: string;
  context?: string;
  namespace?: string;
}

/** A cluster, and where in it. */
export interface Kube {
  client: HttpsClient;
  /** Of the flag, else the context's. */
  namespace: string;
  finder: ResourceFinder;
  /** Says what went wrong about one of several things: the command goes on, and fails in the end. */
  fail(error: unknown): void;
}

/**
 * Runs a command's work against the cluster that its flags name. What the server refuses is told in kubectl's words,
 * with its exit code.
 */
export async function withKube(flags: KubeFlags, work: (kube: Kube) => Promise<void>): Promise<void> {
  const { kubeconfig, context } = flags;
  const loaded = await loadConnection({
    environment: process.env,
    ...(kubeconfig && { file: kubeconfig }),
    ...(context && { context }),
  });
  const warned = new Set<string>();
  const onWarning = (text: string): void => {
    if (!warned.has(text)) process.stderr.write(`Warning: ${text}\n`);
    warned.add(text);
  };
  const client = createHttpsClient(loaded.connection, { clock, onWarning });
  const fail = (error: unknown): void => {
    if (!(error instanceof ApiError) && !(error instanceof CliError)) throw error;
    process.stderr.write(`${sentenceOf(error)}\n`);
    process.exitCode = error instanceof CliError ? error.exitCode : 1;
  };
  try {
    const namespace = flags.namespace || loaded.namespace;
    await work({ client, namespace, finder: createResourceFinder(client), fail });
  } catch (error) {
    fail(error);
  } finally {
    client.close();
  }
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
  if (reason !== 'Invalid' || error instanceof FileError)
    return `Error from server${reason ? ` (${reason})` : ''}: ${message}`;
  const { kind = '', name = '', causes = [] } = status.details ?? {};
  if (causes.length === 0) return `The request is invalid: ${message}`;
  const lines = causes.map(({ field, message: text }) => `${field ? `${field}: ` : ''}${text}`);
  const what = `The ${kind} "${name}" is invalid: `;
  return lines.length === 1 ? `${what}${lines[0]}` : [what, ...lines.map((line) => `* ${line}`)].join('\n');
}
