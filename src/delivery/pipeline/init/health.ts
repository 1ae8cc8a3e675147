/** How it is seen from outside whether an app is well. */
export interface Health {
  /** A path that answers 200 when it is well; undefined: none is known, and a connection has to do. */
  path: string | undefined;
  /** What requests must call the app by, where it refuses every other name. */
  host: string | undefined;
}

/** A path of its own for the question, as it stands in sources. */
const ownPath = /["'`](\/(?:healthz?|health-?check|livez|readyz|ping|up))\/?["'`]/;
/** A route of the root: `"/"`, Go's `"GET /"` and `"/{$}"`. */
const rootRoute = /["'`](?:(?:GET )?\/(?:\{\$\})?)["'`]/;
/** Routes of frameworks, and of Go's multiplexer: `.get("/items`, `@app.route("/items`, `HandleFunc("GET /items`. */
const anyRoute = /(?:\.(?:get|route|all|GET|Get)|\bHandle(?:Func)?)\(\s*["'`](?:GET )?\//;
/** What answers for every path that has no route: files, other routers' roots. */
const catchAll = /\bexpress\.static\(|\bFileServer\(|\bserveStatic\(/;

/** The path by which sources answer whether they are well; the root, unless all of their routes are below it. */
export function healthPathIn(texts: Iterable<string>, fallback?: string): string | undefined {
  const all = [...texts];
  for (const text of all) {
    const [, path] = ownPath.exec(text) ?? [];
    if (path !== undefined) return path;
  }
  const has = (pattern: RegExp): boolean => all.some((text) => pattern.test(text));
  return has(rootRoute) || has(catchAll) || !has(anyRoute) ? '/' : fallback;
}

/**
 * Django answers 400 to names that `ALLOWED_HOSTS` lacks, addresses of pods among them; an empty list stands for
 * localhost while it debugs (https://docs.djangoproject.com/en/stable/ref/settings/#allowed-hosts).
 */
export function djangoHealth({ settings, urls }: { settings: string; urls: string }): Health {
  const [, list = ''] = /^ALLOWED_HOSTS\s*=\s*\[([^\]]*)\]/m.exec(settings) ?? [];
  const hosts = [...list.matchAll(/["']([^"']+)["']/g)].map(([, host = '']) => host.replace(/^\./, ''));
  const host = hosts.includes('*') ? undefined : (hosts[0] ?? 'localhost');
  const [, own] = /["'^]((?:healthz?|health-?check|livez|readyz|ping|up)\/?)["'$]/.exec(urls) ?? [];
  if (own !== undefined) return { path: `/${own}`, host };
  if (urls === '' || /\bpath\(\s*["']["']|\br?["']\^\$["']/.test(urls)) return { path: '/', host };
  const [, admin] = /["'^]([\w-]+\/)["'][^)]*admin\.site\.urls/.exec(urls) ?? [];
  return { path: admin === undefined ? undefined : `/${admin}login/`, host };
}
