import type { Ingress, IngressClass } from '../../api/types/networking-v1.ts';
import type { CanaryRule } from './annotations/canary.ts';
import { Backends } from './backends.ts';
import { CertifiedHosts } from './certified-hosts.ts';
import { type ClassParameters, withParameters } from './class-parameters.ts';
import { Classes } from './classes.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import {
  anyHost,
  type ClassDefault,
  type ProxyModel,
  redirectBackend,
  refusingBackend,
  type TcpListener,
} from './model.ts';
import { type ParsedPath, parseIngress } from './parse.ts';
import type { Problem } from './problem.ts';
import { Routes } from './routes.ts';
import { type BackendSettings, plainSettings } from './settings.ts';

interface Rendered {
  model: ProxyModel;
  problems: readonly Problem[];
}

/**
 * What the proxy is to do for these ingresses (all of them ours). Where two want the same host and path, the older
 * one has it. Pure but for remembering what it read from objects, which never change.
 */
export function renderIngress(options: {
  ingresses: Iterable<Ingress>;
  objects: ClusterObjects;
  defaultCertificate: string;
  /** For what no rule matches, unless a class says so itself. */
  classDefault?: ClassDefault;
  classOf?: (ingress: Ingress) => IngressClass | undefined;
  tcp?: ReadonlyMap<string, TcpListener>;
}): Rendered {
  const classes = new Classes(options.objects, options.classOf ?? (() => undefined));
  const ingresses = [...options.ingresses].sort(olderFirst).map((ingress) => classes.complete(ingress));
  const fromOptions = options.classDefault && { classDefault: options.classDefault, parameters: undefined };
  const chosen = classes.classDefault() ?? fromOptions;
  const rest = {
    pem: classes.defaultCertificate() ?? options.defaultCertificate,
    entrance: classes.entrance(),
    tcp: options.tcp ?? new Map<string, TcpListener>(),
  };
  const renderer = new Renderer(options.objects, chosen?.classDefault, classes.problems);
  const isCanary = (ingress: Ingress): boolean => parseIngress(ingress).annotations.canary !== undefined;
  const mains = ingresses.filter((ingress) => !isCanary(ingress));
  for (const ingress of mains) renderer.addRules(ingress);
  for (const ingress of mains) renderer.addDefault(ingress);
  for (const ingress of mains) renderer.addOtherNames(ingress, rest.entrance.redirectCode);
  if (chosen) renderer.addClassDefault(chosen.classDefault, chosen.parameters);
  for (const ingress of ingresses.filter(isCanary)) renderer.addCanary(ingress);
  return renderer.finish(rest);
}

function olderFirst(a: Ingress, b: Ingress): number {
  const key = ({ metadata }: Ingress): string =>
    `${metadata.creationTimestamp ?? ''} ${metadata.namespace}/${metadata.name}`;
  return key(a) < key(b) ? -1 : 1;
}

class Renderer {
  readonly #problems: Problem[];
  readonly #backends: Backends;
  readonly #routes: Routes;
  readonly #certified: CertifiedHosts;
  readonly #passthrough = new Map<string, string>();

  constructor(objects: ClusterObjects, classDefault: ClassDefault | undefined, problems: readonly Problem[]) {
    this.#problems = [...problems];
    const complain = this.#complain.bind(this);
    this.#backends = new Backends(objects, complain, classDefault);
    this.#routes = new Routes(complain);
    this.#certified = new CertifiedHosts(objects, complain);
  }

  addRules(ingress: Ingress): void {
    const { hosts, complaints } = parseIngress(ingress);
    this.#certified.add(ingress);
    for (const { reason, message } of complaints) this.#complain(ingress, reason, message);
    for (const [host, paths] of hosts) {
      this.#routes.addHost(host);
      for (const path of paths) this.#addPath(ingress, host, path);
    }
  }

  /** For what no rule of its hosts matches; and for what no rule of any ingress does, of the first that has one. */
  addDefault(ingress: Ingress): void {
    const { hosts, defaultService: service, annotations } = parseIngress(ingress);
    if (!service) return;
    for (const host of new Set([...hosts.keys(), anyHost])) {
      const path = { kind: 'prefix', path: '/', service, settings: annotations.settings } as const;
      this.#addPath(ingress, host, path, { isQuiet: true });
    }
  }

  /** The names with and without `www.` lead to each other, where nobody serves them. */
  addOtherNames(ingress: Ingress, redirectCode: number): void {
    const { hosts, annotations } = parseIngress(ingress);
    if (!annotations.redirectsWww || annotations.isRefused) return;
    for (const host of hosts.keys()) {
      if (host === anyHost || host.startsWith('*.')) continue;
      const other = host.startsWith('www.') ? host.slice(4) : `www.${host}`;
      if (this.#routes.hosts.has(other)) continue;
      const backend = this.#backends.answering(ingress.metadata.namespace ?? '', wwwRedirect(host, redirectCode));
      this.#routes.addHost(other);
      const route = { ingress, host: other, kind: 'prefix', path: '/', clear: backend, tls: backend } as const;
      this.#routes.add(route, { isQuiet: true });
    }
  }

  addClassDefault({ namespace, service }: ClassDefault, parameters?: ClassParameters): void {
    const ingress = withParameters({ metadata: { namespace, name: '' }, spec: {} }, parameters);
    const { settings } = parseIngress(ingress).annotations;
    for (const host of [...this.#routes.hosts, anyHost]) {
      const path = { kind: 'prefix', path: '/', service, settings } as const;
      this.#addPath(ingress, host, path, { isQuiet: true });
    }
  }

  addCanary(ingress: Ingress): void {
    const { hosts, complaints, annotations } = parseIngress(ingress);
    this.#certified.add(ingress);
    for (const { reason, message } of complaints) this.#complain(ingress, reason, message);
    const { canary, isRefused } = annotations;
    if (!canary || isRefused) return;
    for (const [host, paths] of hosts) for (const path of paths) this.#addCanaryPath(ingress, host, { path, canary });
  }

  #addCanaryPath(
    ingress: Ingress,
    host: string,
    { path, canary: rule }: { path: ParsedPath; canary: CanaryRule },
  ): void {
    const where = `${host === anyHost ? '' : host}${path.path}`;
    const main = this.#mainOf(ingress, host, path);
    if (!main) {
      const message = `canary: no other ingress of the namespace has ${where} with the same path type`;
      this.#complain(ingress, 'NoMainIngress', message);
      return;
    }
    if (main.route.tls === refusingBackend || main.route.tls === redirectBackend) return;
    const { settings, governing } = main;
    const backend = this.#backends.backendOf(ingress, path.service, { settings, governing });
    if (backend === refusingBackend) return;
    const { affinity } = settings;
    const stickyCookie = affinity?.coversCanaries ? `${affinity.name}-canary` : undefined;
    const isSplit = this.#routes.split(main.route, {
      ...{ backend, rule, owner: ingress },
      ...(stickyCookie !== undefined && { stickyCookie }),
    });
    if (!isSplit) this.#complain(ingress, 'Conflict', `canary: ${where} has a canary already, which is older`);
  }

  /** The route beside which a canary is, and the settings that hold for both. */
  #mainOf(ingress: Ingress, host: string, { kind, path }: ParsedPath) {
    // The main one may use expressions where its canary does not say so.
    const kinds = kind === 'exact' ? [kind] : ([kind, 'expression', 'prefix', 'begin'] as const);
    const route = kinds.map((each) => this.#routes.find(host, { kind: each, path })).find((found) => found);
    if (!route || route.ingress.metadata.namespace !== ingress.metadata.namespace) return undefined;
    const { hosts, annotations } = parseIngress(route.ingress);
    const paths = hosts.get(host) ?? [];
    const settings = paths.find((each) => each.kind === route.kind && each.path === route.path)?.settings;
    return { route, governing: route.ingress, settings: settings ?? annotations.settings };
  }

  finish({ pem, ...rest }: { pem: string } & Pick<ProxyModel, 'entrance' | 'tcp'>): Rendered {
    const model: ProxyModel = {
      ...this.#routes.finish(),
      backends: this.#backends.all,
      hosts: this.#routes.hosts,
      certificates: this.#certified.finish(pem),
      userLists: this.#backends.userLists,
      endpointFiles: this.#backends.endpointFiles,
      passthrough: this.#passthrough,
      ...rest,
    };
    return { model, problems: this.#problems };
  }

  #addPath(ingress: Ingress, host: string, path: ParsedPath, options: { isQuiet?: boolean } = {}): void {
    if (options.isQuiet && this.#routes.find(host, path)) return;
    const targets = this.#targets(ingress, host, path);
    const isOurs = this.#routes.add({ ingress, host, kind: path.kind, path: path.path, ...targets }, options);
    const { passesTls, isRefused } = parseIngress(ingress).annotations;
    if (!isOurs || !passesTls || isRefused || host === anyHost || this.#passthrough.has(host)) return;
    this.#passthrough.set(host, this.#backends.backendOf(ingress, path.service, { settings: path.settings }));
  }

  /** The backends that a path's requests go to, in clear and over TLS. */
  #targets(ingress: Ingress, host: string, { path, service, settings }: ParsedPath): { clear: string; tls: string } {
    const { redirectsToTls, staysInClear, passesTls, isRefused } = parseIngress(ingress).annotations;
    if (isRefused) return { clear: refusingBackend, tls: refusingBackend };
    // Over TLS nobody gets here who has asked for the host by name.
    if (passesTls) return { clear: redirectBackend, tls: refusingBackend };
    const tls = this.#backends.backendOf(ingress, service, { settings });
    if (!this.#checksClients(ingress, host, tls)) return { clear: refusingBackend, tls: refusingBackend };
    const mustRedirect = redirectsToTls === 'always' || (redirectsToTls === 'with-tls' && hasTls(ingress, host));
    const isRedirected = mustRedirect && !staysInClear.some((start) => path.startsWith(start));
    return { tls, clear: isRedirected && tls !== refusingBackend ? redirectBackend : tls };
  }

  /** Clients' certificates are asked for by the name of the host, before there is a request. */
  #checksClients(ingress: Ingress, host: string, backend: string): boolean {
    const authority = this.#backends.all.get(backend)?.settings.clients?.authority;
    if (authority === undefined) return true;
    if (host !== anyHost && this.#certified.verify(host, authority)) return true;
    const why = host === anyHost ? 'it needs a host' : `${host} has that of an older ingress`;
    this.#complain(ingress, 'Refused', `not served: auth-tls-secret does not hold: ${why}`);
    return false;
  }

  #complain(ingress: Ingress, reason: string, message: string): void {
    this.#problems.push({ about: ingress, reason, message });
  }
}

function hasTls(ingress: Ingress, host: string): boolean {
  const { tls } = parseIngress(ingress);
  return tls.some(({ hosts }) => hosts.includes(host) || hosts.includes(host.replace(/^[^.]+/, '*')));
}

/** As the client came, to another name. */
function wwwRedirect(host: string, code: number): BackendSettings {
  const location = [
    ...[{ variable: 'scheme' }, { text: `://${host}` }, { variable: 'port-suffix' }, { variable: 'request-uri' }],
  ] as const;
  return { ...plainSettings, redirect: { location, code } };
}
