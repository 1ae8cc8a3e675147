import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type KubeconfigSection,
  removeEntry,
  renameContext as renamed,
  setCurrentContext,
  setEntry,
} from '../../../cluster/kubeconfig-merge.ts';
import { CliError } from '../../errors.ts';
import type { KubeFlags } from '../session.ts';
import { changeConfig, defaultFile, fileOf, readConfig } from './files.ts';

type Values = Record<string, string | boolean | null>;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export async function useContext(name: string, flags: KubeFlags): Promise<void> {
  if (!readConfig(flags).contexts.has(name)) throw new CliError(`no context exists with the name: "${name}"`);
  await changeConfig(defaultFile(flags), (text) => setCurrentContext(text, name));
  say(`Switched to context "${name}".`);
}

async function change(
  flags: KubeFlags,
  section: KubeconfigSection,
  ...[name, values]: [name: string, values: Values]
): Promise<void> {
  await changeConfig(fileOf(flags, section, name), (text) => setEntry(text, section, name, values));
}

export interface ContextFlags extends KubeFlags {
  current?: boolean;
}

/** `timonel config set-context NAME|--current`: cluster, user and namespace of a context. */
export async function setContext(given: string | undefined, flags: ContextFlags): Promise<void> {
  const { current, cluster, user, namespace } = flags;
  if (!given && !current) throw new CliError('you must specify a non-empty context name or --current');
  if (given && current) throw new CliError('you cannot specify both a context name and --current');
  const { currentContext, contexts } = readConfig(flags);
  const name = given ?? currentContext;
  if (!name) throw new CliError('no current context is set');
  await change(flags, 'contexts', name, {
    ...text('cluster', cluster),
    ...text('user', user),
    ...text('namespace', namespace),
  });
  say(`Context "${name}" ${contexts.has(name) ? 'modified' : 'created'}.`);
}

/** What was named; the empty text takes the field away. */
function text(field: string, value: string | undefined): Values {
  return value === undefined ? {} : { [field]: value || null };
}

export interface EntryFlags extends KubeFlags {
  embedCerts?: boolean;
  proxyUrl?: string;
  username?: string;
  password?: string;
}

/** `timonel config set-cluster NAME`: where an API server is, and whose certificates it may have. */
export async function setCluster(name: string, flags: EntryFlags): Promise<void> {
  const { server, certificateAuthority, insecureSkipTlsVerify, tlsServerName, proxyUrl } = flags;
  if (certificateAuthority && insecureSkipTlsVerify)
    throw new CliError('you cannot specify a certificate authority and insecure mode at the same time');
  await change(flags, 'clusters', name, {
    ...text('server', server),
    ...text('tls-server-name', tlsServerName),
    ...text('proxy-url', proxyUrl),
    ...(insecureSkipTlsVerify && {
      'insecure-skip-tls-verify': true,
      'certificate-authority': null,
      'certificate-authority-data': null,
    }),
    ...(certificateAuthority && {
      ...file('certificate-authority', certificateAuthority, flags),
      'insecure-skip-tls-verify': null,
    }),
  });
  say(`Cluster "${name}" set.`);
}

/** `timonel config set-credentials NAME`: how a user proves who they are. */
export async function setCredentials(name: string, flags: EntryFlags): Promise<void> {
  const { token, username, password, clientCertificate, clientKey } = flags;
  const isBasic = username !== undefined || password !== undefined;
  if (token !== undefined && isBasic) {
    throw new CliError(
      'you cannot specify more than one authentication method at the same time: --token, --username/--password',
    );
  }
  await change(flags, 'users', name, {
    ...(clientCertificate && file('client-certificate', clientCertificate, flags)),
    ...(clientKey && file('client-key', clientKey, flags)),
    ...(token !== undefined && { token, tokenFile: null, username: null, password: null }),
    ...(isBasic && { token: null, tokenFile: null }),
    ...text('username', username),
    ...text('password', password),
  });
  say(`User "${name}" set.`);
}

/** A file by its path, or what is in it. */
function file(field: string, path: string, { embedCerts }: EntryFlags): Values {
  if (!embedCerts) return { [field]: resolve(path), [`${field}-data`]: null };
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw new CliError(`could not stat ${field} file ${path}: stat ${path}: no such file or directory`, {
      cause: error,
    });
  }
  return { [field]: null, [`${field}-data`]: content.toString('base64') };
}

const words = { contexts: 'context', clusters: 'cluster', users: 'user' } as const;

/** `timonel config delete-context NAME`, and of clusters and users. */
export async function deleteEntry(section: KubeconfigSection, name: string, flags: KubeFlags): Promise<void> {
  const config = readConfig(flags);
  const path = defaultFile(flags);
  if (!config[section].has(name)) throw new CliError(`cannot delete ${words[section]} ${name}, not in ${path}`);
  if (section === 'contexts' && config.currentContext === name) {
    process.stderr.write(
      'warning: this removed your active context, use "timonel config use-context" to select a different one\n',
    );
  }
  await changeConfig(fileOf(flags, section, name), (content) => removeEntry(content ?? '', section, name));
  say(`deleted ${words[section]} ${name} from ${path}`);
}

export async function renameContext(from: string, to: string, flags: KubeFlags): Promise<void> {
  const { contexts } = readConfig(flags);
  const path = defaultFile(flags);
  if (!contexts.has(from)) throw new CliError(`cannot rename the context "${from}", it's not in ${path}`);
  if (contexts.has(to))
    throw new CliError(`cannot rename the context "${from}", the context "${to}" already exists in ${path}`);
  await changeConfig(fileOf(flags, 'contexts', from), (content) => renamed(content ?? '', from, to));
  say(`Context "${from}" renamed to "${to}".`);
}

/** `timonel config set contexts.dev.namespace shop`, `set current-context dev`. */
export async function setProperty(property: string, value: string, flags: KubeFlags): Promise<void> {
  await changeProperty(property, value, flags);
  say(`Property "${property}" set.`);
}

/** `timonel config unset users.me`: a field, a whole entry, or the current context. */
export async function unsetProperty(property: string, flags: KubeFlags): Promise<void> {
  await changeProperty(property, null, flags);
  say(`Property "${property}" unset.`);
}

async function changeProperty(property: string, value: string | null, flags: KubeFlags): Promise<void> {
  if (property === 'current-context')
    return changeConfig(defaultFile(flags), (content) => setCurrentContext(content, value ?? ''));
  const [first = '', ...rest] = property.split('.');
  const section = (Object.keys(words) as KubeconfigSection[]).find((each) => each === first);
  if (!section) throw new CliError(`unable to parse ${first} after [] at api.Config`);
  // Names of entries may have dots: the field is what comes last.
  const field = fields[section].includes(rest.at(-1) ?? '') ? rest.pop() : undefined;
  const name = rest.join('.');
  if (name === '' || (value !== null && field === undefined))
    throw new CliError(`unable to parse ${property}: name an entry and its field, as in contexts.NAME.namespace`);
  if (field !== undefined) return change(flags, section, name, { [field]: value === 'true' ? true : value });
  await changeConfig(fileOf(flags, section, name), (content) => removeEntry(content ?? '', section, name));
}

const fields: Record<KubeconfigSection, readonly string[]> = {
  contexts: ['cluster', 'user', 'namespace'],
  clusters: [
    ...['server', 'certificate-authority', 'certificate-authority-data', 'insecure-skip-tls-verify'],
    ...['tls-server-name', 'proxy-url', 'disable-compression'],
  ],
  users: [
    ...['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data'],
    ...['token', 'tokenFile', 'username', 'password', 'as'],
  ],
};
