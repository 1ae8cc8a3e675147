import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { RegistryLogin } from './docker-config.ts';

export interface CheckOptions {
  /** PEM of a CA that the machine does not know. */
  certificateAuthority?: string;
  /** PEM: what the machine identifies with. */
  certificate?: string;
  key?: string;
  /** Do not check the certificate, and speak HTTP to who does not speak TLS. */
  insecure?: boolean;
}

/** Why a login came to nothing: the registry refused it, its certificate is not to be trusted, or nobody answered. */
export class LoginError extends Error {
  readonly kind: 'refused' | 'untrusted' | 'unreachable';

  constructor(kind: LoginError['kind'], message: string) {
    super(message);
    this.name = 'LoginError';
    this.kind = kind;
  }
}

interface Answer {
  status: number;
  challenge: string;
  body: string;
}

/**
 * Asks a registry whether it knows a login: `GET /v2/` with Basic credentials, or with a token from where its challenge
 * sends us
 * (https://distribution.github.io/distribution/spec/auth/token/). Rejects with {@link LoginError}.
 */
export async function checkLogin(registry: string, login: RegistryLogin, options: CheckOptions = {}): Promise<void> {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const url = new URL(`https://${host}/v2/`);
  const basic = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  const first = await get(url, {}, options);
  if (first.status === 200) return;
  const [, scheme = '', parameters = ''] = /^(\w+)\s+(.*)$/.exec(first.challenge) ?? [];
  const authorization = scheme.toLowerCase() === 'bearer' ? await token(parameters, basic, login, options) : basic;
  const second = await get(url, { authorization }, options);
  if (second.status === 401 || second.status === 403) throw refused(registry);
  if (second.status !== 200) throw new LoginError('unreachable', `${registry} answered ${second.status} to GET /v2/`);
}

async function token(parameters: string, basic: string, login: RegistryLogin, options: CheckOptions): Promise<string> {
  const values = Object.fromEntries([...parameters.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1], m[2]]));
  if (!values['realm']) throw new LoginError('unreachable', 'the registry asks for a token and does not say where');
  const url = new URL(values['realm']);
  if (values['service']) url.searchParams.set('service', values['service']);
  url.searchParams.set('account', login.username);
  const answer = await get(url, { authorization: basic }, options);
  if (answer.status === 401 || answer.status === 403) throw refused(url.host);
  return `Bearer ${tokenIn(answer.body) ?? ''}`;
}

function tokenIn(body: string): string | undefined {
  try {
    const { token: given, access_token: access } = JSON.parse(body) as { token?: string; access_token?: string };
    return given ?? access;
  } catch {
    throw new LoginError('unreachable', 'the answer to the question for a token is no JSON');
  }
}

function refused(registry: string): LoginError {
  return new LoginError('refused', `${registry} does not know this user name and password`);
}

/** OpenSSL's names for what is wrong with a certificate (X509_V_ERR_…), and Node's for one of another host. */
const untrusted = /SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|CERT_(?:HAS_EXPIRED|NOT_YET_VALID|UNTRUSTED)|ALTNAME/;

async function get(url: URL, headers: Record<string, string>, options: CheckOptions): Promise<Answer> {
  try {
    return await send(url, headers, options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const speaksHttp = code === 'EPROTO' || message.includes('wrong version number');
    if (options.insecure && speaksHttp) return send(new URL(url.href.replace('https:', 'http:')), headers, options);
    if (untrusted.test(code ?? '')) {
      throw new LoginError('untrusted', `the certificate of ${url.host} is not to be trusted: ${message}`);
    }
    throw new LoginError('unreachable', `${url.host} cannot be reached: ${message || code}`);
  }
}

function send(url: URL, headers: Record<string, string>, options: CheckOptions): Promise<Answer> {
  const { certificateAuthority: ca, certificate: cert, key, insecure } = options;
  const request = url.protocol === 'http:' ? httpRequest : httpsRequest;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { headers, rejectUnauthorized: !insecure, timeout: 15_000, ...(ca && { ca }), ...(cert && { cert, key }) },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body = (body + chunk).slice(0, 1 << 20)));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, challenge: response.headers['www-authenticate'] ?? '', body }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.end();
  });
}
