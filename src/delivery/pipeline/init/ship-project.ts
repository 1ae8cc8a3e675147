import { stringify } from 'yaml';
import { scaffoldChart } from '../../charts/authoring/scaffold.ts';
import type { Detected } from './detect.ts';
import { renderDockerfile, renderDockerignore } from './dockerfile.ts';

/** A file that a project lacks, by its path in it. */
export interface NewFile {
  path: string;
  text: string;
}

/** The files that make a project ready for `timonel ship`. What is there already is the caller's matter. Pure. */
export function newFiles(detected: Detected): NewFile[] {
  const { kind } = detected;
  // A compose file says itself how its services are built and run.
  if (kind.kind === 'compose') return [{ path: 'timonel.yaml', text: renderComposeShipFile(detected, kind) }];
  const dockerfile = detected.dockerfile === undefined ? renderDockerfile(detected) : undefined;
  return [
    { path: 'timonel.yaml', text: renderShipFile(detected) },
    ...(dockerfile === undefined ? [] : [{ path: 'Dockerfile', text: dockerfile }]),
    { path: '.dockerignore', text: renderDockerignore(detected) },
    ...chartFiles(detected),
  ];
}

const head = '# What `timonel ship` does: docs/ship.md';

function renderComposeShipFile(
  { name, composeFile, health }: Detected,
  { builds, published }: Extract<Detected['kind'], { kind: 'compose' }>,
): string {
  const images = builds.map(({ service, ...build }) => [service, build]);
  const check = published && { service: published.service, port: published.port, path: health.path };
  const file = {
    name,
    ...(images.length > 0 && { images: Object.fromEntries(images) as object }),
    deploy: { compose: composeFile },
    ...(check && { verify: [check] }),
  };
  return `${head}\n${stringify(file)}`;
}

function renderShipFile({ name, test, health: { path, host } }: Detected): string {
  const tests = test === undefined ? '' : `test:\n  - run: ${test}\n`;
  const headers = host === undefined ? '' : `    headers: {Host: ${host}}\n`;
  const check = `verify:\n  - service: ${name}\n    port: http\n    path: ${path}\n${headers}`;
  return `${head}
name: ${name}
images:
  ${name}:
${tests}deploy:
  chart: chart
${path === undefined ? '' : check}`;
}

/** The chart of \`chart create\`, with the values of this project: probes, limits, an ingress, an autoscaler. */
function chartFiles(detected: Detected): NewFile[] {
  const { name } = detected;
  return scaffoldChart(name)
    .filter(({ name: path }) => !path.startsWith('templates/tests/'))
    .map(({ name: path, data }): NewFile => {
      const text = Buffer.from(data).toString();
      const fill = fillers[path];
      return { path: `chart/${path}`, text: fill ? fill(text, detected) : text };
    });
}

const fillers: Readonly<Record<string, (scaffold: string, detected: Detected) => string>> = {
  // The scaffold's is that of the image that it shows.
  'Chart.yaml': (text) => text.replace(/^appVersion: .*$/m, 'appVersion: "0.1.0"'),
  'values.yaml': chartValues,
};

/** Fills the scaffold's values in, section by section, so that whatever else it has stays as it is. */
function chartValues(scaffold: string, { name, port, health: { path, host } }: Detected): string {
  const httpHeaders = host === undefined ? undefined : [{ name: 'Host', value: host }];
  const httpGet = { path, port: 'http', ...(httpHeaders && { httpHeaders }) };
  const probe = path === undefined ? { tcpSocket: { port: 'http' } } : { httpGet };
  const sections: Record<string, unknown> = {
    replicaCount: 2,
    image: { repository: name, pullPolicy: 'IfNotPresent', tag: '' },
    service: { type: 'ClusterIP', port },
    ingress: {
      ...{ enabled: true, className: '', annotations: {} },
      hosts: [{ host: `${name}.localhost`, paths: [{ path: '/', pathType: 'Prefix' }] }],
      tls: [],
    },
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '1', memory: '512Mi' } },
    livenessProbe: { ...probe, initialDelaySeconds: 10 },
    readinessProbe: { ...probe, periodSeconds: 2 },
    autoscaling: { enabled: true, minReplicas: 2, maxReplicas: 10, targetCPUUtilizationPercentage: 80 },
  };
  const blocks = scaffold.split(/^(?=[a-zA-Z])/m);
  return blocks
    .map((block) => {
      const key = /^\w+/.exec(block)?.[0] ?? '';
      return Object.hasOwn(sections, key) ? `${stringify({ [key]: sections[key] })}\n` : block;
    })
    .join('')
    .replace(/\n{3,}/g, '\n\n');
}
