import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Ran, remains, root, run, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-kube-'));
const cluster = new TestCluster('kube', join(scratch, 'kubeconfig'));
const program = join(root, 'dist/timonel.js');

const web = (message: string): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {set: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: busybox
        imagePullPolicy: Never
        command: [sh, -c, "mkdir -p /www; echo ${message} > /www/index.html; httpd -p 8080 -h /www; while true; do echo tick; sleep 0.2; done"]
        ports: [{containerPort: 8080, name: http}]
---
apiVersion: v1
kind: Service
metadata:
  name: web
  labels: {set: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
`;

const file = join(scratch, 'web.yaml');

/** Without ages and times, which go on between two commands. */
function timeless(text: string): string {
  return text
    .replaceAll(/\b(?:\d+[smhd])+\b/g, 'AGE')
    .replaceAll(/\bRenewTime:.*/g, '')
    .replaceAll(/ +/g, ' ');
}

/** The same command line, by both tools. */
async function both(...words: string[]): Promise<[Ran, Ran]> {
  const [ours, theirs] = [await cluster.tryTimonel(...words), await cluster.tryKubectl(...words)];
  const clean = ({ code, stdout, stderr }: Ran): Ran => ({ code, stdout: timeless(stdout), stderr: timeless(stderr) });
  return [clean(ours), clean(theirs)];
}

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '1');
  await cluster.timonel('image', 'base', '--busybox');
  writeFileSync(file, web('one'));
  expect(await cluster.timonel('apply', '-f', file)).toBe('deployment.apps/web created\nservice/web created\n');
  await cluster.timonel('rollout', 'status', 'deploy/web', '--timeout=60s');
});

afterAll(async () => {
  cluster.endAll();
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  expect(await remains('kube')).toEqual([]);
});

describe('without kubectl', () => {
  it.each([
    ['get', 'pods'],
    ['get', 'po,svc,deploy', '-o', 'wide'],
    ['get', 'pods', '-A', '--show-labels'],
    ['get', 'deploy', 'web', '-o', 'yaml'],
    ['get', 'deploy', '-o', 'json'],
    ['get', 'pods', '-o', 'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}'],
    ['get', 'svc', '-o', 'custom-columns=NAME:.metadata.name,PORT:.spec.ports[*].port'],
    ['get', 'svc', '-o', 'go-template={{range .items}}{{.metadata.name}} {{end}}'],
    ['get', 'pods', 'none'],
    ['get', 'nonsense'],
    ['get', 'pods', '-l', 'app=none'],
    ['describe', 'deploy', 'web'],
    ['describe', 'pod', '-l', 'app=web'],
    ['describe', 'svc', 'web'],
    ['apply', '-f', file],
    ['apply', '-f', file, '--dry-run=server'],
    ['create', '-f', file],
    ['scale', 'deploy/web', '--replicas=1'],
    ['rollout', 'history', 'deploy/web'],
    ['rollout', 'history', 'deploy/web', '--revision=1'],
    ['wait', '--for=condition=Available', 'deploy/web'],
    ['wait', '--for=jsonpath={.spec.replicas}=7', 'deploy/web', '--timeout=1s'],
    ['logs', 'none'],
    ['exec', 'deploy/web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3'],
    ['delete', 'pod', 'none'],
    ['delete', 'svc', 'web', '--dry-run=server'],
  ])('says what kubectl says: %s %s %s %s', async (...words) => {
    const [ours, theirs] = await both(...words);
    expect(ours).toEqual(theirs);
  });

  it('runs a pod, talks with it, tells how it ended, and takes it away', async () => {
    const env = { KUBECONFIG: join(scratch, 'kubeconfig') };
    const image = ['--image=busybox', '--image-pull-policy=Never', '--restart=Never'];
    const ran = await run([process.execPath, program, 'run', 'talk', '-i', '--rm', '-q', ...image, '--', 'cat'], {
      env,
      input: 'hello\n',
    });
    expect([ran.stdout, ran.code]).toEqual(['hello\n', 0]);
    const failed = await cluster.tryTimonel(
      'run',
      'fail',
      '--attach',
      '--rm',
      ...image,
      '--',
      'sh',
      '-c',
      'sleep 1; exit 3',
    );
    // It may end before anybody is attached.
    const quick = await cluster.tryTimonel('run', 'quick', '--attach', '--rm', '-q', ...image, '--', 'echo', 'done');
    expect([quick.code, quick.stdout]).toEqual([0, 'done\n']);
    expect(failed.code).toBe(3);
    expect(failed.stderr).toContain('pod default/fail terminated (Error)');
    expect(failed.stdout).toContain('pod "fail" deleted');
  });

  it('looks into a pod from a container beside it', async () => {
    const pod = (
      await cluster.kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}')
    ).trim();
    const image = ['--image=busybox', '--image-pull-policy=Never', '--profile=general'];
    const line = ['debug', pod, '-i', '-q', ...image, '--', 'sh', '-c', 'read word; hostname; echo $word'];
    const env = { KUBECONFIG: join(scratch, 'kubeconfig') };
    const ran = await run([process.execPath, program, ...line], { env, input: 'hello\n' });
    expect(ran).toMatchObject({ code: 0, stdout: `${pod}\nhello\n` });
  });

  it('takes turns with kubectl: what one has applied, the other changes, and neither sees a change where is none', async () => {
    writeFileSync(file, web('two'));
    expect(await cluster.kubectl('apply', '-f', file)).toContain('deployment.apps/web configured');
    expect(await cluster.timonel('apply', '-f', file)).toBe('deployment.apps/web unchanged\nservice/web unchanged\n');
    expect(await cluster.timonel('rollout', 'undo', 'deploy/web')).toBe('deployment.apps/web rolled back\n');
    expect(await cluster.timonel('rollout', 'status', 'deploy/web')).toContain('successfully rolled out');
  });

  it('follows logs, hands on stdin, and gives the exit code', async () => {
    const log = cluster.background(process.execPath, program, 'logs', '-f', '--tail=1', '--prefix', '-l', 'app=web');
    await eventually(
      async () => (log.output().match(/^\[pod\/web-\S+\/main\] tick$/gm) ?? []).length > 2,
      'the log to grow',
    );
    const input = 'x'.repeat(200_000);
    const env = { KUBECONFIG: join(scratch, 'kubeconfig') };
    const cat = await run([process.execPath, program, 'exec', '-i', 'deploy/web', '--', 'cat'], { env, input });
    expect([cat.code, cat.stdout === input]).toEqual([0, true]);
  });

  it('copies directories both ways', async () => {
    // The pods of the version before are still on their way out.
    const pod = await eventually(async () => {
      const [name, ...more] = (await cluster.timonel('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n');
      return more.length === 0 && name?.replace('pod/', '');
    }, 'one pod to be left');
    mkdirSync(join(scratch, 'from/deep'), { recursive: true });
    writeFileSync(join(scratch, 'from/deep/file'), Buffer.alloc(300_000, 7));
    await cluster.timonel('cp', join(scratch, 'from'), `${pod}:/tmp/there`);
    await cluster.timonel('cp', `${pod}:/tmp/there`, join(scratch, 'back'));
    expect(readFileSync(join(scratch, 'back/deep/file')).equals(readFileSync(join(scratch, 'from/deep/file')))).toBe(
      true,
    );
  });

  it('forwards a port to a service', async () => {
    const forward = cluster.background(process.execPath, program, 'port-forward', 'svc/web', ':80');
    const port = await eventually(
      async () => /127\.0\.0\.1:(\d+) -> 8080/.exec(forward.output())?.[1],
      'the port to be forwarded',
    );
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('one\n');
  });

  it('prunes what is gone from the files, and deletes the rest', async () => {
    writeFileSync(file, web('one').split('---\n')[0] ?? '');
    expect(await cluster.timonel('apply', '-f', file, '--prune', '-l', 'set=shop')).toContain('service/web pruned\n');
    expect(await cluster.timonel('delete', '-f', file)).toBe('deployment.apps "web" deleted\n');
    const nothing = await cluster.tryTimonel('delete', '-n', 'default');
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('Required resource not specified.')]);
  });
});

describe('stacks', () => {
  const compose = (version: string): string => `services:
  web:
    image: busybox
    command: sh -c "mkdir -p /www; echo ${version} > /www/index.html; exec httpd -f -p 80 -h /www"
    ports: ["18091:80"]
    stop_grace_period: 1s
    healthcheck: {test: [CMD, wget, -qO, /dev/null, "http://127.0.0.1/"], interval: 1s}
`;
  const composeFile = join(scratch, 'compose.yaml');
  const answer = async (): Promise<string> => (await fetch('http://127.0.0.1:18091/')).text();

  it('are deployed, scaled, updated while somebody answers, rolled back and removed', async () => {
    writeFileSync(composeFile, compose('v1'));
    expect(await cluster.timonel('stack', 'deploy', '-c', composeFile, 'shop')).toBe('Creating service shop_web\n');
    await eventually(async () => (await answer().catch(() => '')) === 'v1\n', 'the stack to answer');
    expect(await cluster.timonel('service', 'scale', 'shop_web=2')).toContain('shop_web scaled to 2\n');
    expect(await cluster.timonel('stack', 'services', 'shop')).toMatch(
      /shop_web +replicated +2\/2 +busybox +\*:18091->80\/tcp/,
    );
    expect(await cluster.timonel('service', 'ls', '--filter', 'name=shop', '--format', '{{.Name}} {{.Replicas}}')).toBe(
      'shop_web 2/2\n',
    );
    expect(await cluster.timonel('service', 'ls', '-q', '--filter', 'name=other')).toBe('');
    expect(await cluster.timonel('service', 'ps', 'shop_web', '--format', '{{.Name}} {{.DesiredState}}')).toBe(
      'shop_web.1 Running\nshop_web.2 Running\n',
    );
    const flags = ['--env-add', 'COLOUR=blue', '--limit-memory', '64m', '--publish-add', '18092:80'];
    await cluster.timonel('service', 'update', ...flags, '--mount-add', 'type=tmpfs,dst=/scratch', 'shop_web');
    expect(await (await fetch('http://127.0.0.1:18092/')).text()).toBe('v1\n');
    const [inspected] = JSON.parse(await cluster.timonel('service', 'inspect', 'shop_web')) as object[];
    expect(inspected).toMatchObject({
      Spec: {
        TaskTemplate: {
          ContainerSpec: { Env: ['COLOUR=blue'], Mounts: [{ Type: 'tmpfs', Target: '/scratch' }] },
          Resources: { Limits: { MemoryBytes: 67_108_864 } },
        },
      },
    });
    writeFileSync(composeFile, compose('v2'));
    const update = cluster.timonel('stack', 'deploy', '-c', composeFile, 'shop');
    const seen = new Set<string>();
    await eventually(async () => seen.add(await answer()).has('v2\n'), 'the new version to answer');
    expect([await update, [...seen].toSorted()]).toEqual(['Updating service shop_web\n', ['v1\n', 'v2\n']]);
    expect(await cluster.timonel('service', 'rollback', 'shop_web')).toContain('converged');
    await eventually(async () => (await answer()) === 'v1\n', 'the old version to answer');
    expect(await cluster.timonel('service', 'rm', 'shop_web')).toBe('shop_web\n');
    expect(await cluster.timonel('stack', 'deploy', '-c', composeFile, 'shop')).toBe('Creating service shop_web\n');
    expect(await cluster.timonel('stack', 'rm', 'shop')).toBe('Removing service shop_web\n');
    expect(await cluster.timonel('stack', 'ls')).toBe('NAME   SERVICES\n');
  });
});
