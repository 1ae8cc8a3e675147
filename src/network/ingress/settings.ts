/**
 * How requests to one backend are treated: what annotations say, checked. Plain data: two that look the same are the
 * same.
 */
export interface BackendSettings {
  /** How requests are spread over the endpoints. */
  balance: Balance;
  /** What the endpoints speak; `tcp`: connections are passed on as they are. */
  protocol: 'http' | 'https' | 'h2c' | 'h2' | 'fcgi' | 'tcp';
  fastCgi?: FastCgi;
  endpointTls?: EndpointTls;
  timeouts?: { connectSeconds?: number; serverSeconds?: number };
  /** Further attempts with other endpoints: how many, after what (HAProxy's names), and of any request. */
  retries?: { count?: number; after?: readonly string[]; unsafe?: true };
  affinity?: CookieAffinity;
  redirect?: { location: Template; code: number };
  /** The address that `/` is redirected to. */
  appRoot?: string;
  /** CIDRs or addresses that may, or may not, come. */
  allow?: readonly string[];
  deny?: readonly string[];
  /** Of one client: at most one limit for each period. */
  rates?: readonly Rate[];
  /** Requests of one client at the same time. */
  connections?: number;
  /** Who is exempt from `rates` and `connections`. */
  unlimited?: readonly string[];
  /** Largest declared length of a request's body, in bytes. */
  bodyBytes?: number;
  /** `isScripted`: some of its hashes are checked by the proxy's script. */
  auth?: { userList: string; realm: string; isScripted: boolean };
  authorize?: Authorization;
  clients?: ClientCertificates;
  /** Who is in `allow` needs no password, and who has one need not be in `allow`. */
  eitherSuffices?: true;
  cors?: Cors;
  rewrite?: { pattern: string; target: Template };
  host?: string;
  forwardedPrefix?: string;
  answers?: Answers;
  /** Of every answer, in place of those of the same name. */
  headers?: readonly (readonly [name: string, value: string])[];
  mirror?: Mirror;
  /** Its endpoints are those of the service that stands in for this one. */
  standsInFor?: ErrorsOf;
  /** Answers of these statuses are replaced by what a service says that is asked about them at `address:port`. */
  errors?: { statuses: readonly number[]; at: string; of: ErrorsOf };
  /** Not in the access log. */
  unlogged?: true;
  /** Answers to requests above `rates`, and above `connections`; absent: 503. */
  limitStatuses?: { requests: number; connections: number };
  blocked?: Blocked;
  /** Strict-Transport-Security of answers over TLS. */
  strictTransport?: string;
  /** Of answers of the endpoints, which clients do not get. */
  hiddenHeaders?: readonly string[];
  /** Of every request to the endpoints; without a value it has none of that name. */
  requestHeaders?: readonly (readonly [name: string, value: Template])[];
  /** Answers of these media types are compressed; none: all of them. */
  compresses?: readonly string[];
}

/** Who may not come, by address and by headers. */
export interface Blocked {
  addresses?: readonly string[];
  agents?: readonly HeaderText[];
  referers?: readonly HeaderText[];
}

type HeaderText = { text: string } | { expression: string; anyCase?: true };

export type Balance =
  | { kind: 'round-robin' | 'least-connections' | 'random' | 'source-hash' }
  /** Consistent hash of something about the request. */
  | { kind: 'hash'; of: Template };

export interface Rate {
  requests: number;
  periodSeconds: number;
}

/** TLS to the endpoints. Files are names in the model's `endpointFiles`. */
export interface EndpointTls {
  /** Certificate and key shown to them. */
  certificate?: string;
  /** Whose certificates they must have; absent: anything goes. */
  authority?: string;
  /** The name asked for (SNI), or the request's host. */
  serverName?: { name: string } | 'host';
  /** The name that their certificates must have. */
  verifiedName?: string;
  minVersion?: string;
  maxVersion?: string;
  ciphers?: string;
}

/** What an application behind FastCGI is told beside the usual parameters (RFC 3875, 4.1). */
export interface FastCgi {
  /** Of paths that end with a slash. */
  index?: string;
  params: readonly (readonly [name: string, value: Template])[];
}

export interface CookieAffinity {
  name: string;
  path?: string;
  domain?: string;
  sameSite?: 'Strict' | 'Lax' | 'None';
  secure: boolean;
  partitioned?: true;
  maxAgeSeconds?: number;
  /** The same as a point in time, for what does not know of `Max-Age`, which counts where both are known. */
  expiresSeconds?: number;
  /** Whether visitors stay in, or out of, a canary. */
  coversCanaries: boolean;
}

export interface Cors {
  /** `*`, exact origins, or one with `*.` for any subdomain: `https://*.example.com`. */
  origins: readonly string[];
  methods: string;
  headers: string;
  expose?: string;
  credentials: boolean;
  maxAgeSeconds: number;
}

/** Somebody is asked about each request: it passes when the answer is a 2xx. */
export interface Authorization {
  url: Template;
  /** `address:port` of the service in the URL; absent: this proxy, which has a route for its host. */
  at?: string;
  method: string;
  /** Where browsers are sent that have to sign in (401). */
  signIn?: Template;
  /** Of the answer, for the service, in lower case. */
  headers: readonly string[];
  /** What the one who is asked is told of where the request was going. */
  redirect: Template;
  /** Its cookies go into every answer, and not into successes and redirections alone. */
  alwaysSetsCookies?: true;
  /** Answers are kept: for whom they count, and how many seconds each status does. */
  cache?: { key: Template; seconds: readonly (readonly [status: string, seconds: number])[] };
}

/** Somebody gets a copy of each request. */
export interface Mirror {
  url: Template;
  /** `address:port` of the service in the URL; absent: this proxy, which has a route for its host. */
  at?: string;
  /** The host that it is asked for; absent: that of the URL. */
  host?: string;
  withBody: boolean;
}

/** Certificates that clients show. */
export interface ClientCertificates {
  /** `optional`: who shows one must show a good one; `optional_no_ca`: the service judges. */
  verify: 'on' | 'optional' | 'optional_no_ca';
  /** A name in the model's `endpointFiles`: whose certificates are good. */
  authority: string;
  /** Where they are redirected that are refused. */
  errorPage?: Template;
  /** An expression for the subject, as RFC 2253 writes it. */
  subject?: string;
  /** The service gets the certificate. */
  passes?: true;
}

/** What is changed in answers of the endpoints. */
export interface Answers {
  /** The domain of cookies, when it is exactly this one; dots in front do not count. */
  cookieDomain?: Replacement;
  /** The beginning of cookies' paths. */
  cookiePath?: Replacement;
  /** The beginning of the addresses in `Location` and `Refresh`. */
  location?: Replacement;
}

/** Whose requests went wrong. */
export interface ErrorsOf {
  namespace: string;
  ingress: string;
  service: string;
  /** As the ingress has it: a number or a name. */
  port: string;
}

export interface Replacement {
  from: string;
  to: string;
}

/** Text with parts that are known only when the request comes: variables of the request, groups of a match. */
export type Template = readonly (
  | { text: string }
  | {
      variable:
        | 'request-uri'
        /** The same, as the value of a query's argument. */
        | 'escaped-request-uri'
        | 'path'
        /** The path, with the index where it ends with a slash. */
        | 'script-name'
        | 'query'
        | 'host'
        | 'host-and-port'
        | 'scheme'
        | 'method'
        | 'client'
        /** Of the password that the request brings. */
        | 'user'
        | 'port'
        /** A colon and the port that the client wrote, or nothing. */
        | 'port-suffix'
        | 'request-id'
        | 'header'
        | 'cookie'
        | 'argument';
      /** Of the last three. */
      name?: string;
    }
  | { group: number }
)[];

export const plainSettings: BackendSettings = { balance: { kind: 'round-robin' }, protocol: 'http' };
