import type { Ingress, IngressBackend, IngressServiceBackend } from '../../api/types/networking-v1.ts';
import { dnsSubdomain } from '../../api/names.ts';
import { type Annotations, readAnnotations } from './annotations.ts';
import { anyHost } from './model.ts';
import type { Complaint } from './problem.ts';

export type PathKind = 'exact' | 'prefix' | 'begin' | 'expression';

export interface ParsedPath {
  kind: PathKind;
  path: string;
  service: IngressServiceBackend;
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
  const spec = annotations.isClosed ? undefined : ingress.spec;
  const { rules = [], defaultBackend } = spec ?? {};
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
  { usesExpressions }: Annotations,
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
  if (usesExpressions && pathType !== 'Exact') {
    return isExpression(whole)
      ? [{ kind: 'expression', path: whole, service }]
      : complain('is not a regular expression that the proxy knows');
  }
  if (!whole.startsWith('/')) return complain('does not start with /');
  if (pathType === 'Exact') return [{ kind: 'exact', path: whole, service }];
  return [{ kind: pathType === 'Prefix' ? 'prefix' : 'begin', path: whole, service }];
}

/** What JavaScript's and Perl's expressions have in common, without what could be slow or look elsewhere. */
function isExpression(text: string): boolean {
  if (
    !/^[!-~]*$/.test(text) ||
    /\(\?(?!:|i\))|\\[^\w./?*+()[\]{}|^$&~-]|\\[EQGKRXZzAlLuUpPNgkxoC]|\(\*|[*+?}]\+/.test(text)
  )
    return false;
  try {
    return new RegExp(text.replace(/^\(\?i\)/, '')).source !== '';
  } catch {
    return false;
  }
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
