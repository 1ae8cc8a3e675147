import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { rootCertificates } from 'node:tls';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createHttpsClient } from '../../client/https-client.ts';
import { loadConnection } from '../../client/kubeconfig-file.ts';
import { registryEndpoint } from '../../cluster/registry/local-registry.ts';
import { readableStates } from '../../cluster/state.ts';
import { checkLogin, LoginError } from '../../delivery/registry/check-login.ts';
import { dropLogin, keepLogin, loginFiles, type RegistryLogin } from '../../delivery/registry/docker-config.ts';
import { certificateDirectories, knownAuthority } from '../../delivery/registry/known-authority.ts';
import { givePullSecret } from '../../delivery/registry/pull-secret.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { sentence } from '../image.ts';
import { createOutput } from '../output.ts';

export interface LoginFlags {
  username?: string;
  password?: string;
  passwordStdin?: boolean;
  insecure?: boolean;
  /** Files of `helm registry login`. */
  caFile?: string;
  certFile?: string;
  keyFile?: string;
  pullSecret?: boolean;
  namespace?: string;
  context?: string;
}

function hintOf({ kind }: LoginError, host: string): string {
  if (kind === 'refused') return 'Nothing was kept. Try again.';
  if (kind === 'unreachable') return 'Is the name right? --insecure speaks HTTP.';
  const place = `${certificateDirectories[0]}/${host}`;
  return `Put the certificate of its authority, a .crt file, into ${place}. With --insecure nobody looks at it.`;
}

export async function login(registry: string, options: LoginFlags): Promise<void> {
  const host = hostOf(registry);
  const given = await askForLogin(host, options);
  const own = readableStates()
    .map(registryEndpoint)
    .find((endpoint) => endpoint?.name === host);
  try {
    const known = own?.certificateAuthority ?? knownAuthority(host);
    await checkLogin(host, given, {
      ...(known !== undefined && { certificateAuthority: [...rootCertificates, known].join('\n') }),
      ...(options.insecure && { insecure: true }),
      ...(options.caFile && { certificateAuthority: await readFile(options.caFile, 'utf8') }),
      ...(options.certFile && { certificate: await readFile(options.certFile, 'utf8') }),
      ...(options.keyFile && { key: await readFile(options.keyFile, 'utf8') }),
    });
  } catch (error) {
    if (!(error instanceof LoginError)) throw error;
    throw new CliError(`login to ${host}: ${error.message}`, { hint: hintOf(error, host) });
  }
  const [file] = loginFiles(process.env);
  await sentence(() => keepLogin(host, given, file as string));
  const output = createOutput();
  output.message(`Login to ${host} succeeded; it is kept in ${file}.`);
  if (options.pullSecret) output.message(await shareLogin(host, given, options));
}

export async function logout(registry: string): Promise<void> {
  const host = hostOf(registry);
  const output = createOutput();
  const warn = (message: string): void => output.message(`warning: ${message}`);
  let found = false;
  for (const file of loginFiles(process.env)) found = (await sentence(() => dropLogin(host, file, { warn }))) || found;
  output.message(found ? `The login to ${host} is forgotten.` : `There was no login to ${host}.`);
}

/** Of a host or a URL, as people paste them. */
function hostOf(registry: string): string {
  const host = registry.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  // What stands before it may be a password, which is not repeated.
  if (host.includes('@')) {
    throw new CliError('the name of a registry has no user name and password in it', {
      hint: 'Without a terminal: -u NAME --password-stdin < FILE',
      exitCode: 2,
    });
  }
  return host;
}

async function askForLogin(host: string, options: LoginFlags): Promise<RegistryLogin> {
  const { username, password, passwordStdin } = options;
  if (passwordStdin) {
    if (!username) throw new CliError('--password-stdin needs --username', { exitCode: 2 });
    return { username, password: (await text(process.stdin)).replace(/\r?\n$/, '') };
  }
  if (username && password !== undefined) return { username, password };
  if (!process.stdin.isTTY) {
    throw new CliError(`logging in to ${host} needs a user name and a password`, {
      hint: 'Without a terminal: -u NAME --password-stdin < FILE',
      exitCode: 2,
    });
  }
  return { username: username ?? (await ask('Username: ', false)), password: await ask('Password: ', true) };
}

async function ask(question: string, isSecret: boolean): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: isSecret ? silent : process.stderr, terminal: true });
  try {
    return await prompt.question('');
  } finally {
    prompt.close();
    if (isSecret) process.stderr.write('\n');
  }
}

/** Lets every pod of the namespace that has no service account of its own pull from the registry. */
async function shareLogin(host: string, given: RegistryLogin, options: LoginFlags): Promise<string> {
  const { connection, namespace: ofContext } = await loadConnection({
    environment: process.env,
    ...(options.context && { context: options.context }),
  });
  const namespace = options.namespace ?? ofContext;
  const client = createHttpsClient(connection, { clock });
  try {
    const name = await givePullSecret({ client, clock }, { host, login: given, namespace });
    return `Pods of namespace ${namespace} pull from ${host} with secret ${name}.`;
  } finally {
    client.close();
  }
}
