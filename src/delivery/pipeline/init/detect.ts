import { basename } from 'node:path';
import { parseDocument } from 'yaml';
import { djangoHealth, type Health, healthPathIn } from './health.ts';
import { nodeSite, type PackageFile, type Pages, pagesOf, parsed } from './sites.ts';

/** What a project seems to be, from the names of its files and what stands in some of them. */
export interface Detected {
  /** As a release may be called. */
  name: string;
  kind: ProjectKind;
  /** What was seen, for the person. */
  because: string;
  /** Where it listens. */
  port: number;
  health: Health;
  /** Command of its tests in the built image, where it has some. */
  test: string | undefined;
  /** Its own, by name. */
  dockerfile: string | undefined;
  composeFile: string | undefined;
}

export type ProjectKind =
  | {
      kind: 'python';
      framework: 'flask' | 'django' | 'fastapi' | 'plain';
      module: string;
      /** What of the module is served: a variable, or a call of what makes it. */
      application: string;
      requirements: string | undefined;
    }
  | {
      kind: 'node';
      /** The command that builds it. */
      build: string | undefined;
      lock: NodeLock | undefined;
      start: string;
      /** Where its pages are, of one that makes nothing else. */
      site: string | undefined;
    }
  | Pages
  | { kind: 'go'; version: string; main: string }
  | { kind: 'static'; directory: string }
  | { kind: 'compose'; builds: readonly ComposeBuild[]; published: { service: string; port: number } | undefined }
  | { kind: 'other' };

export type NodeLock = 'package-lock.json' | 'yarn.lock' | 'pnpm-lock.yaml';

/** A service of a compose file whose image is built. */
export interface ComposeBuild {
  service: string;
  context: string | undefined;
  dockerfile: string | undefined;
  target: string | undefined;
}

/** The files that are looked into; `names` has all of the top folder and of the folders in it. */
export interface ProjectFiles {
  directory: string;
  names: ReadonlySet<string>;
  read: (name: string) => string | undefined;
}

const composeNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];

/** Pure. */
export function detectProject(files: ProjectFiles): Detected {
  const { names } = files;
  const composeFile = composeNames.find((name) => names.has(name));
  const composed = composeFile === undefined ? undefined : composeOf(files.read(composeFile));
  const dockerfile = ['Dockerfile', 'Containerfile'].find((name) => files.read(name) !== undefined);
  const known = pages(files) ?? python(files) ?? node(files) ?? go(files) ?? staticSite(files);
  const found = known ?? (dockerfile === undefined ? compose(composeFile, composed) : undefined);
  const exposed = dockerfile && /^\s*EXPOSE\s+(\d+)/im.exec(files.read(dockerfile) ?? '')?.[1];
  const other: Found = {
    kind: { kind: 'other' },
    because: dockerfile ? `a ${dockerfile}` : 'nothing known',
    ...{ port: undefined, health: atRoot, test: undefined },
  };
  const { port, ...rest } = found ?? other;
  return {
    name: nameOf(files.directory),
    ...rest,
    port: exposed ? Number(exposed) : (composed?.published?.port ?? port ?? 8080),
    ...{ dockerfile, composeFile },
  };
}

type Found = Pick<Detected, 'kind' | 'because' | 'health' | 'test'> & { port: number | undefined };

const atRoot: Health = { path: '/', host: undefined };

function python({ names, read }: ProjectFiles): Found | undefined {
  const requirements = ['requirements.txt', 'pyproject.toml', 'Pipfile'].find((name) => names.has(name));
  // Packages lie in folders; the tests and what the project is set up with are no part of the app.
  const sources = [...names]
    .filter((name) => /^(?:[a-z_]\w*\/)?[a-z_]\w*\.py$/i.test(name) && !/^(?:tests?\/|setup\.py$)/.test(name))
    .toSorted((a, b) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1));
  if (!requirements && !sources.some((name) => depthOf(name) === 0)) return undefined;
  const needs = (requirements && read(requirements)) ?? '';
  const texts = new Map(sources.map((name) => [name, read(name) ?? '']));
  const mentions = (word: RegExp): boolean => word.test(needs) || [...texts.values()].some((text) => word.test(text));
  const hasTests = [...names].some((name) => /^(?:tests?\/)?(?:test_\w+|\w+_test)\.py$/.test(name));
  const test = hasTests ? pytest : undefined;
  const healthOf = (fallback?: string): Health => ({ path: healthPathIn(texts.values(), fallback), host: undefined });
  const kind = (
    framework: 'flask' | 'django' | 'fastapi' | 'plain',
    served: { module: string; application: string },
  ): Detected['kind'] => ({ kind: 'python', framework, ...served, requirements });
  if (names.has('manage.py') || mentions(/\bdjango\b/i)) {
    const module = /["']([\w.]+)\.settings(?:\.\w+)?["']/.exec(read('manage.py') ?? '')?.[1] ?? 'app';
    const textOf = (name: string): string => read(`${module.replaceAll('.', '/')}/${name}.py`) ?? '';
    const health = djangoHealth({ settings: textOf('settings'), urls: textOf('urls') });
    const djangoTest = hasTests || names.has('manage.py') ? 'python3 manage.py test' : undefined;
    const served = kind('django', { module, application: 'application' });
    return { kind: served, because: 'Django', port: 8000, test: djangoTest, health };
  }
  if (mentions(/\bfastapi\b/i)) {
    const served = kind('fastapi', servedBy(texts, 'FastAPI'));
    // Its own description is there although nothing is at the root.
    return { test, health: healthOf('/openapi.json'), kind: served, because: 'FastAPI', port: 8000 };
  }
  if (mentions(/\bflask\b/i)) {
    const served = servedBy(texts, 'Flask');
    const port = /\bport\s*=\s*(\d+)/.exec(texts.get(`${served.module}.py`) ?? '')?.[1];
    return {
      ...{ test, health: healthOf(), kind: kind('flask', served), because: 'Flask' },
      port: port ? Number(port) : 5000,
    };
  }
  const [first = 'main.py'] = ['main.py', 'app.py', ...sources].filter((name) => names.has(name));
  const because = `Python (${requirements ?? first})`;
  const [, port] = /(?:\bport\s*=\s*|\(\s*["'][\w.]*["']\s*,\s*)(\d{4,5})\b/i.exec(texts.get(first) ?? '') ?? [];
  const served = { module: moduleOf(first), application: '' };
  return { test, health: healthOf(), kind: kind('plain', served), because, port: port ? Number(port) : 8000 };
}

/** The image's user writes nothing into its directory. */
const pytest = 'python3 -m pytest -q -p no:cacheprovider';

function depthOf(name: string): number {
  return name.split('/').length - 1;
}

/** Where an application of a class is made: in a variable of a module, or by a function. */
function servedBy(texts: ReadonlyMap<string, string>, made: string): { module: string; application: string } {
  const variable = new RegExp(`^(\\w+)\\s*(?::\\s*\\w+\\s*)?=\\s*${made}\\(`, 'm');
  const factory = new RegExp(`^def\\s+(\\w+)\\(\\s*\\)[^]*?\\b${made}\\(`, 'm');
  for (const [file, text] of texts) {
    const name = variable.exec(text)?.[1];
    if (name !== undefined) return { module: moduleOf(file), application: name };
  }
  for (const [file, text] of texts) {
    const name = factory.exec(text)?.[1];
    if (name !== undefined) return { module: moduleOf(file), application: `${name}()` };
  }
  return { module: 'app', application: 'app' };
}

function moduleOf(file: string): string {
  return file.replace(/(?:\/__init__)?\.py$/, '').replaceAll('/', '.');
}

const locks: readonly NodeLock[] = ['package-lock.json', 'yarn.lock', 'pnpm-lock.yaml'];

function node(files: ProjectFiles): Found | undefined {
  const { names, read } = files;
  const text = read('package.json');
  if (text === undefined) return undefined;
  const given = parsed(text) as PackageFile;
  const { scripts = {}, main = 'index.js' } = given;
  const site = nodeSite(files, given);
  const sources = [main, 'server.js', 'src/index.js', 'src/server.js'].map((name) => read(name) ?? '');
  const port = sources.map((source) => /(?:\.listen\(\s*|\bPORT\s*(?:\|\||\?\?)\s*)["']?(\d{2,5})/.exec(source)?.[1]);
  // What `npm init` writes is no test.
  const hasTest = scripts['test'] !== undefined && !scripts['test'].includes('no test specified');
  return {
    kind: {
      ...{ kind: 'node', build: site?.build ?? (scripts['build'] === undefined ? undefined : 'npm run build') },
      lock: locks.find((name) => names.has(name)),
      start: scripts['start'] ? 'npm start' : `node ${main}`,
      site: site?.output,
    },
    because: site ? `package.json (${site.builder})` : 'package.json',
    port: site ? 80 : Number(port.find((found) => found !== undefined) ?? 3000),
    health: site ? atRoot : { path: healthPathIn(sources), host: undefined },
    // The image of pages has no Node.
    test: hasTest && !site ? 'npm test' : undefined,
  };
}

function pages(files: ProjectFiles): Found | undefined {
  const kind = pagesOf(files);
  if (!kind) return undefined;
  const because = { hugo: 'Hugo', jekyll: 'Jekyll', mkdocs: 'MkDocs' }[kind.builder];
  return { kind, because, port: 80, health: atRoot, test: undefined };
}

function go({ names, read }: ProjectFiles): Found | undefined {
  const text = read('go.mod');
  if (text === undefined) return undefined;
  const version = /^go\s+(\d+\.\d+)/m.exec(text)?.[1] ?? '1.24';
  const sources = [...names].filter((name) => name.endsWith('.go') && !name.endsWith('_test.go')).toSorted();
  const isMain = (name: string): boolean => /^package main\b/m.test(read(name) ?? '');
  const [file] = [...sources].sort((a, b) => depthOf(a) - depthOf(b)).filter(isMain);
  const main = file === undefined || depthOf(file) === 0 ? '.' : `./${file.slice(0, file.lastIndexOf('/'))}`;
  const texts = sources.map((name) => read(name) ?? '');
  const port = texts.map((source) => /"[\w.]*:(\d{2,5})"/.exec(source)?.[1]).find((found) => found !== undefined);
  return {
    kind: { kind: 'go', version, main },
    because: 'go.mod',
    ...{ port: Number(port ?? 8080), health: { path: healthPathIn(texts), host: undefined }, test: undefined },
  };
}

function staticSite({ names }: ProjectFiles): Found | undefined {
  const index = ['index.html', 'public/index.html', 'dist/index.html', 'site/index.html'].find((name) =>
    names.has(name),
  );
  if (index === undefined) return undefined;
  const directory = index.includes('/') ? (index.split('/')[0] as string) : '.';
  return { kind: { kind: 'static', directory }, because: index, port: 80, health: atRoot, test: undefined };
}

type Composed = Pick<Extract<ProjectKind, { kind: 'compose' }>, 'builds' | 'published'>;

function compose(file: string | undefined, composed: Composed | undefined): Found | undefined {
  if (file === undefined || composed === undefined) return undefined;
  return {
    kind: { kind: 'compose', ...composed },
    because: file,
    ...{ port: composed.published?.port, health: atRoot, test: undefined },
  };
}

/** What is built, and the port inside the container that the first service publishes. */
function composeOf(text: string | undefined): Composed | undefined {
  const { services } = (text !== undefined && plainCompose(text)) || {};
  if (typeof services !== 'object' || services === null || Array.isArray(services)) return undefined;
  const builds = Object.entries(services).flatMap(([service, settings]): ComposeBuild[] => {
    const { build } = settings ?? {};
    if (build === undefined) return [];
    const { context, dockerfile, target } = typeof build === 'string' ? { context: build } : (build ?? {});
    return [{ service, context, dockerfile, target }];
  });
  for (const [service, settings] of Object.entries(services)) {
    const [port] = settings?.ports ?? [];
    const isLong = typeof port === 'object' && port !== null;
    const inner = isLong
      ? (port as { target?: string | number }).target
      : portInside(port as string | number | undefined);
    if (/^\d+$/.test(String(inner))) return { builds, published: { service, port: Number(inner) } };
  }
  return { builds, published: undefined };
}

interface PlainService {
  ports?: unknown[];
  build?: string | { context?: string; dockerfile?: string; target?: string } | null;
}

/** Undefined for what is no YAML, or too much of it: `compose` says what is wrong with it. */
function plainCompose(text: string): { services?: Record<string, PlainService | null> } | undefined {
  const document = parseDocument(text, { logLevel: 'silent' });
  if (document.errors.length > 0) return undefined;
  try {
    return (document.toJS({ maxAliasCount: 100 }) as ReturnType<typeof plainCompose> | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** `127.0.0.1:8080:80/tcp` → `80` */
function portInside(port: string | number | undefined): string | undefined {
  return String(port ?? '')
    .split('/')[0]
    ?.split(':')
    .at(-1);
}

function nameOf(directory: string): string {
  const name = basename(directory)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[-\d]+|-+$/g, '')
    .slice(0, 40);
  return name === '' ? 'app' : name;
}
