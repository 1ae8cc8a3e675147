import { describe, expect, it } from 'vitest';
import { load, memoryFiles, messageOf, type TestFiles } from '../../../../test/support/compose.ts';
import { translate, type Translation } from './translate.ts';
import type { TranslateOptions } from './scope.ts';

function translated(text: string, options: Partial<TranslateOptions> = {}, files: TestFiles = {}): Translation {
  const all = { ...files, '/app/compose.yaml': text };
  const { project, tree } = load(all);
  return translate(project, tree, { files: memoryFiles(all), ...options });
}

const web = (keys: string): string => `services:\n  web:\n    image: web\n    ${keys}\n`;

describe('what cannot be honoured', () => {
  it('is an error with file, line and key, all of them at once', () => {
    const text = web('cgroup_parent: x\n    ulimits: {nofile: 1}');
    expect(messageOf(() => translated(text))).toBe(
      'compose.yaml:4: services.web.cgroup_parent: the node decides about cgroups\n' +
        "compose.yaml:5: services.web.ulimits: pods have the limits of the node's container runtime",
    );
  });

  it('is a warning where the user says so', () => {
    const { warnings, workloads } = translated(web('user: www-data'), { lenient: true });
    expect(warnings).toEqual([
      'compose.yaml:4: services.web.user: the numbers of www-data stand in the image: give them, like 1000:1000',
    ]);
    expect(workloads).toHaveProperty('web');
  });

  it('names a service that DNS cannot', () => {
    const text = 'services:\n  my_db:\n    image: db\n';
    expect(messageOf(() => translated(text))).toContain('compose.yaml:2: services.my_db: cannot be a name');
    expect(translated(text, { lenient: true }).workloads['my_db']?.metadata.name).toBe('my-db');
  });

  it('is a bind mount on another machine', () => {
    const text = web("volumes: ['./src:/src']");
    expect(messageOf(() => translated(text, { hostMounts: false }))).toContain("not on the cluster's nodes");
    expect(messageOf(() => translated(web("volumes: ['/var/run/docker.sock:/x']")))).toContain('no Docker daemon');
  });
});

describe('a file that asks for too much', () => {
  it('is refused in no time', () => {
    expect(messageOf(() => translated(web("ports: ['1-65535:1-65535']")))).toBe(
      'compose.yaml:4: services.web.ports: more than 1000 ports are too many for a Service',
    );
  });
});

describe('secrets', () => {
  it('are never part of a message', () => {
    const text = 'services:\n  web:\n    image: web\n    secrets: [one]\nsecrets:\n  one: {file: ./big}\n';
    const message = messageOf(() => translated(text, {}, { '/app/big': 'hush'.repeat(300_000) }));
    expect(message).toContain('larger than 1 MiB');
    expect(message).not.toContain('hush');
  });
});

describe('names', () => {
  it('of namespaces are the project’s, and never the cluster’s own', () => {
    expect(translated('name: my_app\nservices: {web: {image: web}}').namespace).toBe('my-app');
    expect(messageOf(() => translated('name: kube-system\nservices: {web: {image: web}}'))).toContain("cluster's own");
  });

  it('of several services are one alias for all of them', () => {
    const each = (name: string): string => `  ${name}:\n    image: x\n    networks: {default: {aliases: [pool]}}\n`;
    const { base, workloads } = translated(`services:\n${each('a')}${each('b')}`);
    const alias = base.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'pool');
    expect(alias).toMatchObject({
      spec: { clusterIP: 'None', selector: { 'alias.compose.timonel.dev/pool': 'true' } },
    });
    const labels = Object.values(workloads).map(({ spec }) => spec?.template?.metadata?.labels);
    for (const each of labels) expect(each).toHaveProperty(['alias.compose.timonel.dev/pool'], 'true');
  });
});

describe('how a service runs', () => {
  it('is a Job when another waits for its end', () => {
    const text =
      'services:\n  a: {image: a, depends_on: {b: {condition: service_completed_successfully}}}\n  b: {image: b}\n';
    const { workloads } = translated(text);
    expect([workloads['a']?.kind, workloads['b']?.kind]).toEqual(['Deployment', 'Job']);
  });

  it('does not change with the number of its containers, as its version does', () => {
    const hash = (keys: string): unknown =>
      translated(web(keys)).workloads['web']?.spec?.template?.metadata?.annotations?.['com.docker.compose.config-hash'];
    expect(hash('scale: 1')).toBe(hash('scale: 4'));
    expect(hash('scale: 1')).not.toBe(hash('command: other'));
  });
});
