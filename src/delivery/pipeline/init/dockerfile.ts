import type { Detected, NodeLock } from './detect.ts';
import type { Pages } from './sites.ts';

/** A Dockerfile for a project that has none; undefined where nobody knows what it would be. Pure. */
export function renderDockerfile({ kind, port, test }: Detected): string | undefined {
  switch (kind.kind) {
    case 'python':
      return pythonDockerfile(kind, { port, hasTests: test !== undefined });
    case 'node':
      return nodeDockerfile(kind, port);
    case 'go':
      return goDockerfile(kind, port);
    case 'pages':
      return pagesDockerfile(kind, port);
    case 'static':
      return lines(`FROM ${pageServer}`, `COPY ${kind.directory} /usr/share/nginx/html`, `EXPOSE ${port}`);
    case 'compose':
    case 'other':
      return undefined;
  }
}

/** What no image needs, and what would change its digest for nothing. Pure. */
export function renderDockerignore({ kind }: Detected): string {
  const own: Record<Detected['kind']['kind'], readonly string[]> = {
    python: ['**/__pycache__', '**/*.pyc', '.venv', 'venv', '.pytest_cache', '.mypy_cache'],
    node: ['node_modules', 'npm-debug.log', 'coverage'],
    go: ['bin', '*.test'],
    pages: kind.kind === 'pages' ? [kind.output, 'node_modules', 'Dockerfile'] : [],
    static: ['node_modules', 'Dockerfile'],
    compose: [],
    other: [],
  };
  const common = ['.git', '.gitignore', '.dockerignore', '.env', '.env.*', 'timonel.yaml', 'chart', '*.log', ...ci];
  return lines(...common, ...own[kind.kind]);
}

/** Of all that serve pages, the best known. */
const pageServer = 'nginx:1.29-alpine';
const ci = ['.github', '.gitlab-ci.yml'];

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

type Python = Extract<Detected['kind'], { kind: 'python' }>;

function pythonDockerfile(
  { framework, module, application, requirements }: Python,
  { port, hasTests }: { port: number; hasTests: boolean },
): string {
  const server = { flask: 'gunicorn', django: 'gunicorn', fastapi: 'uvicorn', plain: undefined }[framework];
  const tools = [server, hasTests && framework !== 'django' ? 'pytest' : undefined].filter(
    (tool) => tool !== undefined,
  );
  const byFile: Record<string, string> = {
    'requirements.txt': '-r requirements.txt',
    'pyproject.toml': '.',
    Pipfile: '',
  };
  const install = byFile[requirements ?? ''] ?? '';
  const isList = requirements === 'requirements.txt';
  const packages = [install, ...(requirements === 'Pipfile' ? ['pipenv'] : []), ...tools].filter((word) => word !== '');
  const run = [
    ...(packages.length > 0 ? [`RUN pip install --no-cache-dir ${packages.join(' ')}`] : []),
    ...(requirements === 'Pipfile' ? ['RUN pipenv install --system'] : []),
  ];
  const uvicorn = application.endsWith('()')
    ? ['--factory', `${module}:${application.slice(0, -2)}`]
    : [`${module}:${application}`];
  const command: Record<Python['framework'], readonly string[]> = {
    flask: ['gunicorn', '--bind', `0.0.0.0:${port}`, `${module}:${application}`],
    django: ['gunicorn', '--bind', `0.0.0.0:${port}`, `${module}.wsgi`],
    fastapi: ['uvicorn', '--host', '0.0.0.0', '--port', String(port), ...uvicorn],
    plain: ['python3', '-m', module],
  };
  // A project file is installed together with the project; a list of requirements can go before it, and is cached.
  const body = isList ? ['COPY requirements.txt .', ...run, 'COPY . .'] : ['COPY . .', ...run];
  return lines(
    'FROM python:3.13-slim',
    'ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1',
    'WORKDIR /app',
    ...body,
    `EXPOSE ${port}`,
    'USER 65534',
    `CMD ${JSON.stringify(command[framework]).replaceAll(',', ', ')}`,
  );
}

const nodeInstalls: Readonly<Record<NodeLock, string>> = {
  'package-lock.json': 'npm ci',
  'yarn.lock': 'corepack enable && yarn install --frozen-lockfile',
  'pnpm-lock.yaml': 'corepack enable && pnpm install --frozen-lockfile',
};

function nodeDockerfile(
  { build: buildCommand, lock, start, site }: Extract<Detected['kind'], { kind: 'node' }>,
  port: number,
): string {
  const build = [
    'WORKDIR /app',
    `COPY package.json ${lock === undefined ? '' : `${lock} `}./`,
    `RUN ${lock === undefined ? 'npm install' : nodeInstalls[lock]}`,
    'COPY . .',
    ...(buildCommand === undefined ? [] : [`RUN ${buildCommand}`]),
  ];
  if (site !== undefined) {
    return lines('FROM node:22-slim AS build', ...build, '', ...servedFrom(site, port));
  }
  return lines(
    'FROM node:22-slim',
    ...build,
    `ENV PORT=${port} NODE_ENV=production`,
    `EXPOSE ${port}`,
    // The image's own user `node`, by the number that clusters ask for.
    'USER 1000',
    `CMD ${JSON.stringify(start.split(' ')).replaceAll(',', ', ')}`,
  );
}

function servedFrom(site: string, port: number): string[] {
  return [`FROM ${pageServer}`, `COPY --from=build /app/${site} /usr/share/nginx/html`, `EXPOSE ${port}`];
}

function pagesDockerfile(pages: Pages, port: number): string {
  const { builder, output } = pages;
  const steps = { hugo: hugoSteps, jekyll: jekyllSteps, mkdocs: mkdocsSteps }[builder](pages);
  return lines(...steps, '', ...servedFrom(output, port));
}

const installed = (packages: string): string =>
  `RUN apt-get update && apt-get install -y --no-install-recommends ${packages} && rm -rf /var/lib/apt/lists/*`;

/** Debian's is the one with Sass in it. Modules and versions of pages come from git. */
function hugoSteps(): string[] {
  const packages = installed('hugo golang-go git ca-certificates');
  return ['FROM debian:trixie-slim AS build', packages, 'WORKDIR /app', 'COPY . .', 'RUN hugo --minify'];
}

/** Some gems are compiled. */
function jekyllSteps({ needs, packages }: Pages): string[] {
  const jekyll = needs === undefined ? 'jekyll' : 'bundle exec jekyll';
  return [
    ...['FROM ruby:3.4-slim AS build', installed('build-essential git'), 'WORKDIR /app'],
    ...(needs === undefined ? [`RUN gem install ${packages.join(' ')}`] : ['COPY Gemfile* ./', 'RUN bundle install']),
    ...['COPY . .', `RUN JEKYLL_ENV=production ${jekyll} build`],
  ];
}

function mkdocsSteps({ needs, packages }: Pages): string[] {
  const install = [...(needs === undefined ? [] : [`-r ${needs}`]), ...packages].join(' ');
  return [
    ...['FROM python:3.13-slim AS build', 'WORKDIR /app'],
    ...(needs === undefined ? [] : [`COPY ${needs} ${needs}`]),
    ...[`RUN pip install --no-cache-dir ${install}`, 'COPY . .', 'RUN mkdocs build'],
  ];
}

function goDockerfile({ version, main }: Extract<Detected['kind'], { kind: 'go' }>, port: number): string {
  return lines(
    `FROM golang:${version} AS build`,
    // What is built runs without a C library; its tests are compiled in the same way, and so need no C compiler.
    'ENV CGO_ENABLED=0',
    'WORKDIR /src',
    'COPY go.* ./',
    'RUN go mod download',
    'COPY . .',
    `RUN go vet ./... && go test ./... && go build -o /app ${main}`,
    '',
    'FROM scratch',
    'COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/',
    'COPY --from=build /app /app',
    `EXPOSE ${port}`,
    'USER 65534',
    'ENTRYPOINT ["/app"]',
  );
}
