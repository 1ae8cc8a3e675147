import type { IngressServiceBackend } from '../../api/types/networking-v1.ts';
import type { BackendSettings } from './settings.ts';
import type { EntranceSettings } from './entrance.ts';

/** One address that requests are sent to. */
export interface Endpoint {
  /** IPv4 or IPv6. */
  address: string;
  port: number;
  /** Share of the requests relative to the others' of the backend, 0 to 256. */
  weight: number;
}

export interface BackendModel {
  settings: BackendSettings;
  /** Sorted by address and port. */
  endpoints: readonly Endpoint[];
}

/** Requests of one kind (in clear, or over TLS) and the backends that get them, by name. */
export interface RouteTable {
  /** By {@link RouteKey}; the longest key that a request begins with wins. */
  paths: ReadonlyMap<string, string>;
  /** Tried in order before `paths`, for hosts that have any: POSIX-like expressions over host and path. */
  expressions: readonly (readonly [expression: string, backend: string])[];
}

/** A route that leads to one of two backends. */
export interface Canary {
  main: string;
  /** Gets the canary's part. */
  backend: string;
  /** Of 10,000 requests that no header and no cookie decides. */
  weight: number;
  /** The cookie by which visitors stay on their side once a weight has chosen it. */
  stickyCookie?: string;
  /** `values`: what sends a request to the canary; a header without any decides by `always` and `never`. */
  header?: { name: string; value?: string; pattern?: string };
  cookie?: string;
}

export interface Certificate {
  /** PEM: chain and key. */
  pem: string;
  /** DNS names, with `*.` for one label. */
  hosts: readonly string[];
  /** Further hosts, whose clients are asked for certificates of an authority (a name in `endpointFiles`). */
  verified?: readonly (readonly [host: string, authority: string])[];
}

/** Users and hashes: of crypt(3), which HAProxy checks itself, and others, which its script does. */
export interface UserList {
  crypt: readonly (readonly [user: string, hash: string])[];
  scripted: readonly (readonly [user: string, hash: ScriptedHash])[];
}

export type ScriptedHash =
  /** htpasswd's MD5, as it is written. */
  | { kind: 'apr1'; salt: string; digest: string }
  /** SHA-1 of password and salt, both in hexadecimal. */
  | { kind: 'sha1'; salt: string; digest: string };

/** Layer-4 balancing of one port of a service. */
export interface TcpListener {
  /** Where connections arrive. */
  address: string;
  port: number;
  balance: 'least-connections';
  endpoints: readonly Endpoint[];
}

/** Everything that the proxy is to do: what {@link renderIngress} makes of the cluster's objects. */
export interface ProxyModel {
  backends: ReadonlyMap<string, BackendModel>;
  /** Hosts that have routes: themselves, or `*.example.com`. */
  hosts: ReadonlySet<string>;
  clear: RouteTable;
  tls: RouteTable;
  /** By the name that their routes lead to. */
  canaries: ReadonlyMap<string, Canary>;
  /** By name; which one serves a connection follows from its `hosts`, and the default one serves the rest. */
  certificates: ReadonlyMap<string, Certificate>;
  userLists: ReadonlyMap<string, UserList>;
  /** PEM texts for TLS to endpoints, and authorities of clients, by name. */
  endpointFiles: ReadonlyMap<string, string>;
  /** Backends that get connections by the name asked for in TLS, as they are. */
  passthrough: ReadonlyMap<string, string>;
  tcp: ReadonlyMap<string, TcpListener>;
  entrance: EntranceSettings;
}

/** A service by its namespace: for requests that no rule of any ingress matches. */
export interface ClassDefault {
  namespace: string;
  service: IngressServiceBackend;
}

/** Hosts of rules that name none. */
export const anyHost = '_';

/** Where a path ends in the proxy's look-ups: no request has this character in its path. */
const endOfPath = '\x7f';

/**
 * Keys of {@link RouteTable.paths}. A request is looked up as host, path, slash and end of path, by its longest
 * beginning: so an exact key beats every prefix, a longer prefix beats a shorter one, and prefixes end between
 * segments.
 */
export const routeKey = {
  exact: (host: string, path: string): string => `${host}${path}/${endOfPath}`,
  prefix: (host: string, path: string): string => `${host}${path.replace(/\/*$/, '/')}`,
  begin: (host: string, path: string): string => `${host}${path}`,
};

/** The backend that tells clients to come back over TLS. */
export const redirectBackend = 'to-tls';

/** The backend of ingresses that ask for protection in a way that is not known here. */
export const refusingBackend = 'refused';
