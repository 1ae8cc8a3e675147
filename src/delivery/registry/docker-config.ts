import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** What a registry wants to be told. An identity token stands for a password, as with some clouds. */
export interface RegistryLogin {
  username: string;
  password: string;
  identityToken?: string;
}

/** `config.json` of Docker and `auth.json` of Podman (containers-auth.json(5)): the same format. */
interface ConfigFile {
  auths?: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
  [other: string]: unknown;
}

/** Runs `docker-credential-<helper> <verb>` with `input`; resolves with its output, rejects when it fails. */
export type CredentialHelper = (helper: string, verb: 'get' | 'store' | 'erase', input: string) => Promise<string>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Docker keeps its hub under this name. */
const hubKey = 'https://index.docker.io/v1/';
const hubNames = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** The files in which logins are looked for, first found first taken: Docker's, then Podman's. */
export function loginFiles(environment: Environment, home = homedir()): string[] {
  const { DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME } = environment;
  return [
    join(DOCKER_CONFIG || join(home, '.docker'), 'config.json'),
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'containers/auth.json')] : []),
    join(XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json'),
  ];
}

/**
 * The login for a registry (`docker.io`, `registry.example.com:5000`); undefined when no file has one. A credential
 * helper that is missing or fails is told of and passed over.
 */
export async function findLogin(
  registry: string,
  files: readonly string[],
  asking: Asking = {},
): Promise<RegistryLogin | undefined> {
  for (const file of files) {
    const config = readConfig(file);
    const program = helperFor(config, registry);
    const found = program ? await askOrWarn(program, { registry, file }, asking) : entryOf(config, registry);
    if (found) return found;
  }
  return undefined;
}

/** How credential helpers are asked. */
interface Asking {
  helper?: CredentialHelper;
  /** Told of one that is missing or fails. */
  warn?: (message: string) => void;
}

async function askOrWarn(
  program: string,
  { registry, file }: { registry: string; file: string },
  { helper = runHelper, warn }: Asking,
): Promise<RegistryLogin | undefined> {
  try {
    return await askHelper(helper, program, registry);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    warn?.(`${why} (${file}); going on without its login to ${registry}`);
    return undefined;
  }
}

/** Keeps a login in the file, or with the credential helper that the file names. */
export async function keepLogin(
  registry: string,
  login: RegistryLogin,
  file: string,
  helper: CredentialHelper = runHelper,
): Promise<void> {
  const config = readConfig(file);
  const program = helperFor(config, registry);
  if (program) {
    const { username: Username, password: Secret } = login;
    await helper(program, 'store', JSON.stringify({ ServerURL: keyOf(registry), Username, Secret }));
    return;
  }
  const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  writeConfig(file, { ...config, auths: { ...config.auths, [keyOf(registry)]: { auth } } });
}

/** Resolves with false when the file had no login for the registry, or its helper cannot say. */
export async function dropLogin(registry: string, file: string, asking: Asking = {}): Promise<boolean> {
  const config = readConfig(file);
  const program = helperFor(config, registry);
  if (program) {
    // Helpers end with an error where they know nothing; some do so only when they are asked for it.
    if (!(await askOrWarn(program, { registry, file }, asking))) return false;
    await (asking.helper ?? runHelper)(program, 'erase', keyOf(registry));
    return true;
  }
  const keys = Object.keys(config.auths ?? {}).filter((key) => hostOf(key) === hostOf(registry));
  if (keys.length === 0) return false;
  const auths = Object.fromEntries(Object.entries(config.auths ?? {}).filter(([key]) => !keys.includes(key)));
  writeConfig(file, { ...config, auths });
  return true;
}

/** The content of `.dockerconfigjson` for a pull secret (kubernetes.io/dockerconfigjson). */
export function pullSecretData(registry: string, { username, password }: RegistryLogin): string {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return JSON.stringify({ auths: { [keyOf(registry)]: { username, password, auth } } });
}

function keyOf(registry: string): string {
  return hubNames.has(registry) ? hubKey : registry;
}

/** Keys are hosts, or URLs as Docker wrote them once. */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return hubNames.has(host) ? 'docker.io' : host;
}

function helperFor({ credHelpers = {}, credsStore }: ConfigFile, registry: string): string | undefined {
  const own = Object.entries(credHelpers).find(([key]) => hostOf(key) === hostOf(registry));
  return own?.[1] ?? credsStore;
}

function entryOf(config: ConfigFile, registry: string): RegistryLogin | undefined {
  const entry = Object.entries(config.auths ?? {}).find(([key]) => hostOf(key) === hostOf(registry))?.[1];
  if (!entry) return undefined;
  const decoded = Buffer.from(entry.auth ?? '', 'base64').toString();
  const colon = decoded.indexOf(':');
  const username = entry.username ?? decoded.slice(0, Math.max(0, colon));
  const password = entry.password ?? decoded.slice(colon + 1);
  const { identitytoken: identityToken } = entry;
  if (username === '' && !identityToken) return undefined;
  return { username, password, ...(identityToken && { identityToken }) };
}

/** Undefined where the helper knows nothing of the registry. Rejects when it is missing, fails or talks nonsense. */
async function askHelper(
  helper: CredentialHelper,
  program: string,
  registry: string,
): Promise<RegistryLogin | undefined> {
  let answer: string;
  try {
    answer = await helper(program, 'get', keyOf(registry));
  } catch (error) {
    // Helpers end with an error where they know nothing: credentials.NewErrCredentialsNotFound of Docker's.
    if (error instanceof Error && /credentials not found/i.test(error.message)) return undefined;
    throw error;
  }
  let credentials: { Username?: string; Secret?: string } | null;
  try {
    credentials = JSON.parse(answer) as typeof credentials;
  } catch {
    // What the parser says would quote the answer.
    throw new Error(`docker-credential-${program} answered something that is not JSON`);
  }
  const { Username = '', Secret = '' } = credentials ?? {};
  if (Username === '<token>') return { username: '', password: '', identityToken: Secret };
  return Username === '' ? undefined : { username: Username, password: Secret };
}

function readConfig(file: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  try {
    const config: unknown = text.trim() === '' ? {} : JSON.parse(text);
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config as ConfigFile;
  } catch {
    // Said below: what the parser says would quote the file, which holds passwords.
  }
  throw new Error(`${file} is not a JSON object: mend it or move it away`);
}

function writeConfig(file: string, config: ConfigFile): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(config, undefined, '\t')}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

const runHelper: CredentialHelper = (helper, verb, input) =>
  new Promise((resolve, reject) => {
    if (!/^[\w.-]+$/.test(helper)) return reject(new Error(`"${helper}" is no name of a credential helper`));
    const child = execFile(`docker-credential-${helper}`, [verb], (error, stdout) => {
      const isMissing = (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
      // They say on standard output what is wrong.
      const said = stdout.trim().split('\n')[0]?.slice(0, 200);
      const failed = ` ${verb} failed${said ? `: ${said}` : ''}`;
      const why = isMissing ? ', the credential helper that is configured, is not installed' : failed;
      if (error) reject(new Error(`docker-credential-${helper}${why}`, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.end(input);
  });
