import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remains, root, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-registry-'));
const cluster = new TestCluster('reg', join(scratch, 'kubeconfig'));
process.env['DOCKER_CONFIG'] = join(scratch, 'docker');

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '1');
  await cluster.timonel('image', 'base', '--busybox', 'bb');
});

afterAll(async () => {
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  expect(await remains('reg')).toEqual([]);
});

describe("the cluster's registry", () => {
  let name = '';
  const pod = (pod: string, image: string): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: pod },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'c', image, imagePullPolicy: 'Always', command: ['sleep', '60'] }],
      },
    });
  const repositories = async (): Promise<string[]> =>
    (JSON.parse(await cluster.timonel('registry', 'ls', '-o', 'json')) as { repository: string; tag: string }[]).map(
      (image) => `${image.repository}:${image.tag}`,
    );

  it('takes what is pushed, and every node pulls from it without a secret', async () => {
    name = (await cluster.timonel('registry', 'up')).trim();
    expect(name).toMatch(/^localhost:5\d\d\d$/);
    await cluster.timonel('push', 'bb', `${name}/team/bb:1`);
    await cluster.timonel('tag', 'bb', `${name}/other`);
    await cluster.timonel('push', `${name}/other`);
    expect(await repositories()).toEqual(['other:latest', 'team/bb:1']);
    await cluster.kubectlWith(pod('first', `${name}/team/bb:1`), 'apply', '-f', '-');
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/first', '--timeout=30s');
    // Only what has a digest of a registry may be removed when the disk is full.
    const images = await cluster.kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].status.images[*].names[*]}');
    expect(images).toContain(`${name}/team/bb@sha256:`);
    expect(images).toContain('docker.io/library/bb:latest');
    expect(images).not.toContain('docker.io/library/bb@');
  });

  it('is there again after a restart, also for a node that joins later', async () => {
    await cluster.timonel('down');
    await cluster.timonel('up');
    await cluster.timonel('node', 'add');
    const text = pod('second', `${name}/team/bb:1`).replace('"spec":{', '"spec":{"nodeName":"reg-2",');
    await cluster.kubectlWith(text, 'apply', '-f', '-');
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/second', '--timeout=30s');
    expect(await cluster.timonel('pull', `${name}/team/bb:1`)).toBe(`${name}/team/bb:1\n`);
  });

  it('takes what was built, with a build secret that is in no layer', async () => {
    const context = join(scratch, 'app');
    mkdirSync(context);
    writeFileSync(join(scratch, 'token'), 'hush');
    writeFileSync(join(context, '.dockerignore'), '*.log\n');
    writeFileSync(join(context, 'noise.log'), '');
    writeFileSync(
      join(context, 'Dockerfile'),
      `ARG BASE=none
FROM \${BASE} AS build
RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /size
FROM \${BASE}
COPY --from=build /size /size
COPY . /app
CMD ["sh", "-c", "cat /size; ls -A /app /run/secrets; sleep 60"]
`,
    );
    const flags = ['--build-arg', 'BASE=bb', '--secret', `id=token,src=${join(scratch, 'token')}`];
    const tags = ['-t', `${name}/app:1`, '-t', `${name}/app:latest`];
    expect(await cluster.timonel('build', ...flags, ...tags, context)).toBe(`${name}/app:1\n${name}/app:latest\n`);
    await cluster.timonel('push', `${name}/app:1`);
    await cluster.kubectlWith(
      pod('built', `${name}/app:1`).replace(/"command":\[[^\]]*\]/, '"tty":false'),
      'apply',
      '-f',
      '-',
    );
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/built', '--timeout=30s');
    const words = await cluster.kubectl('logs', 'built');
    // What a container says on its two outputs comes in either order.
    expect(words).toMatch(/^4$/m);
    expect(words).not.toContain('noise.log');
    expect(words).not.toContain('token');
    const missing = await cluster.tryTimonel(
      'build',
      '-t',
      'x',
      '--build-arg',
      'BASE=bb',
      '--pull=never',
      join(scratch, 'none'),
    );
    expect(missing).toMatchObject({ code: 1, stdout: '' });
  });

  it('lets in who knows the password', async () => {
    const { username, password } = JSON.parse(await cluster.timonel('registry', 'login-info', '-o', 'json')) as {
      username: string;
      password: string;
    };
    const wrong = await cluster.tryTimonel('login', name, '-u', username, '-p', 'wrong');
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stderr).toContain('does not know this user name and password');
    await cluster.timonel('login', name, '-u', username, '-p', password, '--pull-secret');
    const account = await cluster.json<{ imagePullSecrets: unknown }>('get', 'serviceaccount', 'default');
    expect(account.imagePullSecrets).toEqual([{ name: `pull-${name.replace(':', '-')}` }]);
    expect((await cluster.tryTimonel('logout', name)).stderr).toBe(`The login to ${name} is forgotten.\n`);
  });

  it('is waited for no longer after Ctrl-C, and no login stays behind', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    const asked = new Promise<void>((resolve) => silent.once('connection', () => resolve()));
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const temporary = join(scratch, 'tmp');
    mkdirSync(temporary);
    const timonel = ['env', `TMPDIR=${temporary}`, process.execPath, join(root, 'dist/timonel.js')];
    const pulling = cluster.background(...timonel, 'pull', `localhost:${port}/x`);
    const ended = once(pulling.child, 'exit');
    await asked;
    expect(readdirSync(temporary)).toHaveLength(1);
    pulling.child.kill('SIGTERM');
    expect({ code: (await ended)[0], output: pulling.output(), left: readdirSync(temporary) }).toEqual({
      ...{ code: 130, output: 'error: interrupted\n', left: [] },
    });
    silent.close();
  });

  it('forgets images, and frees their space', async () => {
    const unknown = await cluster.tryTimonel('registry', 'rm', 'nothing');
    expect(unknown.stderr).toBe('error: the registry has no image nothing\nWhat it has: timonel registry ls\n');
    await cluster.timonel('registry', 'rm', 'team/bb:1', `${name}/other`, 'app:1');
    expect(await repositories()).toEqual([]);
    expect((await cluster.tryTimonel('registry', 'gc')).stderr).toMatch(/^[1-9]\d* blobs removed\.$/m);
  });
});
