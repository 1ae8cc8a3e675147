import type { Secret, Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { Ingress, IngressServiceBackend } from '../../api/types/networking-v1.ts';
import { keyOf } from '../../client/informer.ts';
import { backendName } from './backend-name.ts';
import { endpointsOf, findPort } from './endpoints.ts';
import {
  anyHost,
  type BackendModel,
  type Certificate,
  type ProxyModel,
  redirectBackend,
  routeKey,
  type TcpListener,
  type UserList,
} from './model.ts';
import { type ParsedIngress, type ParsedPath, parseIngress } from './parse.ts';
import type { Problem } from './problem.ts';
import { certificateOf } from './tls.ts';

/** What an ingress is made from, looked up by `namespace/name`. */
export interface ClusterObjects {
  service(key: string): Service | undefined;
  slices(serviceKey: string): readonly EndpointSlice[];
  secret(key: string): Secret | undefined;
}

export interface Rendered {
  model: ProxyModel;
  problems: readonly Problem[];
}

/** The certificate for connections that ask for no host that has one. */
const defaultCertificate = 'default';

/**
 * What the proxy is to do for these ingresses (all of them ours). Where two want the same host and path, the older
 * one has it. Pure but for remembering what it read from objects, which never change.
 */
export function renderIngress(options: {
  ingresses: Iterable<Ingress>;
  objects: ClusterObjects;
  defaultCertificate: string;
  /** `namespace/service:port`, for requests that no rule matches. */
  classDefault?: { namespace: string; service: IngressServiceBackend };
  tcp?: ReadonlyMap<string, TcpListener>;
}): Rendered {
  const renderer = new Renderer(options.objects);
  const ingresses = [...options.ingresses].sort(olderFirst);
  for (const ingress of ingresses) renderer.addCertificates(ingress);
  for (const ingress of ingresses) renderer.addRules(ingress);
  for (const ingress of ingresses) renderer.addDefault(ingress);
  if (options.classDefault) renderer.addClassDefault(options.classDefault.namespace, options.classDefault.service);
  return renderer.finish(options.defaultCertificate, options.tcp ?? new Map());
}

function olderFirst(a: Ingress, b: Ingress): number {
  const key = ({ metadata }: Ingress): string =>
    `${metadata.creationTimestamp ?? ''} ${metadata.namespace}/${metadata.name}`;
  return key(a) < key(b) ? -1 : 1;
}

class Renderer {
  readonly #objects: ClusterObjects;
  readonly #backends = new Map<string, BackendModel>();
  readonly #hosts = new Set<string>();
  readonly #tables = { clear: new Map<string, string>(), tls: new Map<string, string>() };
  readonly #expressions: { host: string; path: string; clear: string; tls: string }[] = [];
  readonly #certificates = new Map<string, { pem: string; hosts: string[] }>();
  /** Who has a host's certificate, and who has a route: the older ingress. */
  readonly #certified = new Map<string, string>();
  readonly #owners = new Map<string, string>();
  readonly #userLists = new Map<string, UserList>();
  readonly #problems: Problem[] = [];

  constructor(objects: ClusterObjects) {
    this.#objects = objects;
  }

  addCertificates(ingress: Ingress): void {
    const { tls, annotations } = parseIngress(ingress);
    for (const { hosts, secretName } of tls) {
      if (secretName === '') continue;
      const key = `${ingress.metadata.namespace}/${secretName}`;
      const secret = this.#objects.secret(key);
      const read = secret ? certificateOf(secret) : { problem: 'there is no such secret' };
      // One that is being issued is not a problem.
      if ('problem' in read && !(annotations.issuesCertificates && !secret)) {
        this.#complain(ingress, 'InvalidCertificate', `secret ${secretName} is not used for TLS: ${read.problem}`);
      }
      if (!('pem' in read)) continue;
      const name = key.replace('/', '_');
      const certificate = this.#certificates.get(name) ?? { pem: read.pem, hosts: [] };
      for (const host of hosts) {
        const owner = this.#certified.get(host) ?? key;
        if (owner === key) {
          if (!this.#certified.has(host)) certificate.hosts.push(host);
          this.#certified.set(host, key);
        } else {
          this.#complain(ingress, 'Conflict', `host ${host} already has the certificate of secret ${owner}`);
        }
      }
      if (certificate.hosts.length > 0) this.#certificates.set(name, certificate);
    }
  }

  addRules(ingress: Ingress): void {
    const { hosts, complaints } = parseIngress(ingress);
    for (const { reason, message } of complaints) this.#complain(ingress, reason, message);
    for (const [host, paths] of hosts) {
      this.#hosts.add(host);
      for (const path of paths) this.#addPath(ingress, host, path);
    }
  }

  /** For what no rule of its hosts matches; and for what no rule of any ingress does, of the first that has one. */
  addDefault(ingress: Ingress): void {
    const { hosts, defaultService } = parseIngress(ingress);
    if (!defaultService) return;
    for (const host of new Set([...hosts.keys(), anyHost])) {
      this.#addRoute({
        ingress,
        host,
        path: '/',
        service: defaultService,
        key: routeKey.prefix(host, '/'),
        isQuiet: true,
      });
    }
  }

  addClassDefault(namespace: string, service: IngressServiceBackend): void {
    const ingress: Ingress = { metadata: { namespace, name: '' }, spec: {} };
    for (const host of [...this.#hosts, anyHost]) {
      this.#addRoute({ ingress, host, path: '/', service, key: routeKey.prefix(host, '/'), isQuiet: true });
    }
  }

  finish(pem: string, tcp: ReadonlyMap<string, TcpListener>): Rendered {
    // nginx tries longer expressions first.
    const expressions = this.#expressions.toSorted((a, b) => b.path.length - a.path.length);
    const listOf = (kind: 'clear' | 'tls'): [string, string][] =>
      expressions.map((entry) => [expressionOf(entry.host, entry.path), entry[kind]]);
    const certificates = new Map<string, Certificate>([
      [defaultCertificate, { pem, hosts: [] }],
      ...this.#certificates,
    ]);
    this.#hosts.delete(anyHost);
    const model: ProxyModel = {
      backends: this.#backends,
      hosts: this.#hosts,
      clear: { paths: this.#tables.clear, expressions: listOf('clear') },
      tls: { paths: this.#tables.tls, expressions: listOf('tls') },
      canaries: new Map(),
      certificates,
      userLists: this.#userLists,
      tcp,
    };
    return { model, problems: this.#problems };
  }

  #addPath(ingress: Ingress, host: string, { kind, path, service }: ParsedPath): void {
    if (kind === 'expression') {
      const targets = this.#targets(ingress, host, { path, service });
      if (targets && this.#claim(ingress, { host, path, key: `${host}~${path}` }, targets.tls))
        this.#expressions.push({ host, path, ...targets });
      return;
    }
    this.#addRoute({ ingress, host, path, service, key: routeKey[kind](host, path) });
  }

  #addRoute(route: {
    ingress: Ingress;
    host: string;
    path: string;
    service: IngressServiceBackend;
    key: string;
    isQuiet?: boolean;
  }): void {
    const { ingress, key } = route;
    if (route.isQuiet && this.#owners.has(key)) return;
    const targets = this.#targets(ingress, route.host, route);
    if (!targets || !this.#claim(ingress, route, targets.tls)) return;
    this.#tables.clear.set(key, targets.clear);
    this.#tables.tls.set(key, targets.tls);
  }

  /** True when nobody older has the route. */
  #claim(ingress: Ingress, { host, path, key }: { host: string; path: string; key: string }, target: string): boolean {
    const owner = this.#owners.get(key);
    if (owner === undefined) {
      this.#owners.set(key, keyOf(ingress));
      return true;
    }
    if (this.#tables.tls.get(key) !== target) {
      const where = `${host === anyHost ? '' : host}${path}`;
      this.#complain(ingress, 'Conflict', `${where} is already served for ingress ${owner}, which is older`);
    }
    return false;
  }

  /** The backends that a path's requests go to, in clear and over TLS. */
  #targets(
    ingress: Ingress,
    host: string,
    { service }: { path: string; service: IngressServiceBackend },
  ): { clear: string; tls: string } | undefined {
    const { annotations } = parseIngress(ingress);
    const tls = this.#backend(ingress, service, annotations.settings);
    if (tls === undefined) return undefined;
    const { redirectsToTls } = annotations;
    const mustRedirect = redirectsToTls === 'always' || (redirectsToTls === 'with-tls' && hasTls(ingress, host));
    return { tls, clear: mustRedirect ? redirectBackend : tls };
  }

  #backend(ingress: Ingress, wanted: IngressServiceBackend, settings: BackendModel['settings']): string | undefined {
    const { namespace = '' } = ingress.metadata;
    const key = `${namespace}/${wanted.name}`;
    const service = this.#objects.service(key);
    const port = service && findPort(service, wanted.port);
    const label = wanted.port?.name || String(wanted.port?.number ?? '');
    if (!service) this.#complain(ingress, 'ServiceNotFound', `there is no service ${key}`);
    else if (service.spec?.type === 'ExternalName')
      this.#complain(
        ingress,
        'UnsupportedService',
        `service ${key} is a name outside the cluster: requests are not sent there`,
      );
    else if (!port) this.#complain(ingress, 'PortNotFound', `service ${key} has no port ${label}`);
    const name = backendName({
      namespace,
      service: service ? wanted.name : '-',
      port: port ? String(port.port) : '-',
      settings,
    });
    if (!this.#backends.has(name)) {
      const isUsable = port && service?.spec?.type !== 'ExternalName';
      this.#backends.set(name, { settings, endpoints: isUsable ? endpointsOf(port, this.#objects.slices(key)) : [] });
    }
    return name;
  }

  #complain(ingress: Ingress, reason: string, message: string): void {
    this.#problems.push({ ingress, reason, message });
  }
}

function hasTls(ingress: Ingress, host: string): boolean {
  const { tls }: ParsedIngress = parseIngress(ingress);
  return tls.some(({ hosts }) => hosts.includes(host) || hosts.includes(host.replace(/^[^.]+/, '*')));
}

/** Over host and path; without regard to case, as nginx has it. */
function expressionOf(host: string, path: string): string {
  return `(?i)^${host.replaceAll(/[.*]/g, '\\$&')}${path.replace(/^\(\?i\)/, '').replace(/^\^/, '')}`;
}
