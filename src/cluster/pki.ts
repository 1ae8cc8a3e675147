import { createPrivateKey } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createAuthority, createSigningKey, isCurrent, issueCertificate, loadAuthority } from './certificates.ts';
import type { Authority, CertificateRequest, KeyPair } from './certificates.ts';
import { BrokenPkiError } from './pki-error.ts';

/** Every key and certificate of one control plane. Nodes get theirs from {@link issueNodeCertificates}. */
export interface ClusterPki {
  authority: Authority;
  server: KeyPair;
  /** The API server, when it calls a node. */
  kubeletClient: KeyPair;
  /** The API server, when it asks extension servers for others; of an authority of its own. */
  frontProxy: KeyPair & { authority: string };
  admin: KeyPair;
  controllerManager: KeyPair;
  scheduler: KeyPair;
  /** PEM of the key that signs service-account tokens. */
  serviceAccountKey: string;
}

export interface PkiOptions {
  /** Made with mode 0700 when missing. */
  directory: string;
  /** Epoch milliseconds. */
  now: number;
  clusterDomain?: string;
  /** Address of the `kubernetes` service. */
  serviceIp: string;
  /** Further names and addresses by which clients call the API server. */
  advertised?: readonly string[];
  /** Whoever started this process has just looked at all that lies there: what can be read is taken as it is. */
  isChecked?: boolean;
}

/**
 * Reads what lies in the directory, makes what is missing, and issues again what has under 30 days left or lacks a
 * name. Throws when the directory cannot be written, and {@link BrokenPkiError} when it holds a CA that cannot be used.
 */
export function ensurePki(options: PkiOptions): ClusterPki {
  const { directory, now, isChecked = false } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const authority = ensureAuthority(directory, now);
  // Whoever has a certificate of this one may say for whom they ask: the cluster's own CA must not sign such.
  const frontProxy = ensureAuthority(directory, now, { name: 'front-proxy-ca', commonName: 'front-proxy-ca' });
  const pair = (name: string, request: CertificateRequest, signer = authority): KeyPair => {
    const existing = isChecked ? readPair(directory, name) : undefined;
    return existing ?? ensurePair({ directory, name, authority: signer, request, now });
  };
  return {
    authority,
    server: pair('apiserver', { commonName: 'kube-apiserver', usages: ['server'], hosts: serverHosts(options) }),
    kubeletClient: pair('apiserver-kubelet-client', {
      commonName: 'kube-apiserver-kubelet-client',
      organizations: ['kubeadm:cluster-admins'],
      usages: ['client'],
    }),
    frontProxy: {
      ...pair('front-proxy-client', { commonName: 'front-proxy-client', usages: ['client'] }, frontProxy),
      authority: frontProxy.certificate,
    },
    admin: pair('admin', { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] }),
    controllerManager: pair('controller-manager', { commonName: 'system:kube-controller-manager', usages: ['client'] }),
    scheduler: pair('scheduler', { commonName: 'system:kube-scheduler', usages: ['client'] }),
    serviceAccountKey: ensureSigningKey(directory),
  };
}

/**
 * A node's certificates, kept in `directory`: as kubelet (`system:node:<name>`, group `system:nodes`), as service
 * proxy (`system:kube-proxy`, which may see what a kubelet may not: endpoint slices, all nodes), and as server.
 * `addresses` are the node's own.
 */
export function issueNodeCertificates(options: {
  directory: string;
  authority: Authority;
  name: string;
  addresses: readonly string[];
  now: number;
}): { client: KeyPair; proxy: KeyPair; server: KeyPair } {
  const { directory, authority, name, addresses, now } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const commonName = `system:node:${name}`;
  const organizations = ['system:nodes'];
  const client: CertificateRequest = { commonName, organizations, usages: ['client'] };
  const server: CertificateRequest = { commonName, organizations, usages: ['server'], hosts: [name, ...addresses] };
  const proxy: CertificateRequest = { commonName: 'system:kube-proxy', usages: ['client'] };
  return {
    proxy: ensurePair({ directory, name: 'kube-proxy', authority, request: proxy, now }),
    client: ensurePair({ directory, name: 'kubelet-client', authority, request: client, now }),
    server: ensurePair({ directory, name: 'kubelet', authority, request: server, now }),
  };
}

/**
 * A certificate for another server of the cluster's, as `<name>.crt` and `<name>.key` beside those of the control
 * plane, whose CA must be there. Answers the CA's certificate.
 */
export function ensureServerCertificate(options: {
  directory: string;
  name: string;
  hosts: readonly string[];
  now: number;
}): string {
  const { directory, name, hosts, now } = options;
  const authority = ensureAuthority(directory, now);
  ensurePair({ directory, name, authority, request: { commonName: name, usages: ['server'], hosts }, now });
  return authority.certificate;
}

/**
 * The CA that signs certificates of ingresses, apart from the cluster's: whoever may write an ingress chooses the
 * names. And a certificate of its own for `hosts`, for connections that ask for no other. Both lie in the directory,
 * made when missing.
 */
export function ensureIngressPki(options: { directory: string; hosts: readonly string[]; now: number }): {
  authority: Authority;
  fallback: KeyPair;
} {
  const { directory, hosts, now } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const authority = ensureAuthority(directory, now, { name: 'ingress-ca', commonName: 'Timonel CA for ingresses' });
  const request: CertificateRequest = { commonName: 'localhost', usages: ['server'], hosts };
  return { authority, fallback: ensurePair({ directory, name: 'ingress', authority, request, now }) };
}

function serverHosts(options: PkiOptions): string[] {
  const { serviceIp, advertised = [], clusterDomain = 'cluster.local' } = options;
  const service = ['kubernetes', 'default', 'svc', clusterDomain];
  const names = [1, 2, 3, 4].map((count) => service.slice(0, count).join('.'));
  return [...new Set(['localhost', '127.0.0.1', '::1', ...names, serviceIp, hostname(), ...advertised])];
}

function ensureAuthority(
  directory: string,
  now: number,
  { name, commonName }: { name: string; commonName: string } = { name: 'ca', commonName: 'kubernetes' },
): Authority {
  const existing = readPair(directory, name);
  if (!existing && readFile(join(directory, `${name}.crt`)) !== undefined) {
    throw new BrokenPkiError(`the key of the cluster's CA is missing: ${join(directory, `${name}.key`)}`);
  }
  if (!existing) {
    const authority = createAuthority(commonName, now);
    writePair(directory, name, authority);
    return authority;
  }
  try {
    return loadAuthority(existing);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BrokenPkiError(`the cluster's CA in ${join(directory, `${name}.crt`)} cannot be used: ${reason}`, {
      cause: error,
    });
  }
}

function ensurePair(options: {
  directory: string;
  name: string;
  authority: Authority;
  request: CertificateRequest;
  now: number;
}): KeyPair {
  const { directory, name, authority, request, now } = options;
  const existing = readPair(directory, name);
  if (existing && isCurrent(existing, authority, request, now)) return existing;
  const issued = issueCertificate(authority, request, now);
  writePair(directory, name, issued);
  return issued;
}

function ensureSigningKey(directory: string): string {
  const file = join(directory, 'sa.key');
  const existing = readFile(file);
  if (existing !== undefined) {
    if (isPrivateKey(existing)) return existing;
    throw new BrokenPkiError(`${file}, which signs the tokens of service accounts, is not a private key`);
  }
  const key = createSigningKey();
  writeFile(file, key);
  return key;
}

function isPrivateKey(text: string): boolean {
  try {
    createPrivateKey(text);
    return true;
  } catch {
    return false;
  }
}

function readPair(directory: string, name: string): KeyPair | undefined {
  const certificate = readFile(join(directory, `${name}.crt`));
  const key = readFile(join(directory, `${name}.key`));
  return certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
}

function writePair(directory: string, name: string, pair: KeyPair): void {
  writeFile(join(directory, `${name}.key`), pair.key);
  writeFile(join(directory, `${name}.crt`), pair.certificate);
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all: a crash must not leave half a key. */
function writeFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
