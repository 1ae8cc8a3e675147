import type { ErrorObject } from 'ajv';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { parseGoDuration } from '../../api/go-duration.ts';
import { nearest } from '../compose/schema/nearest.ts';
import { ShipError } from './ship-error.ts';

/** What a `timonel.yaml` says (docs/ship.md), with its defaults. Paths are as written, relative to the file. */
export interface ShipFile {
  /** Of the release. */
  name: string;
  namespace?: string | undefined;
  /** `HOST[/PATH]`, `cluster`, `none`; undefined: the local cluster's own where it has one. */
  registry?: string | undefined;
  /** Give the cluster the login of the registry. */
  pullSecret: boolean;
  images: readonly ShipImage[];
  tests: readonly ShipTest[];
  deploy: ShipDeploy;
  checks: readonly ShipCheck[];
  watch: ShipWatch;
}

export interface ShipImage {
  key: string;
  context: string;
  dockerfile?: string | undefined;
  target?: string | undefined;
  args: Readonly<Record<string, string>>;
  secrets: readonly string[];
  platforms: readonly string[];
  /** Its name less registry and tag. */
  repository: string;
}

export interface ShipTest {
  /** What it is called where it is told of: its command, if it has no name. */
  name: string;
  run: string;
  /** A container of the built image, this machine, or a service of a compose file with all that it needs. */
  where: { kind: 'image'; image: string } | { kind: 'host' } | { kind: 'service'; service: string; compose?: string };
  environment: Readonly<Record<string, string>>;
  timeoutMs: number;
}

export type DeploySource =
  | { kind: 'chart'; path: string; values: Record<string, unknown>; valuesFiles: readonly string[] }
  | { kind: 'manifests'; paths: readonly string[] }
  | { kind: 'kustomization'; path: string }
  | { kind: 'compose'; path: string };

export type Strategy =
  | { type: 'rolling' }
  | { type: 'blue-green' }
  /** `weight`: percent of the requests that go to the new version. */
  | { type: 'canary'; steps: readonly { weight: number; pauseMs: number }[] };

export interface ShipDeploy {
  source: DeploySource;
  /** For each rollout, and for each check's first good answer. */
  timeoutMs: number;
  /** How many revisions are kept. */
  history: number;
  strategy: Strategy;
}

export interface ShipCheck {
  name: string;
  /** A service through the API server, or any URL; `connect` is the `HOST:PORT` to go to in place of the URL's own. */
  target:
    { kind: 'service'; service: string; port: string; path: string } | { kind: 'url'; url: string; connect?: string };
  /** Of the request, by names in lower case. */
  headers: Readonly<Record<string, string>>;
  status: number;
  contains?: string | undefined;
  timeoutMs: number;
}

export interface ShipWatch {
  sync: readonly { from: string; to: string; image?: string | undefined }[];
  ignore: readonly string[];
  forward: readonly { localPort: number; kind: string; name: string; port: string }[];
}

/** As it passed the schema. */
interface Raw {
  name: string;
  namespace?: string;
  registry?: string;
  pullSecret?: boolean;
  images?: Record<string, RawImage | null>;
  test?: RawTest[];
  deploy: RawDeploy;
  verify?: RawCheck[];
  watch?: { sync?: ShipWatch['sync']; ignore?: string[]; forward?: string[] };
}

type Scalars = Record<string, string | number | boolean>;
type RawImage = Partial<Omit<ShipImage, 'args' | 'key'>> & { args?: Scalars };

interface RawTest {
  name?: string;
  run: string;
  image?: string;
  host?: boolean;
  service?: string;
  compose?: string;
  environment?: Scalars;
  timeout?: string;
}

interface RawDeploy {
  chart?: string;
  values?: Record<string, unknown>;
  valuesFiles?: string[];
  manifests?: string[];
  kustomization?: string;
  compose?: string;
  timeout?: string;
  history?: number;
  strategy?: { type: Strategy['type']; steps?: { weight: number; pause?: string }[] };
}

interface RawCheck {
  name?: string;
  service?: string;
  port?: number | string;
  path?: string;
  url?: string;
  connect?: string;
  headers?: Record<string, string>;
  status?: number;
  contains?: string;
  timeout?: string;
}

const defaultRolloutMs = 300_000;
const defaultTestMs = 600_000;
const defaultCheckMs = 60_000;
const defaultHistory = 10;
/** A twentieth, half, and all of it; each half a minute. */
const defaultSteps = [
  { weight: 5, pauseMs: 30_000 },
  { weight: 50, pauseMs: 30_000 },
];

type Path = readonly (string | number)[];

/**
 * Reads a `timonel.yaml`; `source` is its name in errors. Rejects with {@link ShipError}, which tells every mistake with
 * file, line and key.
 */
export async function readShipFile(text: string, source: string): Promise<ShipFile> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax) throw new ShipError(`${source}:${lines.linePos(syntax.pos[0]).line}: ${syntax.message}`);
  const locate = (path: Path): string => `${source}:${lineOf(document, lines, path)}: `;
  const value = toPlain(document, source);
  const { validateShipFile: validate } = await import('./ship-validator.ts');
  if (!validate(value)) {
    const told = (validate.errors ?? []).map((error) => describe(error, locate));
    throw new ShipError([...new Set(told)].join('\n'), { hint: 'What may stand there: docs/ship.md' });
  }
  return new Reader(value as Raw, locate).read();
}

function toPlain(document: Document, source: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 1000 }) as unknown;
  } catch (error) {
    throw new ShipError(`${source}: ${(error as Error).message}`);
  }
}

/** The line of what a path names: of its key, where it has one. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let at: unknown = document.contents;
  let offset = startOf(at) ?? 0;
  for (const part of path) {
    const pair = isMap(at) ? at.items.find(({ key }) => isScalar(key) && key.value === part) : undefined;
    const inner: unknown = pair
      ? pair.value
      : (at as { get?: (key: unknown, keep: boolean) => unknown } | null)?.get?.(part, true);
    offset = startOf(pair ? pair.key : inner) ?? offset;
    at = inner;
  }
  return lines.linePos(offset).line;
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] | null } | null | undefined)?.range?.[0];
}

function describe(error: ErrorObject, locate: (path: Path) => string): string {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => decodeURIComponent(part.replaceAll('~1', '/').replaceAll('~0', '~')));
  const parts: Path = path.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const { additionalProperty, missingProperty, allowedValues } = error.params as Record<string, unknown>;
  if (typeof additionalProperty === 'string') {
    const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
    const like = nearest(additionalProperty, known);
    const key = [...parts, additionalProperty];
    return `${locate(key)}${keyText(key)}: there is no such key${like ? ` (${like}?)` : ''}`;
  }
  if (typeof missingProperty === 'string') {
    const key = keyText(parts);
    return `${locate(parts)}${key ? `${key}: ` : ''}${missingProperty} is missing`;
  }
  const words = Array.isArray(allowedValues) ? `must be one of ${allowedValues.join(', ')}` : plainWords(error);
  return `${locate(parts)}${parts.length > 0 ? `${keyText(parts)}: ` : ''}${words}`;
}

function plainWords({ keyword, message = '', schemaPath, params }: ErrorObject): string {
  if (keyword !== 'pattern') return message;
  if (schemaPath.includes('duration')) return 'must be a duration, like 30s or 5m';
  return `must match ${String((params as { pattern: string }).pattern)}`;
}

/** `deploy.strategy.steps[0].weight` */
function keyText(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

function milliseconds(text: string | undefined, fallback: number): number {
  const nanos = text === undefined ? undefined : parseGoDuration(text);
  return nanos === undefined ? fallback : nanos / 1e6;
}

const textsOf = (scalars: Scalars = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(scalars).map(([key, value]) => [key, String(value)]));

/** Gives what passed the schema its defaults, and checks what a schema cannot say well. */
class Reader {
  readonly #raw: Raw;
  readonly #locate: (path: Path) => string;

  constructor(raw: Raw, locate: (path: Path) => string) {
    this.#raw = raw;
    this.#locate = locate;
  }

  read(): ShipFile {
    const { name, namespace, registry, pullSecret = false, test = [], verify = [], watch = {} } = this.#raw;
    // Not repeated: it may be a password.
    if (registry?.includes('@')) this.#fail(['registry'], 'is HOST/PATH; logins are kept by timonel login');
    if (registry?.includes('://')) this.#fail(['registry'], `is HOST/PATH, without ${registry.split('://')[0]}://`);
    return {
      ...{ name, namespace, registry, pullSecret },
      images: this.#images(),
      tests: test.map((each, index) => this.#test(each, ['test', index])),
      deploy: this.#deploy(this.#raw.deploy),
      checks: verify.map((each, index) => this.#check(each, ['verify', index])),
      watch: {
        sync: (watch.sync ?? []).map((each, index) => {
          if (each.image !== undefined) this.#requireImage(each.image, ['watch', 'sync', index, 'image']);
          return each;
        }),
        ignore: watch.ignore ?? [],
        forward: (watch.forward ?? []).map(parseForward),
      },
    };
  }

  #fail(path: Path, message: string): never {
    throw new ShipError(`${this.#locate(path)}${keyText(path)}: ${message}`, {
      hint: 'What may stand there: docs/ship.md',
    });
  }

  #images(): ShipImage[] {
    return Object.entries(this.#raw.images ?? {}).map(([key, image]) => ({
      key,
      context: image?.context ?? '.',
      dockerfile: image?.dockerfile,
      target: image?.target,
      args: textsOf(image?.args),
      secrets: image?.secrets ?? [],
      platforms: image?.platforms ?? [],
      repository: image?.repository ?? key,
    }));
  }

  #requireImage(key: string, path: Path): string {
    const keys = Object.keys(this.#raw.images ?? {});
    if (keys.includes(key)) return key;
    this.#fail(
      path,
      keys.length === 0 ? 'there are no images' : `there is no image ${key}; there are: ${keys.join(', ')}`,
    );
  }

  #test(test: RawTest, path: Path): ShipTest {
    const { run, image, host, service, compose } = test;
    const places = [image !== undefined && 'image', host && 'host', service !== undefined && 'service'].filter(Boolean);
    if (places.length > 1) this.#fail(path, `a test runs in one place, not in ${places.join(' and ')}`);
    return {
      ...{ name: test.name ?? run, run },
      where: this.#placeOf({ image, host, service, compose }, path),
      environment: textsOf(test.environment),
      timeoutMs: milliseconds(test.timeout, defaultTestMs),
    };
  }

  #placeOf(
    { image, host, service, compose }: Pick<RawTest, 'image' | 'host' | 'service' | 'compose'>,
    path: Path,
  ): ShipTest['where'] {
    if (host) return { kind: 'host' };
    if (service !== undefined) return { kind: 'service', service, ...(compose !== undefined && { compose }) };
    if (image !== undefined) return { kind: 'image', image: this.#requireImage(image, [...path, 'image']) };
    const [first] = Object.keys(this.#raw.images ?? {});
    if (first === undefined) this.#fail(path, 'there is no image to run it in: name images, or say host: true');
    return { kind: 'image', image: first };
  }

  #deploy(deploy: RawDeploy): ShipDeploy {
    const named = (['chart', 'manifests', 'kustomization', 'compose'] as const).filter(
      (kind) => deploy[kind] !== undefined,
    );
    if (named.length !== 1) {
      const what = 'one of chart, manifests, kustomization and compose';
      this.#fail(
        ['deploy'],
        named.length === 0 ? `${what} is missing` : `${what} is meant, not ${named.join(' and ')}`,
      );
    }
    for (const key of ['values', 'valuesFiles'] as const) {
      if (deploy[key] && deploy.chart === undefined) this.#fail(['deploy', key], 'only a chart takes values');
    }
    return {
      source: sourceOf(deploy),
      timeoutMs: milliseconds(deploy.timeout, defaultRolloutMs),
      history: deploy.history ?? defaultHistory,
      strategy: this.#strategy(deploy.strategy ?? { type: 'rolling' }),
    };
  }

  #strategy({ type, steps }: NonNullable<RawDeploy['strategy']>): Strategy {
    if (type !== 'canary') {
      if (steps) this.#fail(['deploy', 'strategy', 'steps'], `only a canary has steps, not ${type}`);
      return { type };
    }
    if (!steps) return { type, steps: defaultSteps };
    const wrong = steps.findIndex(({ weight }, i) => i > 0 && weight <= (steps[i - 1]?.weight ?? 0));
    if (wrong > 0)
      this.#fail(['deploy', 'strategy', 'steps', wrong, 'weight'], 'must be more than the step before has');
    return { type, steps: steps.map(({ weight, pause }) => ({ weight, pauseMs: milliseconds(pause, 0) })) };
  }

  #check(check: RawCheck, path: Path): ShipCheck {
    const { service, url, status = 200, contains } = check;
    if ((service === undefined) === (url === undefined)) this.#fail(path, 'a check names either a service or a url');
    const target: ShipCheck['target'] =
      url === undefined
        ? { kind: 'service', service: service ?? '', port: String(check.port ?? ''), path: check.path ?? '/' }
        : { kind: 'url', url, ...(check.connect !== undefined && { connect: check.connect }) };
    if (url !== undefined) {
      for (const key of ['port', 'path'] as const) {
        if (check[key] !== undefined) this.#fail([...path, key], 'belongs into the url');
      }
    }
    const words =
      withoutPassword(url) ?? `${service}${check.port === undefined ? '' : `:${check.port}`}${check.path ?? '/'}`;
    return {
      name: check.name ?? words,
      ...{ target, headers: lowerCased(check.headers ?? {}), status, contains },
      timeoutMs: milliseconds(check.timeout, defaultCheckMs),
    };
  }
}

function sourceOf({ chart, manifests, kustomization, compose, values, valuesFiles }: RawDeploy): DeploySource {
  if (chart !== undefined) return { kind: 'chart', path: chart, values: values ?? {}, valuesFiles: valuesFiles ?? [] };
  if (manifests) return { kind: 'manifests', paths: manifests };
  return kustomization === undefined
    ? { kind: 'compose', path: compose ?? '' }
    : { kind: 'kustomization', path: kustomization };
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function parseForward(text: string): ShipWatch['forward'][number] {
  const [local = '', target = '', port = ''] = text.split(':');
  const [kind = '', name = ''] = target.split('/');
  return { localPort: Number(local), kind, name, port };
}

/** What is told of a URL: names stand in logs and records. What is in a query may be a token. */
function withoutPassword(url: string | undefined): string | undefined {
  return url?.replace(/^(\w+:\/\/[^/?#]*?:)[^/?#]*@/, '$1***@').replaceAll(/([?&][^=&#]*=)[^&#]+/g, '$1***');
}
