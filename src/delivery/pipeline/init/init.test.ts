import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startTestApiServer } from '../../../../test/support/api-server.ts';
import type { KubeObject } from '../../../api/object.ts';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock } from '../../../base/simulated-clock.ts';
import { createResourceMapper } from '../../apply/resource-mapper.ts';
import { unpackChart } from '../../charts/chart/archive.ts';
import { loadFiles } from '../../charts/chart/load-files.ts';
import { offlineCapabilities } from '../../charts/render/capabilities.ts';
import { prepareRelease } from '../../charts/render/prepare.ts';
import { readShipFile } from '../ship-file.ts';
import { renderCi } from './ci.ts';
import { type Detected, detectProject } from './detect.ts';
import { renderDockerfile } from './dockerfile.ts';
import { newFiles } from './ship-project.ts';

const detect = (files: Record<string, string>, directory = '/src/My_Shop'): Detected =>
  detectProject({ directory, names: new Set(Object.keys(files)), read: (name) => files[name] });
const flask = {
  'requirements.txt': 'flask\n',
  'web.py': 'from flask import Flask\napp = Flask(__name__)\napp.run(port=5001)\n',
  'tests/test_web.py': '',
};

describe('a project', () => {
  it('of Python is known by its framework', () => {
    expect(detect(flask)).toMatchObject({
      ...{
        name: 'my-shop',
        because: 'Flask',
        port: 5001,
        test: 'python3 -m pytest -q -p no:cacheprovider',
        dockerfile: undefined,
      },
      kind: {
        ...{ kind: 'python', framework: 'flask', module: 'web', application: 'app' },
        requirements: 'requirements.txt',
      },
    });
    expect(detect({ 'main.py': 'from fastapi import FastAPI\nx = FastAPI()' }).kind).toMatchObject({
      ...{ module: 'main', application: 'x' },
    });
    const manage = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')";
    expect(detect({ 'manage.py': manage })).toMatchObject({
      port: 8000,
      kind: { framework: 'django', module: 'shop' },
    });
    expect(detect({ 'job.py': '' }).kind).toMatchObject({ framework: 'plain', module: 'job' });
  });

  it('of Node, of Go and of pages alone is known by its files', () => {
    const scripts = { start: 'node x.js', build: 'tsc', test: 'vitest' };
    expect(detect({ 'package.json': JSON.stringify({ scripts }) })).toMatchObject({
      ...{ port: 3000, test: 'npm test' },
      kind: { kind: 'node', start: 'npm start', build: 'npm run build', lock: undefined, site: undefined },
    });
    const none = { test: 'echo "Error: no test specified" && exit 1' };
    expect(detect({ 'package.json': JSON.stringify({ scripts: none, main: 'a.js' }) })).toMatchObject({
      ...{ test: undefined, kind: { start: 'node a.js' } },
    });
    expect(detect({ 'package.json': '{' }).kind.kind).toBe('node');
    expect(detect({ 'go.mod': 'module x\n\ngo 1.23.4\n' }).kind).toEqual({
      ...{ kind: 'go', version: '1.23', main: '.' },
    });
    expect(detect({ 'public/index.html': '' }).kind).toEqual({ kind: 'static', directory: 'public' });
  });

  it('listens where its Dockerfile or its compose file says', () => {
    expect(detect({ ...flask, Dockerfile: 'FROM x\nEXPOSE 80/tcp\n' })).toMatchObject({
      port: 80,
      dockerfile: 'Dockerfile',
    });
    expect(detect({ 'compose.yaml': 'services: {web: {ports: ["127.0.0.1:8080:9000/tcp"]}}' })).toMatchObject({
      ...{ port: 9000, composeFile: 'compose.yaml', kind: { kind: 'compose' } },
    });
    expect(detect({ 'compose.yaml': 'services: {web: {ports: [{target: 81}]}}' }).port).toBe(81);
    expect(detect({ 'compose.yaml': 'services: [' }).port).toBe(8080);
    const aliases = 'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${Array(10).fill(`*${'abcdefg'[i]}`).join(', ')}]`);
    const bomb = ['services: {web: {ports: [81]}}', 'a: &a [x]', ...aliases].join('\n');
    expect(detect({ 'compose.yaml': bomb }).port).toBe(8080);
  });

  it('of Python may lie in a package, have another name for its app, or make it by a function', () => {
    const kindOf = (files: Record<string, string>): unknown => detect({ 'requirements.txt': '', ...files }).kind;
    const fastapi = 'from fastapi import FastAPI\napi: FastAPI = FastAPI()\n';
    expect(kindOf({ 'app/__init__.py': '', 'app/main.py': fastapi })).toMatchObject({
      ...{ framework: 'fastapi', module: 'app.main', application: 'api' },
    });
    const flaskFactory = 'from flask import Flask\n\ndef make_app():\n    return Flask(__name__)\n';
    expect(kindOf({ 'shop/__init__.py': flaskFactory, 'tests/test_it.py': 'Flask(1)' })).toMatchObject({
      ...{ framework: 'flask', module: 'shop', application: 'make_app()' },
    });
  });

  it('of Python alone listens where it says', () => {
    expect(detect({ 'main.py': 'HTTPServer(("", 8099), Ahoy).serve_forever()' }).port).toBe(8099);
    expect(detect({ 'main.py': 'serve(PORT=9001)' }).port).toBe(9001);
    expect(detect({ 'main.py': 'print(12345)' }).port).toBe(8000);
  });

  it('of Node and Go says where it listens, what it installs by and what is built', () => {
    const server = "require('http').createServer(f).listen(8088)";
    expect(detect({ 'package.json': '{"main": "a.js"}', 'a.js': server, 'yarn.lock': '' })).toMatchObject({
      ...{ port: 8088, kind: { lock: 'yarn.lock' } },
    });
    const vite = { scripts: { build: 'vite build', dev: 'vite', test: 'vitest' }, devDependencies: { vite: '6' } };
    expect(detect({ 'package.json': JSON.stringify(vite), 'index.html': '' })).toMatchObject({
      ...{ port: 80, test: undefined, kind: { kind: 'node', site: 'dist' } },
    });
    const main = 'package main\n\nfunc main() { http.ListenAndServe(":9090", nil) }\n';
    const health = 'package api\n\nvar path = "/healthz"\n';
    expect(detect({ 'go.mod': '', 'cmd/server/main.go': main, 'api/api.go': health })).toMatchObject({
      ...{ port: 9090, health: { path: '/healthz' }, kind: { main: './cmd/server' } },
    });
  });

  it('that is a compose file alone is that; beside sources it says where they listen', () => {
    const text = 'services: {db: {image: postgres}, web: {build: {context: web, target: run}, ports: ["81:8000"]}}';
    expect(detect({ 'compose.yaml': text }).kind).toEqual({
      kind: 'compose',
      builds: [{ service: 'web', context: 'web', dockerfile: undefined, target: 'run' }],
      published: { service: 'web', port: 8000 },
    });
    expect(detect({ 'compose.yaml': text, 'go.mod': '' })).toMatchObject({ port: 8000, kind: { kind: 'go' } });
    expect(detect({ 'compose.yaml': text, Containerfile: 'EXPOSE 7' })).toMatchObject({
      ...{ port: 7, dockerfile: 'Containerfile', kind: { kind: 'other' } },
    });
  });

  it('may have any name of a directory', () => {
    expect(detect({}, '/src/42').name).toBe('app');
    expect(detect({}, '/src/2nd shop!').name).toBe('nd-shop');
  });
});

describe('what init writes', () => {
  it('is a Dockerfile for each kind', () => {
    expect(renderDockerfile(detect(flask))).toBe(`FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt gunicorn pytest
COPY . .
EXPOSE 5001
USER 65534
CMD ["gunicorn", "--bind", "0.0.0.0:5001", "web:app"]
`);
    const go = renderDockerfile(detect({ 'go.mod': '', 'cmd/a/x.go': 'package main\n' }));
    expect(go).toContain('FROM scratch');
    expect(go).toContain('ENV CGO_ENABLED=0\n');
    expect(go).toContain('go build -o /app ./cmd/a\n');
    const node = renderDockerfile(detect({ 'package.json': '{}', 'package-lock.json': '' }));
    expect(node).toContain('COPY package.json package-lock.json ./\nRUN npm ci\n');
    // Clusters that ask for users other than root cannot look names up.
    expect(node).toContain('USER 1000\n');
    const react = { scripts: { build: 'x' }, dependencies: { 'react-scripts': '5' } };
    expect(renderDockerfile(detect({ 'package.json': JSON.stringify(react), 'pnpm-lock.yaml': '' })))
      .toBe(`FROM node:22-slim AS build
WORKDIR /app
COPY package.json pnpm-lock.yaml ./
RUN corepack enable && pnpm install --frozen-lockfile
COPY . .
RUN npm run build

FROM nginx:1.29-alpine
COPY --from=build /app/build /usr/share/nginx/html
EXPOSE 80
`);
    const factory = { 'app.py': 'from fastapi import FastAPI\ndef make():\n    return FastAPI()\n' };
    expect(renderDockerfile(detect(factory))).toContain('"8000", "--factory", "app:make"]');
    expect(renderDockerfile(detect({ ...flask, 'requirements.txt': '', Pipfile: '' }))).not.toContain('pipenv');
    expect(renderDockerfile(detect({ Pipfile: '', 'a.py': '' }))).toContain(
      'COPY . .\nRUN pip install --no-cache-dir pipenv\nRUN pipenv install --system\n',
    );
    expect(renderDockerfile(detect({ 'index.html': '' }))).toContain('COPY . /usr/share/nginx/html');
    expect(renderDockerfile(detect({}))).toBeUndefined();
  });

  it('is for a compose file a timonel.yaml that ships it, and nothing else', async () => {
    const text = 'services: {web: {build: web, ports: ["81:8000"]}, db: {image: postgres}}';
    const files = newFiles(detect({ 'docker-compose.yml': text }));
    expect(files.map(({ path }) => path)).toEqual(['timonel.yaml']);
    expect(await readShipFile(files[0]?.text ?? '', 'timonel.yaml')).toMatchObject({
      ...{ name: 'my-shop', images: [{ context: 'web' }], checks: [{ name: 'web:8000/' }] },
      deploy: { source: { kind: 'compose', path: 'docker-compose.yml' } },
    });
    const [bare] = newFiles(detect({ 'compose.yaml': 'services: {db: {image: postgres}}' }));
    expect(await readShipFile(bare?.text ?? '', 'timonel.yaml')).toMatchObject({ images: [], checks: [] });
  });

  it('is a timonel.yaml that can be read, and a chart that renders to all that an app needs', async () => {
    const files = newFiles(detect(flask));
    const textOf = (path: string): string => files.find((file) => file.path === path)?.text ?? '';
    expect(await readShipFile(textOf('timonel.yaml'), 'timonel.yaml')).toMatchObject({
      ...{
        name: 'my-shop',
        tests: [{ run: 'python3 -m pytest -q -p no:cacheprovider' }],
        checks: [{ name: 'my-shop:http/' }],
      },
    });
    const chart = await loadFiles(
      files
        .filter(({ path }) => path.startsWith('chart/'))
        .map(({ path, text }) => ({ name: path.slice('chart/'.length), data: Buffer.from(text) })),
      unpackChart,
    );
    const release = { name: 'my-shop', namespace: 'default', revision: 1, isUpgrade: false };
    const prepared = await prepareRelease({
      ...{ chart, values: {}, release, capabilities: offlineCapabilities() },
      ...{ clock: createSimulatedClock(), random: seededRandom(1) },
    });
    const objects = prepared.manifest.split(/^---$/m).map((text) => parse(text) as { kind?: string } | null);
    expect(objects.flatMap((object) => object?.kind ?? []).toSorted()).toEqual(
      ['Deployment', 'HorizontalPodAutoscaler', 'Ingress', 'Service', 'ServiceAccount'].toSorted(),
    );
    const deployment = objects.find((object) => object?.kind === 'Deployment');
    expect(deployment).toMatchObject({
      metadata: { labels: { 'app.kubernetes.io/version': '0.1.0' } },
      spec: {
        template: {
          spec: {
            containers: [
              {
                ports: [{ containerPort: 5001 }],
                readinessProbe: { httpGet: { path: '/', port: 'http' } },
                livenessProbe: { httpGet: { path: '/', port: 'http' } },
                resources: { limits: { memory: '512Mi' } },
              },
            ],
          },
        },
      },
    });
    expect(textOf('.dockerignore')).toContain('**/__pycache__\n');
  });
});

describe('what init writes about health', () => {
  const textOf = (files: Record<string, string>, path: string): string =>
    newFiles(detect(files)).find((file) => file.path === path)?.text ?? '';

  it('calls Django by a name that it takes, in probes and checks', async () => {
    const manage = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')";
    const files = { 'manage.py': manage, 'shop/settings.py': 'ALLOWED_HOSTS = []\n', 'shop/urls.py': 'path("", home)' };
    const httpGet = { path: '/', port: 'http', httpHeaders: [{ name: 'Host', value: 'localhost' }] };
    expect(parse(textOf(files, 'chart/values.yaml'))).toMatchObject({
      ...{ readinessProbe: { httpGet }, livenessProbe: { httpGet } },
    });
    const { checks } = await readShipFile(textOf(files, 'timonel.yaml'), 'timonel.yaml');
    expect(checks).toMatchObject([{ target: { path: '/' }, headers: { host: 'localhost' } }]);
  });

  it('asks for no path where none is known', async () => {
    const files = { 'app.py': 'app = Flask(__name__)\n@app.route("/items")' };
    expect(parse(textOf(files, 'chart/values.yaml'))).toMatchObject({
      readinessProbe: { tcpSocket: { port: 'http' } },
    });
    expect((await readShipFile(textOf(files, 'timonel.yaml'), 'timonel.yaml')).checks).toEqual([]);
  });
});

describe('a pipeline of a CI system', () => {
  it('is YAML, and holds no secret and no password on a command line', () => {
    for (const system of ['github', 'gitlab'] as const) {
      const text = renderCi(system, { version: '1.2.3', branch: 'trunk' });
      expect(() => parse(text) as unknown).not.toThrow();
      expect(text).toContain('timonel@1.2.3');
      expect(text).toContain('trunk');
      expect(text).toContain('--password-stdin');
      expect(text).not.toMatch(/ -p /);
    }
  });
});

describe('the chart that init writes', () => {
  const django = {
    'manage.py': "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')",
    'shop/settings.py': 'ALLOWED_HOSTS = []\n',
    'shop/urls.py': 'path("", home)',
  };

  it.each<[string, Record<string, string>]>([
    ['Flask', flask],
    ['Django', django],
    ['Node', { 'package.json': '{}' }],
    ['Go', { 'go.mod': '' }],
    ['pages', { 'index.html': '' }],
    ['Hugo', { 'hugo.toml': '' }],
    ['a Dockerfile', { Dockerfile: 'EXPOSE 7000' }],
  ])('is taken by an API server that is strict: %s', async (_name, project) => {
    const files = newFiles(detect(project)).filter(({ path }) => path.startsWith('chart/'));
    const chart = await loadFiles(
      files.map(({ path, text }) => ({ name: path.slice('chart/'.length), data: Buffer.from(text) })),
      unpackChart,
    );
    const { manifest } = await prepareRelease({
      ...{ chart, values: {}, release: { name: 'my-shop', namespace: 'default', revision: 1, isUpgrade: false } },
      ...{ capabilities: offlineCapabilities(), clock: createSimulatedClock(), random: seededRandom(1) },
    });
    const api = await startTestApiServer();
    const mapper = createResourceMapper(api.client);
    const objects = manifest.split(/^---$/m).flatMap((text) => (parse(text) as KubeObject | null) ?? []);
    for (const object of objects) {
      const resource = await mapper.resourceOf(object.apiVersion ?? '', object.kind ?? '');
      const placed = { ...object, metadata: { ...object.metadata, namespace: 'default' } };
      await api.client.create(resource, placed, { dryRun: true, fieldValidation: 'Strict' });
    }
    expect(objects).toHaveLength(5);
    await api.close();
  });
});
