import { createHash } from 'node:crypto';
import type { Ingress } from '../../api/types/networking-v1.ts';
import { keyOf } from '../../client/informer.ts';
import type { CanaryRule } from './annotations/canary.ts';
import { escapeExpression } from './expression.ts';
import { anyHost, type Canary, type RouteTable, routeKey } from './model.ts';
import type { ParsedPath, PathKind } from './parse.ts';
import type { Complain } from './problem.ts';

/** Where the requests for a host and path go. */
export interface Route {
  /** Whose it is. */
  ingress: Ingress;
  host: string;
  kind: PathKind;
  path: string;
  /** Backends, in clear and over TLS. */
  clear: string;
  tls: string;
}

/** Who has which host and path: whoever came first. */
export class Routes {
  readonly #complain: Complain;
  readonly #routes = new Map<string, Route>();
  readonly #canaries = new Map<string, Canary>();
  readonly #hosts = new Set<string>();

  constructor(complain: Complain) {
    this.#complain = complain;
  }

  get hosts(): ReadonlySet<string> {
    return this.#hosts;
  }

  addHost(host: string): void {
    if (host !== anyHost) this.#hosts.add(host);
  }

  /** False when somebody else has it already, which is said unless they mean the same. */
  add(route: Route, options: { isQuiet?: boolean } = {}): boolean {
    const key = keyOfPath(route.host, route);
    const owner = this.#routes.get(key);
    if (!owner) {
      this.#routes.set(key, route);
      return true;
    }
    if (!options.isQuiet && owner.tls !== route.tls) {
      const where = `${route.host === anyHost ? '' : route.host}${route.path}`;
      const other = keyOf(owner.ingress);
      this.#complain(route.ingress, 'Conflict', `${where} is already served for ingress ${other}, which is older`);
    }
    return false;
  }

  find(host: string, path: Pick<ParsedPath, 'kind' | 'path'>): Route | undefined {
    return this.#routes.get(keyOfPath(host, path));
  }

  /** Part of a route's requests go to another backend from now on. False when a canary has them already. */
  split(route: Route, options: { backend: string; rule: CanaryRule; owner: Ingress; stickyCookie?: string }): boolean {
    if (this.#canaries.has(route.tls)) return false;
    const { backend, rule, owner, stickyCookie } = options;
    const key = keyOfPath(route.host, route);
    const digest = createHash('sha256').update(key).digest('hex').slice(0, 10);
    const name = `split:${keyOf(owner).replace('/', ':')}:${digest}`;
    this.#canaries.set(name, {
      main: route.tls,
      backend,
      ...rule,
      ...(stickyCookie !== undefined && { stickyCookie }),
    });
    // What is sent to TLS first is split there.
    const clear = route.clear === route.tls ? name : route.clear;
    this.#routes.set(key, { ...route, clear, tls: name });
    return true;
  }

  /** A host with an expression has nothing but expressions: the longest one decides, as in nginx. */
  finish(): { clear: RouteTable; tls: RouteTable; canaries: ReadonlyMap<string, Canary> } {
    const all = [...this.#routes.values()];
    const odd = new Set(all.filter(({ kind }) => kind === 'expression').map(({ host }) => host));
    const plain = [...this.#routes].filter(([, { host }]) => !odd.has(host));
    const expressions = all
      .filter(({ host }) => odd.has(host))
      .toSorted((a, b) => Number(b.kind === 'exact') - Number(a.kind === 'exact') || b.path.length - a.path.length);
    const table = (kind: 'clear' | 'tls'): RouteTable => ({
      paths: new Map(plain.map(([key, route]) => [key, route[kind]])),
      expressions: expressions.map((route) => [expressionOf(route), route[kind]] as const),
    });
    return { clear: table('clear'), tls: table('tls'), canaries: this.#canaries };
  }
}

function keyOfPath(host: string, { kind, path }: Pick<ParsedPath, 'kind' | 'path'>): string {
  return kind === 'expression' ? `${host}~${path}` : routeKey[kind](host, path);
}

/** Over host and path; expressions of ingresses without regard to case, as nginx has them. */
function expressionOf({ host, kind, path }: Route): string {
  const start = `^${escapeExpression(host)}`;
  switch (kind) {
    case 'expression':
      return `(?i)${start}(?:${path})`;
    case 'exact':
      return `${start}${escapeExpression(path)}$`;
    case 'prefix':
      return `${start}${escapeExpression(path.replace(/\/+$/, ''))}(?:/|$)`;
    case 'begin':
      return `${start}${escapeExpression(path)}`;
  }
}
