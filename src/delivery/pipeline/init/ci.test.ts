import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderCi } from './ci.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'timonel-ci-'));
  mkdirSync(join(scratch, 'bin'));
  // Writes down its name, its arguments and what it is given to read; sudo and the installers do nothing themselves.
  const script = `#!/bin/sh
echo "$(basename "$0") $*" >> "${scratch}/calls"
[ "$1" = login ] && cat >> "${scratch}/stdin"
exit 0
`;
  for (const name of ['timonel', 'apt-get', 'npm']) writeFileSync(join(scratch, 'bin', name), script, { mode: 0o755 });
  writeFileSync(join(scratch, 'bin/sudo'), '#!/bin/sh\n[ "$1" = -E ] && shift\nexec "$@"\n', { mode: 0o755 });
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs steps as a runner does: the first that fails ends it. */
function runSteps(command: readonly string[], script: string, variables: Record<string, string>): string[] {
  const [program = '', ...args] = command;
  const env = { PATH: `${join(scratch, 'bin')}:/usr/bin:/bin`, ...variables };
  execFileSync(program, [...args, script], { cwd: scratch, env, stdio: 'ignore' });
  return readFileSync(join(scratch, 'calls'), 'utf8').trimEnd().split('\n');
}

const kubeconfig = 'apiVersion: v1\nkind: Config\n';
const data = Buffer.from(kubeconfig).toString('base64');
const options = { version: '0.1.0', branch: 'main' };
const install = ['apt-get update', 'apt-get install -y buildah skopeo', 'npm install -g timonel@0.1.0'];

interface GithubStep {
  uses?: string;
  run?: string;
  env?: Record<string, string>;
  with?: Record<string, unknown>;
}

describe('the pipeline for GitHub', () => {
  const pipeline = parse(renderCi('github', options)) as {
    on: { push: { branches: string[] }; pull_request: null };
    permissions: Record<string, string>;
    jobs: Record<'plan' | 'ship', { if: string; permissions: Record<string, string>; steps: GithubStep[] }>;
  };

  it('has the shape of a workflow', () => {
    expect(Object.keys(pipeline)).toEqual(['name', 'on', 'permissions', 'jobs']);
    expect(pipeline.on).toEqual({ push: { branches: ['main'] }, pull_request: null });
    for (const { steps } of Object.values(pipeline.jobs)) {
      // A step either uses an action or runs a script.
      expect(steps.filter(({ uses, run }) => (uses === undefined) === (run === undefined))).toEqual([]);
      expect(steps.flatMap(({ uses }) => uses ?? []).every((name) => /^[\w-]+\/[\w-]+@v\d+$/.test(name))).toBe(true);
    }
  });

  it('lets pull requests write nothing, and gives the token to who needs it', () => {
    const { plan, ship } = pipeline.jobs;
    expect(pipeline.permissions).toEqual({});
    expect(plan.if).toMatch(/^github\.event_name == 'pull_request' && .*head\.repo\.full_name == github\.repository$/);
    expect(plan.permissions).toEqual({ contents: 'read' });
    expect(JSON.stringify(plan)).not.toContain('GITHUB_TOKEN');
    expect(ship.if).toBe("github.event_name == 'push'");
    expect(ship.permissions).toEqual({ contents: 'read', packages: 'write' });
    const checkouts = [...plan.steps, ...ship.steps].filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    expect(checkouts.map((step) => step.with)).toEqual(Array(2).fill({ 'persist-credentials': false }));
  });

  it.each(['plan', 'ship'] as const)('does what it says, and keeps secrets off command lines: %s', (what) => {
    const script = pipeline.jobs[what].steps.map(({ run = '' }) => run).join('\n');
    const secrets = { DATA: data, TOKEN: 'hunter2', GITHUB_ACTOR: 'ana', RUNNER_TEMP: scratch };
    const calls = runSteps(['bash', '--noprofile', '--norc', '-e', '-c'], script, secrets);
    const file = join(scratch, 'kubeconfig');
    expect(calls).toEqual([
      ...install,
      ...(what === 'plan'
        ? [`timonel ship --plan --kubeconfig ${file}`]
        : ['timonel login ghcr.io -u ana --password-stdin', `timonel ship --kubeconfig ${file}`]),
    ]);
    if (what === 'ship') expect(readFileSync(join(scratch, 'stdin'), 'utf8')).toBe('hunter2');
    expect(readFileSync(file, 'utf8')).toBe(kubeconfig);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe('the pipeline for GitLab', () => {
  const pipeline = parse(renderCi('gitlab', options)) as {
    default: { image: string; before_script: string[] };
    stages: string[];
    plan: { stage: string; script: string[]; rules: { if: string }[] };
    ship: { stage: string; script: string[]; rules: { if: string }[] };
  };

  it('has the shape of a pipeline', () => {
    expect(Object.keys(pipeline)).toEqual(['default', 'stages', 'plan', 'ship']);
    // GitLab's CI/CD YAML syntax reference: what may stand in `default`, and what these jobs use of a job's keywords.
    expect(['image', 'before_script']).toEqual(expect.arrayContaining(Object.keys(pipeline.default)));
    const keywords = ['stage', 'script', 'rules', 'resource_group'];
    for (const job of [pipeline.plan, pipeline.ship])
      expect(keywords).toEqual(expect.arrayContaining(Object.keys(job)));
    for (const job of [pipeline.plan, pipeline.ship]) {
      expect(pipeline.stages).toContain(job.stage);
      // Each line is one command: a colon in the wrong place would make a mapping of it.
      const lines: unknown[] = [...pipeline.default.before_script, ...job.script];
      expect(lines.filter((line) => typeof line !== 'string')).toEqual([]);
    }
    expect(pipeline.ship.rules).toEqual([{ if: '$CI_COMMIT_BRANCH == "main"' }]);
  });

  it.each(['plan', 'ship'] as const)('does what it says, and keeps secrets off command lines: %s', (what) => {
    const script = [...pipeline.default.before_script, ...pipeline[what].script].join('\n');
    const project = join(scratch, 'project');
    const registry = { CI_REGISTRY: 'registry.test', CI_REGISTRY_USER: 'ci', CI_REGISTRY_PASSWORD: 'hunter2' };
    const calls = runSteps(['sh', '-e', '-c'], script, { KUBECONFIG_DATA: data, CI_PROJECT_DIR: project, ...registry });
    expect(calls).toEqual([
      ...install,
      ...(what === 'plan'
        ? [`timonel ship --plan --kubeconfig ${project}.kubeconfig`]
        : ['timonel login registry.test -u ci --password-stdin', `timonel ship --kubeconfig ${project}.kubeconfig`]),
    ]);
    if (what === 'ship') expect(readFileSync(join(scratch, 'stdin'), 'utf8')).toBe('hunter2');
    expect(readFileSync(`${project}.kubeconfig`, 'utf8')).toBe(kubeconfig);
    // It lies beside the project: what is built does not take it in.
    expect(readdirSync(scratch)).toContain('project.kubeconfig');
  });
});
