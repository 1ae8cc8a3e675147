// Charts: how long a small one takes as a whole process, and how long one of 500 templates and 5,000 objects takes beyond that.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const templates = 500;
const objectsEach = 10;

/** A template as charts have them: helpers, includes, a loop, conditions, toYaml. */
const workload = (number) => `{{- range $i := until ${objectsEach} }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "large.fullname" $ }}-${number}-{{ $i }}
  labels:
    {{- include "large.labels" $ | nindent 4 }}
  annotations:
    checksum/values: {{ printf "%d-%d" ${number} $i | sha256sum }}
spec:
  replicas: {{ $.Values.replicas }}
  selector:
    matchLabels:
      app: w${number}-{{ $i }}
  template:
    metadata:
      labels:
        app: w${number}-{{ $i }}
    spec:
      containers:
        - name: web
          image: "{{ $.Values.image.repository }}:{{ $.Values.image.tag | default $.Chart.AppVersion }}"
          args: ["--port", "8080", '--name={{ $i }}']
          {{- with $.Values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          env:
            {{- range $key, $value := $.Values.env }}
            - name: {{ $key }}
              value: {{ $value | quote }}
            {{- end }}
{{- end }}
`;

const helpers = `{{- define "large.fullname" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- define "large.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
`;

const values = `replicas: 2
image:
  repository: registry.example.com/team/web
  tag: ""
resources:
  limits: { cpu: 500m, memory: 256Mi }
  requests: { cpu: 100m, memory: 128Mi }
env:
  LOG_LEVEL: info
  DATABASE: postgres://db:5432/app
`;

function writeLargeChart(directory) {
  mkdirSync(join(directory, 'templates'), { recursive: true });
  const write = (name, text) => writeFileSync(join(directory, name), text);
  write('Chart.yaml', 'apiVersion: v2\nname: large\nversion: 1.0.0\nappVersion: "1.2.3"\n');
  write('values.yaml', values);
  write('templates/_helpers.tpl', helpers);
  for (let number = 0; number < templates; number++) write(`templates/workload-${number}.yaml`, workload(number));
}

function best(times, run) {
  const all = Array.from({ length: times }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return Math.min(...all);
}

/** Milliseconds. `large` is what the large chart takes beyond the small one: without the start of the process. */
export function benchTemplates(program) {
  const directory = mkdtempSync(join(tmpdir(), 'timonel-bench-charts-'));
  const run = (...args) => {
    const { status, stderr } = spawnSync(process.execPath, [program, 'chart', ...args], {
      cwd: directory,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Error(`timonel chart ${args.join(' ')}: ${stderr}`);
  };
  try {
    run('create', 'small');
    writeLargeChart(join(directory, 'large'));
    const small = best(7, () => run('template', 'web', 'small'));
    const large = best(5, () => run('template', 'web', 'large'));
    return { small, large: large - small };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Milliseconds of `chart list` over so many releases, each a Secret as Helm stores it. */
export async function benchList(client, { program, kubeconfig, count }) {
  const namespace = 'bench-releases';
  await client.call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  const manifest = workload(0);
  for (let from = 0; from < count; from += 50) {
    const names = Array.from({ length: Math.min(50, count - from) }, (_, i) => `release-${from + i}`);
    await Promise.all(
      names.map((name) => client.call('POST', `/api/v1/namespaces/${namespace}/secrets`, stored(name, manifest))),
    );
  }
  const list = () =>
    execFileSync(process.execPath, [program, 'chart', 'list', '-n', namespace, '--kubeconfig', kubeconfig, '-m', '0'], {
      encoding: 'utf8',
    });
  if (list().trim().split('\n').length !== count + 1) throw new Error('chart list does not show every release');
  const time = best(3, list);
  await client.call('DELETE', `/api/v1/namespaces/${namespace}`);
  return time;
}

function stored(name, manifest) {
  const time = '2026-01-02T03:04:05.678901234Z';
  const metadata = { name: 'large', version: '1.0.0', apiVersion: 'v2', appVersion: '1.2.3' };
  const file = (text) => ({ name: 'templates/web.yaml', data: Buffer.from(text).toString('base64') });
  const release = {
    name,
    namespace: 'bench-releases',
    version: 1,
    info: { first_deployed: time, last_deployed: time, deleted: '', description: '', status: 'deployed' },
    chart: { metadata, lock: null, templates: [file(manifest), file(helpers)], values: {}, schema: null, files: [] },
    manifest: manifest.repeat(5),
    config: {},
  };
  const text = gzipSync(JSON.stringify(release)).toString('base64');
  return {
    metadata: {
      name: `sh.helm.release.v1.${name}.v1`,
      labels: { name, owner: 'helm', status: 'deployed', version: '1', modifiedAt: '1767323045' },
    },
    type: 'helm.sh/release.v1',
    data: { release: Buffer.from(text).toString('base64') },
  };
}
