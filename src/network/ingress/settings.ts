/**
 * How requests to one backend are treated: what annotations say, checked. Plain data: two that look the same are the
 * same.
 */
export interface BackendSettings {
  /** How requests are spread over the endpoints. */
  balance: Balance;
  /** What the endpoints speak. */
  protocol: 'http' | 'https' | 'h2c' | 'h2';
  /** Name for TLS to the endpoints (SNI). */
  serverName?: string;
  timeouts?: { connectSeconds?: number; serverSeconds?: number };
  /** Further attempts when an endpoint cannot be reached. */
  retries?: number;
  affinity?: CookieAffinity;
  /**
   * Answers every request with this status: what was asked for cannot be kept, and going without it would not be safe.
   */
  refuse?: { status: 503; reason: string };
  redirect?: { location: Template; code: number };
  /** The address that `/` is redirected to. */
  appRoot?: string;
  /** CIDRs or addresses that may, or may not, come. */
  allow?: readonly string[];
  deny?: readonly string[];
  rate?: { requests: number; periodSeconds: number };
  connections?: number;
  /** Who is exempt from `rate` and `connections`. */
  unlimited?: readonly string[];
  /** Largest declared length of a request's body, in bytes. */
  bodyBytes?: number;
  auth?: { userList: string; realm: string };
  cors?: Cors;
  rewrite?: { pattern: string; target: Template };
  host?: string;
  forwardedPrefix?: string;
  requestHeaders?: readonly Header[];
  responseHeaders?: readonly Header[];
}

export type Balance =
  | { kind: 'round-robin' | 'least-connections' | 'random' | 'source-hash' }
  /** Consistent hash of a part of the request. */
  | { kind: 'hash'; of: 'uri' | 'path' | 'host' | 'query' | 'header' | 'cookie' | 'argument'; name?: string };

export interface CookieAffinity {
  name: string;
  path?: string;
  domain?: string;
  sameSite?: 'Strict' | 'Lax' | 'None';
  secure: boolean;
  maxAgeSeconds?: number;
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

export interface Header {
  name: string;
  value: string;
}

/** Text with parts that are known only when the request comes: variables of the request, groups of a match. */
export type Template = readonly (
  { text: string } | { variable: 'request_uri' | 'host' | 'scheme' | 'path' | 'query' } | { group: number }
)[];

export const plainSettings: BackendSettings = { balance: { kind: 'round-robin' }, protocol: 'http' };
