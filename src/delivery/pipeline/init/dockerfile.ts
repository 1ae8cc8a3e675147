import type { Detected } from './detect.ts';

/** A Dockerfile for a project that has none; undefined where nobody knows what it would be. Pure. */
export function renderDockerfile({ kind, port, test }: Detected): string | undefined {
  switch (kind.kind) {
    case 'python':
      return pythonDockerfile(kind, { port, hasTests: test !== undefined });
    case 'node':
      return nodeDockerfile(kind, port);
    case 'go':
      return goDockerfile(kind.version, port);
    case 'static':
      return lines('FROM nginx:1.29-alpine', `COPY ${kind.directory} /usr/share/nginx/html`, `EXPOSE ${port}`);
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
    static: ['node_modules'],
    other: [],
  };
  const common = ['.git', '.gitignore', '.dockerignore', '.env', '.env.*', 'timonel.yaml', 'chart', '*.log', ...ci];
  return lines(...common, ...own[kind.kind]);
}

const ci = ['.github', '.gitlab-ci.yml'];

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

type Python = Extract<Detected['kind'], { kind: 'python' }>;

function pythonDockerfile(
  { framework, module, requirements }: Python,
  { port, hasTests }: { port: number; hasTests: boolean },
): string {
  const server = { flask: 'gunicorn', django: 'gunicorn', fastapi: 'uvicorn', plain: undefined }[framework];
  const tools = [server, hasTests && framework !== 'django' ? 'pytest' : undefined].filter(
    (tool) => tool !== undefined,
  );
  const install = requirements === 'requirements.txt' ? '-r requirements.txt' : requirements === undefined ? '' : '.';
  const copied = requirements === 'requirements.txt' ? ['COPY requirements.txt .'] : [];
  const packages = [install, ...tools].filter((word) => word !== '');
  const run = packages.length > 0 ? [`RUN pip install --no-cache-dir ${packages.join(' ')}`] : [];
  const command: Record<Python['framework'], readonly string[]> = {
    flask: ['gunicorn', '--bind', `0.0.0.0:${port}`, `${module}:app`],
    django: ['gunicorn', '--bind', `0.0.0.0:${port}`, `${module}.wsgi`],
    fastapi: ['uvicorn', '--host', '0.0.0.0', '--port', String(port), `${module}:app`],
    plain: ['python3', `${module}.py`],
  };
  // A project file is installed together with the project; a list of requirements can go before it, and is cached.
  const body = install === '.' ? ['COPY . .', ...run] : [...copied, ...run, 'COPY . .'];
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

function nodeDockerfile(
  { hasBuild, hasLock, start }: Extract<Detected['kind'], { kind: 'node' }>,
  port: number,
): string {
  return lines(
    'FROM node:22-slim',
    'WORKDIR /app',
    hasLock ? 'COPY package.json package-lock.json ./' : 'COPY package.json ./',
    hasLock ? 'RUN npm ci' : 'RUN npm install',
    'COPY . .',
    ...(hasBuild ? ['RUN npm run build'] : []),
    `ENV PORT=${port} NODE_ENV=production`,
    `EXPOSE ${port}`,
    'USER node',
    `CMD ${JSON.stringify(start.split(' ')).replaceAll(',', ', ')}`,
  );
}

function goDockerfile(version: string, port: number): string {
  return lines(
    `FROM golang:${version} AS build`,
    'WORKDIR /src',
    'COPY go.* ./',
    'RUN go mod download',
    'COPY . .',
    'RUN go vet ./... && go test ./... && CGO_ENABLED=0 go build -o /app .',
    '',
    'FROM scratch',
    'COPY --from=build /app /app',
    `EXPOSE ${port}`,
    'USER 65534',
    'ENTRYPOINT ["/app"]',
  );
}
