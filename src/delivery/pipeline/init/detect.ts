import { basename } from 'node:path';
import { parseDocument } from 'yaml';

/** What a project seems to be, from the names of its files and what stands in some of them. */
export interface Detected {
  /** As a release may be called. */
  name: string;
  kind: ProjectKind;
  /** What was seen, for the person. */
  because: string;
  /** Where it listens. */
  port: number;
  /** A path that answers when it is well. */
  healthPath: string;
  /** Command of its tests in the built image, where it has some. */
  test: string | undefined;
  hasDockerfile: boolean;
  composeFile: string | undefined;
}

export type ProjectKind =
  | {
      kind: 'python';
      framework: 'flask' | 'django' | 'fastapi' | 'plain';
      module: string;
      requirements: string | undefined;
    }
  | { kind: 'node'; hasBuild: boolean; hasLock: boolean; start: string }
  | { kind: 'go'; version: string }
  | { kind: 'static'; directory: string }
  | { kind: 'other' };

/** The files that are looked into; `names` has all of the top folder, and those of `tests/`, `public/` and the like. */
export interface ProjectFiles {
  directory: string;
  names: ReadonlySet<string>;
  read: (name: string) => string | undefined;
}

const composeNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];

/** Pure. */
export function detectProject(files: ProjectFiles): Detected {
  const { names } = files;
  const found = python(files) ?? node(files) ?? go(files) ?? staticSite(files);
  const dockerfile = files.read('Dockerfile');
  const exposed = dockerfile && /^\s*EXPOSE\s+(\d+)/im.exec(dockerfile)?.[1];
  const composeFile = composeNames.find((name) => names.has(name));
  const port = exposed ? Number(exposed) : (composePort(composeFile && files.read(composeFile)) ?? found?.port ?? 8080);
  const other = {
    kind: { kind: 'other' as const },
    because: dockerfile ? 'a Dockerfile' : 'nothing known',
    healthPath: '/',
  };
  return {
    name: nameOf(files.directory),
    ...(found ?? { ...other, test: undefined }),
    port,
    hasDockerfile: dockerfile !== undefined,
    composeFile,
  };
}

type Found = Pick<Detected, 'kind' | 'because' | 'port' | 'healthPath' | 'test'>;

function python({ names, read }: ProjectFiles): Found | undefined {
  const requirements = ['requirements.txt', 'pyproject.toml', 'Pipfile'].find((name) => names.has(name));
  const sources = [...names].filter((name) => /^[a-z_]\w*\.py$/i.test(name)).toSorted();
  if (!requirements && sources.length === 0) return undefined;
  const needs = (requirements && read(requirements)) ?? '';
  const texts = new Map(sources.map((name) => [name, read(name) ?? '']));
  const mentions = (word: RegExp): boolean => word.test(needs) || [...texts.values()].some((text) => word.test(text));
  const source = (word: RegExp): string | undefined => sources.find((name) => word.test(texts.get(name) ?? ''));
  const hasTests = [...names].some((name) => /^(?:tests?\/)?(?:test_\w+|\w+_test)\.py$/.test(name));
  const test = hasTests ? 'python3 -m pytest -q' : undefined;
  const common = { test, healthPath: '/' };
  const kind = (framework: 'flask' | 'django' | 'fastapi' | 'plain', module: string): Detected['kind'] => ({
    kind: 'python',
    framework,
    module,
    requirements,
  });
  if (names.has('manage.py') || mentions(/\bdjango\b/i)) {
    const module = /["']([\w.]+)\.settings["']/.exec(read('manage.py') ?? '')?.[1] ?? 'app';
    const djangoTest = hasTests || names.has('manage.py') ? 'python3 manage.py test' : undefined;
    return { ...common, kind: kind('django', module), because: 'Django', port: 8000, test: djangoTest };
  }
  if (mentions(/\bfastapi\b/i)) {
    return { ...common, kind: kind('fastapi', moduleOf(source(/FastAPI\(/))), because: 'FastAPI', port: 8000 };
  }
  if (mentions(/\bflask\b/i)) {
    const module = moduleOf(source(/Flask\(/));
    const port = /\bport\s*=\s*(\d+)/.exec(texts.get(`${module}.py`) ?? '')?.[1];
    return { ...common, kind: kind('flask', module), because: 'Flask', port: port ? Number(port) : 5000 };
  }
  const [first = 'main.py'] = ['main.py', 'app.py', ...sources].filter((name) => names.has(name));
  return { ...common, kind: kind('plain', moduleOf(first)), because: `Python (${requirements ?? first})`, port: 8000 };
}

function moduleOf(file: string | undefined): string {
  return (file ?? 'app.py').replace(/\.py$/, '');
}

function node({ names, read }: ProjectFiles): Found | undefined {
  const text = read('package.json');
  if (text === undefined) return undefined;
  const { scripts = {}, main } = parsed(text) as { scripts?: Record<string, string>; main?: string };
  const hasLock = names.has('package-lock.json');
  const start = scripts['start'] ? 'npm start' : `node ${main ?? 'index.js'}`;
  // What `npm init` writes is no test.
  const hasTest = scripts['test'] !== undefined && !scripts['test'].includes('no test specified');
  return {
    kind: { kind: 'node', hasBuild: scripts['build'] !== undefined, hasLock, start },
    because: 'package.json',
    ...{ port: 3000, healthPath: '/', test: hasTest ? 'npm test' : undefined },
  };
}

function parsed(text: string): object {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}

function go({ read }: ProjectFiles): Found | undefined {
  const text = read('go.mod');
  if (text === undefined) return undefined;
  const version = /^go\s+(\d+\.\d+)/m.exec(text)?.[1] ?? '1.24';
  return { kind: { kind: 'go', version }, because: 'go.mod', port: 8080, healthPath: '/', test: undefined };
}

function staticSite({ names }: ProjectFiles): Found | undefined {
  const index = ['index.html', 'public/index.html', 'dist/index.html', 'site/index.html'].find((name) =>
    names.has(name),
  );
  if (index === undefined) return undefined;
  const directory = index.includes('/') ? (index.split('/')[0] as string) : '.';
  return { kind: { kind: 'static', directory }, because: index, port: 80, healthPath: '/', test: undefined };
}

/** The port inside the container that the first service publishes. */
function composePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const { services = {} } = plainCompose(text) ?? {};
  for (const service of Object.values(services)) {
    const [port] = service?.ports ?? [];
    const isLong = typeof port === 'object' && port !== null;
    const inner = isLong
      ? (port as { target?: string | number }).target
      : portInside(port as string | number | undefined);
    if (/^\d+$/.test(String(inner))) return Number(inner);
  }
  return undefined;
}

/** Undefined for what is no YAML, or too much of it: `compose` says what is wrong with it. */
function plainCompose(text: string): { services?: Record<string, { ports?: unknown[] }> } | undefined {
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
