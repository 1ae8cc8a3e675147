import type { Ingress, IngressBackend, IngressServiceBackend } from '../../api/types/networking-v1.ts';
import { dnsSubdomain } from '../../api/names.ts';
import { type Annotations, readAnnotations } from './annotations.ts';
import { escapeExpression, isExpression } from './expression.ts';
import { anyHost } from './model.ts';
import type { Complaint } from './problem.ts';
import type { BackendSettings } from './settings.ts';

export type PathKind = 'exact' | 'prefix' | 'begin' | 'expression';

export interface ParsedPath {
  kind: PathKind;
  path: string;
  service: IngressServiceBackend;
  settings: BackendSettings;
}

/** An ingress as it is understood: what is wrong with parts of it is said, and the rest goes on. */
export interface ParsedIngress {
  annotations: Annotations;
  /** By host, in the order of the rules; hosts are in lower case. */
  hosts: ReadonlyMap<string, readonly ParsedPath[]>;
  defaultService: IngressServiceBackend | undefined;
  tls: readonly { hosts: readonly string[]; secretName: string }[];
  complaints: readonly Complaint[];
}

const parsed = new WeakMap<Ingress, ParsedIngress>();

/** Objects never change: each is read once. */
export function parseIngress(ingress: Ingress): ParsedIngress {
  const found = parsed.get(ingress) ?? readIngress(ingress);
  parsed.set(ingress, found);
  return found;
}

function readIngress(ingress: Ingress): ParsedIngress {
  const complaints: Complaint[] = [];
  const annotations = readAnnotations(ingress, complaints);
  const hosts = new Map<string, ParsedPath[]>();
  const { rules = [], defaultBackend } = ingress.spec ?? {};
  for (const { host = '', http } of rules) {
    const names = host === '' ? [anyHost] : [host.toLowerCase(), ...annotations.aliases];
    if (host !== '' && !isHost(host)) {
      complaints.push({ reason: 'InvalidHost', message: `host ${JSON.stringify(host)} is not a DNS name` });
      continue;
    }
    const paths = (http?.paths ?? []).flatMap(({ path = '', pathType, backend }) => {
      return readPath({ path, pathType, backend }, annotations, complaints);
    });
    for (const name of names) hosts.set(name, [...(hosts.get(name) ?? []), ...paths]);
  }
  const ruleHosts = [...hosts.keys()].filter((host) => host !== anyHost);
  return {
    ...{ annotations, hosts, complaints },
    defaultService: defaultBackend && serviceOf(defaultBackend, complaints),
    tls: readTls(ingress, { ruleHosts, annotations }, complaints),
  };
}

function readPath(
  { path, pathType, backend }: { path: string; pathType: string; backend: IngressBackend },
  annotations: Annotations,
  complaints: Complaint[],
): ParsedPath[] {
  const service = serviceOf(backend, complaints);
  if (!service) return [];
  const complain = (problem: string): [] => {
    complaints.push({ reason: 'InvalidPath', message: `path ${JSON.stringify(path)} ${problem}` });
    return [];
  };
  const whole = path === '' ? '/' : path;
  if (!/^[!-~]+$/.test(whole)) return complain('has characters that paths are written with % for');
  if (!whole.startsWith('/')) return complain('does not start with /');
  const kind = kindOf(pathType, annotations);
  if (kind === 'expression' && !isExpression(whole))
    return complain('is not a regular expression that the proxy knows');
  return [{ kind, path: whole, service, settings: pathSettings({ kind, path: whole }, annotations) }];
}

function kindOf(pathType: string, { usesExpressions }: Annotations): PathKind {
  if (pathType === 'Exact') return 'exact';
  if (usesExpressions) return 'expression';
  return pathType === 'Prefix' ? 'prefix' : 'begin';
}

/** What annotations say about the requests of one path. The very settings of the ingress where that is no different. */
function pathSettings(
  { kind, path }: { kind: PathKind; path: string },
  { settings, rewriteTarget }: Annotations,
): BackendSettings {
  const { affinity } = settings;
  const isPlainPath = kind !== 'expression' && /^[\w./~-]+$/.test(path);
  const cookiePath = isPlainPath ? path.replace(/(?<=.)\/+$/, '') : '/';
  const pattern = kind === 'expression' ? `(?i)^(?:${path})` : `^${escapeExpression(path)}$`;
  if (!affinity && !rewriteTarget) return settings;
  return {
    ...settings,
    ...(affinity && { affinity: { ...affinity, path: affinity.path ?? cookiePath } }),
    ...(rewriteTarget && { rewrite: { pattern, target: rewriteTarget } }),
  };
}

function serviceOf(backend: IngressBackend, complaints: Complaint[]): IngressServiceBackend | undefined {
  if (backend.service) return backend.service;
  const { kind = '', name = '' } = backend.resource ?? {};
  complaints.push({
    reason: 'UnsupportedBackend',
    message: `${kind} ${name} cannot be a backend here: only services can`,
  });
  return undefined;
}

function readTls(
  ingress: Ingress,
  { ruleHosts, annotations }: { ruleHosts: readonly string[]; annotations: Annotations },
  complaints: Complaint[],
): ParsedIngress['tls'] {
  const entries = (ingress.spec?.tls ?? []).map(({ hosts = [], secretName = '' }) => {
    const wrong = hosts.filter((host) => !isHost(host));
    for (const host of wrong)
      complaints.push({ reason: 'InvalidHost', message: `TLS host ${JSON.stringify(host)} is not a DNS name` });
    const own = hosts.filter(isHost).map((host) => host.toLowerCase());
    return { hosts: hosts.length === 0 ? ruleHosts : own, secretName };
  });
  // Who asks for a certificate and says no more means the hosts of the rules.
  if (entries.length === 0 && annotations.issuesCertificates) entries.push({ hosts: ruleHosts, secretName: '' });
  return annotations.issuesCertificates
    ? entries.map((entry, index) => ({ ...entry, secretName: entry.secretName || issuedName(ingress, index) }))
    : entries;
}

function issuedName({ metadata }: Ingress, index: number): string {
  return index === 0 ? `${metadata.name}-tls` : `${metadata.name}-tls-${index + 1}`;
}

function isHost(host: string): boolean {
  return dnsSubdomain(host.toLowerCase().replace(/^\*\./, '')).length === 0;
}
