import type { IngressBackend, IngressRule, IngressTLS } from '../../../api/types/networking-v1.ts';
import { ingresses } from '../../../client/resources.ts';
import { CliError } from '../../errors.ts';
import { make, type MakeFlags, nameOf } from './make.ts';

export interface IngressFlags extends MakeFlags {
  class?: string;
  /** `HOST/PATH=SERVICE:PORT[,tls[=SECRET]]` */
  rule?: string[];
  /** `SERVICE:PORT` */
  defaultBackend?: string;
  annotation?: string[];
}

const ruleForm = /^(?<host>[\w*.-]*)(?<path>\/[^=]*)=(?<backend>[^,]+)(?:,tls(?:=(?<secret>[^,]*))?)?$/;
const backendForm = /^[A-Za-z0-9-]+:[A-Za-z0-9-]+$/;

export async function createIngress(words: readonly string[], flags: IngressFlags): Promise<void> {
  const name = nameOf(words, 'ingress');
  const { rule = [], defaultBackend, annotation } = flags;
  if (rule.length === 0 && !defaultBackend) {
    throw new CliError(
      'not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)',
    );
  }
  if (defaultBackend && !backendForm.test(defaultBackend))
    throw new CliError('default-backend should be in format servicename:serviceport');
  const parsed = rule.map(parseRule);
  const annotations = annotation?.map(parseAnnotation);
  const tls = tlsOf(parsed);
  await make(flags, ingresses, {
    metadata: { name, ...(annotations && { annotations: Object.fromEntries(annotations) as Record<string, string> }) },
    spec: {
      ...(flags.class && { ingressClassName: flags.class }),
      ...(defaultBackend && { defaultBackend: backendOf(defaultBackend) }),
      ...(parsed.length > 0 && { rules: rulesOf(parsed) }),
      ...(tls.length > 0 && { tls }),
    },
    status: { loadBalancer: {} },
  });
}

interface ParsedRule {
  host: string;
  path: string;
  backend: string;
  isTls: boolean;
  secret: string;
}

function parseRule(text: string): ParsedRule {
  const { host = '', path = '', backend = '', secret = '' } = ruleForm.exec(text)?.groups ?? {};
  if (!backendForm.test(backend))
    throw new CliError(`rule ${text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`);
  return { host, path, backend, isTls: text.slice(text.indexOf('=')).includes(',tls'), secret };
}

function parseAnnotation(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new CliError(`annotation ${text} is invalid and should be in format key=[value]`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** One for each host, in the order of the flags. */
function rulesOf(parsed: readonly ParsedRule[]): IngressRule[] {
  const hosts = [...new Set(parsed.map(({ host }) => host))];
  return hosts.map((host) => ({
    ...(host && { host }),
    http: {
      paths: parsed
        .filter((each) => each.host === host)
        .map(({ path, backend }) => ({
          backend: backendOf(backend),
          // A star behind the path means all that is below.
          path: path.endsWith('*') ? path.slice(0, -1) : path,
          pathType: path.endsWith('*') ? 'Prefix' : 'Exact',
        })),
    },
  }));
}

/** Hosts by their secret; those with none share the ingress controller's own certificate. */
function tlsOf(parsed: readonly ParsedRule[]): IngressTLS[] {
  const secured = parsed.filter(({ isTls }) => isTls);
  const secretNames = [...new Set(secured.map(({ secret }) => secret))];
  return secretNames.map((secretName) => {
    const hosts = secured.filter(({ secret, host }) => secret === secretName && host).map(({ host }) => host);
    return { ...(hosts.length > 0 && { hosts: [...new Set(hosts)] }), ...(secretName && { secretName }) };
  });
}

function backendOf(text: string): IngressBackend {
  const [name = '', port = ''] = text.split(':');
  return { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
}
