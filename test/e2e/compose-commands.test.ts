import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clusterForTests, eventually, type Ran, root, run } from './support.ts';

const { cluster, scratch } = clusterForTests('ccm');
const program = join(root, 'dist/timonel.js');

function directoryOf(name: string): string {
  return join(scratch, name);
}

function write(name: string, text: string): void {
  mkdirSync(directoryOf(name), { recursive: true });
  writeFileSync(join(directoryOf(name), 'compose.yaml'), text);
}

function compose(name: string, ...args: string[]): Promise<Ran> {
  return cluster.tryTimonel('compose', '--project-directory', directoryOf(name), ...args);
}

async function must(name: string, ...args: string[]): Promise<string> {
  const ran = await compose(name, ...args);
  expect(ran, `${args.join(' ')}: ${ran.stderr}`).toMatchObject({ code: 0 });
  return ran.stdout;
}

/** A command that goes on, and what it has said so far. */
function going(
  name: string,
  ...args: string[]
): { output: () => string; interrupt: () => void; end: Promise<number | null> } {
  const words = ['compose', '--project-directory', directoryOf(name), ...args];
  const { child, output } = cluster.background(process.execPath, program, ...words);
  const end = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { output, interrupt: () => void child.kill('SIGINT'), end };
}

async function says({ output }: { output: () => string }, words: string | RegExp): Promise<void> {
  const isThere = (): boolean => (typeof words === 'string' ? output().includes(words) : words.test(output()));
  await eventually(() => Promise.resolve(isThere()), `${words} is said`);
}

describe('containers that run', () => {
  it('are looked into: top, stats, export, attach, exec of what is not there', async () => {
    write(
      'looked',
      `services:
  web: { image: busybox, init: true, command: sh -c "echo kept >/word; while sleep 0.2; do echo beat; done" }
  other: { image: busybox, init: true, command: sleep 600 }
`,
    );
    await must('looked', 'up', '-d');
    const top = (await must('looked', 'top')).trim().split('\n');
    expect(top[0]).toMatch(/^SERVICE +# +UID +PID +PPID +C +STIME +TTY +TIME +CMD$/);
    expect(top.some((line) => /^other +1 +root .* \? +00:00:00 +sleep 600$/.test(line))).toBe(true);
    expect(top.join()).not.toMatch(/ps -ef|\/proc|pause/);
    expect(await must('looked', 'ps')).toMatch(/Up (?:Less than a second|\d+ seconds?|About a minute)/);
    expect(await must('looked', 'ps', '--no-trunc', '--format', '{{.Command}} {{.RunningFor}}', 'other')).toMatch(
      /^"sleep 600" .* ago\n$/,
    );
    expect((await compose('looked', 'ps', '--filter', 'source=x')).stderr).toBe('error: unknown filter source\n');
    expect(await must('looked', 'images', 'web')).toMatch(
      /^CONTAINER +REPOSITORY +TAG +PLATFORM +IMAGE ID +SIZE +CREATED\nweb-\S+ +busybox +latest +linux\/\w+ +[0-9a-f]{12} +[\d.]+MB +N\/A$/m,
    );
    expect(await must('looked', 'ls')).toMatch(
      new RegExp(`^looked +running\\(2\\) +${join(directoryOf('looked'), 'compose.yaml')}$`, 'm'),
    );
    const [stats] = (await must('looked', 'stats', '--no-stream', '--format', 'json', 'other')).trim().split('\n');
    expect(JSON.parse(stats ?? '')).toMatchObject({ Service: 'other', CPUPerc: expect.stringMatching(/%$/) as string });
    const archive = join(scratch, 'files.tar');
    await must('looked', 'export', '-o', archive, 'web');
    expect((await run(['tar', '-xOf', archive, './word'])).stdout).toBe('kept\n');
    expect((await run(['tar', '-tf', archive])).stdout).not.toMatch(/^\.\/proc\/\d/m);
    expect(await compose('looked', 'exec', '-T', 'other', 'nosuch')).toMatchObject({
      code: 127,
      stderr: expect.stringContaining('executable file not found') as string,
    });
    expect(await must('looked', 'exec', '-T', '-e', 'NOT_SET', 'other', 'env')).not.toContain('NOT_SET');
    for (const words of [
      ['ps', 'nope'],
      ['events', 'nope'],
      ['top', 'nope'],
      ['up', '-d', 'nope'],
      ['port', 'nope', '80'],
    ]) {
      const refused = await compose('looked', ...words);
      expect(refused, words.join(' ')).toMatchObject({ code: 1, stderr: 'error: no such service: nope\n' });
    }
    const attached = going('looked', 'attach', '--no-stdin', 'web');
    await says(attached, 'beat\nbeat\n');
    attached.interrupt();
    await attached.end;
    expect(await must('looked', 'ps', '--services')).toBe('other\nweb\n');
    await must('looked', 'down', '-t', '0');
  });

  it('are told of while they change, by events and logs', async () => {
    write(
      'told',
      `services:
  web: { image: busybox, init: true, command: sh -c "while :; do echo tick; sleep 0.2; done" }
  sick: { image: busybox, init: true, command: sleep 600, healthcheck: { test: 'false', interval: 1s, retries: 2 } }
`,
    );
    const events = going('told', 'events', '--json');
    await must('told', 'up', '-d', 'web');
    const logs = going('told', 'logs', '-f', '--no-log-prefix', 'web');
    await says(logs, 'tick');
    await must('told', 'restart', '-t', '0', 'web');
    await says(events, '"action":"die"');
    await must('told', 'up', '-d', '--force-recreate', '-t', '0', 'web');
    await must('told', 'up', '-d', '--scale', 'web=2', 'web');
    await must('told', 'up', '-d', 'sick');
    await says(events, '"action":"health_status: unhealthy"');
    expect(await must('told', 'ps', 'sick')).toContain('(unhealthy)');
    const failed = await compose('told', 'up', '-d', '--wait', '--wait-timeout', '60', 'sick');
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('container sick is unhealthy') as string });
    for (const action of ['create', 'start', 'destroy']) await says(events, `"action":"${action}"`);
    events.interrupt();
    logs.interrupt();
    expect(await Promise.all([events.end, logs.end])).toEqual([130, 130]);
    await must('told', 'down', '-t', '0');
  });
});

describe('up in the foreground', () => {
  it('stops what was named at Ctrl-C, kills it at the second, and leaves the rest', async () => {
    write(
      'front',
      `services:
  app: { image: busybox, command: sh -c "trap '' TERM; echo hello app; while :; do sleep 0.1; done", depends_on: [db] }
  db: { image: busybox, init: true, command: sh -c "echo hello db; sleep 600" }
`,
    );
    const up = going('front', 'up', '--menu=false', 'app');
    await says(up, 'hello app');
    expect(up.output()).not.toContain('hello db');
    up.interrupt();
    await says(up, 'Gracefully Stopping... press Ctrl+C again to force');
    await says(up, 'Container app  Stopping');
    up.interrupt();
    expect(await up.end).toBe(130);
    expect(up.output()).toContain('Container app  Killed');
    expect(await must('front', 'ps', '--services')).toBe('db\n');
    await must('front', 'down', '-t', '0');
  });

  it('ends with the first container when it is told to, and has the exit code of the chosen one', async () => {
    write(
      'codes',
      `services:
  test: { image: busybox, init: true, command: sleep 600 }
  other: { image: busybox, command: sh -c "sleep 0.5; exit 5" }
`,
    );
    expect(await compose('codes', 'up', '--abort-on-container-failure', '-t', '1')).toMatchObject({ code: 5 });
    expect(await compose('codes', 'up', '--exit-code-from', 'test', '-t', '1')).toMatchObject({ code: 143 });
    expect(await compose('codes', 'up', '--wait', '--abort-on-container-exit')).toMatchObject({ code: 1 });
    const logs = await compose('codes', 'logs', '-f', 'other');
    expect(logs).toMatchObject({ code: 0 });
    await must('codes', 'down', '-t', '0');
  });
});

describe('output', () => {
  it('is told apart in the foreground and by run, which also takes input; logs are one stream', async () => {
    write(
      'apart',
      `services:
  web: { image: busybox, command: sh -c "echo fine; echo wrong >&2; exit 3" }
`,
    );
    const up = await compose('apart', 'up', '--no-color');
    expect(up.code).toBe(0);
    expect(up.stdout).toMatch(/^Attaching to (web-\S+)\n\1 {2}\| fine\n\1 exited with code 3\n$/);
    expect(up.stderr).toMatch(/^web-\S+ {2}\| wrong$/m);
    expect((await must('apart', 'logs', '--no-log-prefix')).split('\n').toSorted()).toEqual(['', 'fine', 'wrong']);
    const run = (input: string, ...words: string[]): Promise<Ran> =>
      cluster.timonelWith(input, 'compose', '--project-directory', directoryOf('apart'), 'run', '--rm', '-T', ...words);
    expect(await run('', 'web')).toMatchObject({
      code: 3,
      stdout: 'fine\n',
      stderr: expect.stringMatching(/wrong\n$/),
    });
    expect(await run('one\ntwo\n', 'web', 'sh', '-c', 'wc -l; exit 4')).toMatchObject({ code: 4, stdout: '2\n' });
    await must('apart', 'down', '-t', '0');
  });

  it('goes on with the next life of a container', async () => {
    write('again', 'services:\n  web: { image: busybox, restart: always, command: sh -c "echo life; sleep 1" }\n');
    const up = going('again', 'up', '--no-log-prefix');
    await says(up, /life\nweb-\S+ exited with code 0\n(?:.*\n)*life\n/);
    up.interrupt();
    await up.end;
    await must('again', 'down', '-t', '0');
  });
});

describe('a published port', () => {
  it('is refused while another project, or another program, has it', async () => {
    const file = (port: number): string =>
      `services:\n  web: { image: busybox, init: true, command: sleep 600, ports: ['${port}:80'] }\n`;
    write('first', file(18962));
    write('second', file(18962));
    await must('first', 'up', '-d');
    await must('first', 'up', '-d', '--force-recreate', '-t', '0');
    expect(await compose('second', 'up', '-d')).toMatchObject({
      code: 1,
      stderr: 'error: Bind for 0.0.0.0:18962 failed: port is already allocated: service first/web-published has it\n',
    });
    await must('first', 'down', '-t', '0');
    await must('second', 'up', '-d');
    await must('second', 'down', '-t', '0');
    const program = createServer().listen(18962);
    const refused = await compose('second', 'up', '-d');
    program.close();
    expect(refused.stderr).toContain(
      'error: Bind for 0.0.0.0:18962 failed: port is already allocated: another program listens there\n',
    );
    expect((await cluster.tryKubectl('get', 'deployments', '-A', '-o', 'name')).stdout).not.toContain('web');
  });
});

describe('containers of a service', () => {
  it('are copied to all together, waited for, killed and removed', async () => {
    write(
      'all',
      `services:
  web: { image: busybox, init: true, scale: 2, command: sleep 600 }
  short: { image: busybox, command: sh -c "sleep 2; exit 4" }
`,
    );
    await must('all', 'run', '-d', 'web', 'sleep', '600');
    expect((await compose('all', 'exec', '-T', '--index', '1', 'web', 'true')).stderr).toBe(
      'error: service "web" is not running container #1\n',
    );
    await must('all', 'exec', '-T', 'web', 'true');
    await must('all', 'up', '-d');
    const waited = await compose('all', 'wait', 'short');
    expect(waited).toMatchObject({
      code: 4,
      stdout: expect.stringMatching(/^container "short-\S+" exited with status code 4\n$/),
    });
    await must('all', 'cp', join(directoryOf('all'), 'compose.yaml'), 'web:/copied');
    for (const index of ['1', '2']) await must('all', 'exec', '-T', '--index', index, 'web', 'test', '-f', '/copied');
    await must('all', 'pause', 'web');
    expect((await compose('all', 'pause', 'web')).stderr).toMatch(/^error: container web-\S+ is already paused\n$/);
    await must('all', 'unpause', 'web');
    const running = async (): Promise<string> => must('all', 'ps', '-aq', '--status', 'running', 'web');
    const oneOff = (await running()).split('\n').length;
    await must('all', 'stop', '-t', '0', 'web');
    expect((await running()).split('\n')).toHaveLength(oneOff - 2);
    expect(await must('all', 'ls')).not.toMatch(/^all /m);
    expect(await must('all', 'ls', '-a')).toMatch(/^all +exited\(3\) /m);
    await must('all', 'start', 'web');
    expect(await must('all', 'ls')).toMatch(/^all +exited\(1\), running\(2\) /m);
    await must('all', 'kill');
    expect((await compose('all', 'kill')).stderr).toBe('no container to kill\n');
    const asked = await cluster.timonelWith('n\n', 'compose', '--project-directory', directoryOf('all'), 'rm', 'web');
    expect(asked).toMatchObject({ code: 0, stderr: '? Going to remove web [yN] ' });
    expect(await must('all', 'ps', '-a', '--services')).toBe('short\nweb\n');
    expect(await must('all', 'rm', '-f', 'web')).toBe('Going to remove web\n');
    expect(await must('all', 'ps', '-a', '--services')).toBe('short\n');
    await must('all', 'down', '-t', '0');
  });
});

describe('what is run beside a service', () => {
  it('answers to its names only when it is told to', async () => {
    const serve = 'mkdir -p /w; echo $0 >/w/index.html; httpd -p 80 -h /w; sleep 600';
    write(
      'beside',
      `services:
  web:
    image: busybox
    init: true
    command: ['sh', '-c', '${serve.replace('$', '$$$$')}', 'own']
    ports: ['18961:80']
`,
    );
    await must('beside', 'up', '-d');
    const seen = async (): Promise<Set<string>> => {
      const pages = new Set<string>();
      for (let i = 0; i < 8; i++) {
        const page = await fetch('http://localhost:18961/', { signal: AbortSignal.timeout(5000) }).catch(
          () => undefined,
        );
        if (page) pages.add((await page.text()).trim());
      }
      return pages;
    };
    await eventually(async () => (await seen()).has('own'), 'the service answers');
    await must('beside', 'run', '-d', '--name', 'quiet', 'web', 'sh', '-c', serve, 'quiet');
    expect(await seen()).toEqual(new Set(['own']));
    await must('beside', 'run', '-d', '--name', 'loud', '--use-aliases', 'web', 'sh', '-c', serve, 'loud');
    await eventually(async () => (await seen()).has('loud'), 'both answer');
    const file = join(scratch, 'some.env');
    writeFileSync(file, 'A=1\nB="x y"\n');
    const script = 'echo "$A-$B"; grep CapEff /proc/self/status';
    const ran = await must(
      'beside',
      'run',
      '--rm',
      '-T',
      '--env-from-file',
      file,
      '--cap-drop',
      'ALL',
      'web',
      'sh',
      '-c',
      script,
    );
    expect(ran).toBe('1-x y\nCapEff:\t0000000000000000\n');
    await must('beside', 'down', '-t', '0');
  });
});

describe('watch', () => {
  it('restarts, and runs commands, when files have been copied', async () => {
    write(
      'live',
      `services:
  web:
    image: busybox
    init: true
    command: sh -c "echo begun; sleep 600"
    develop:
      watch:
        - { path: ./conf, action: sync+restart, target: /conf }
        - { path: ./src, action: sync+exec, target: /src, include: ['*.txt'], exec: { command: sh -c "cat /src/a.txt >>/seen" } }
`,
    );
    for (const part of ['conf', 'src']) mkdirSync(join(directoryOf('live'), part));
    const watch = going('live', 'watch');
    await says(watch, 'Watch enabled');
    const lives = async (): Promise<string> => must('live', 'logs', '--no-log-prefix', 'web');
    writeFileSync(join(directoryOf('live'), 'src/b.log'), 'not this');
    writeFileSync(join(directoryOf('live'), 'src/a.txt'), 'this\n');
    const read = async (path: string): Promise<string> =>
      (await compose('live', 'exec', '-T', 'web', 'cat', path)).stdout;
    await eventually(async () => (await read('/seen')) === 'this\n', 'the command has run');
    expect(await read('/src/b.log')).toBe('');
    writeFileSync(join(directoryOf('live'), 'conf/c'), 'new');
    await eventually(async () => (await lives()) === 'begun\nbegun\n', 'the service is restarted');
    watch.interrupt();
    await watch.end;
    await must('live', 'down', '-t', '0');
  });
});

describe('images', () => {
  it('are removed from nodes and library when nobody uses them: image rm, image prune, down --rmi', async () => {
    const file = (text: string): string =>
      `services:
  web: { build: { dockerfile_inline: "FROM busybox\\nRUN echo ${text} >/text\\n" }, init: true, command: sleep 600 }
`;
    const all = async (): Promise<string> => cluster.timonel('image', 'list');
    const onNodes = async (): Promise<string> =>
      cluster.kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].status.images[*].names[*]}');
    write('built', file('one'));
    await must('built', 'up', '-d');
    write('built', file('two'));
    const again = await compose('built', 'up', '-d', '--build', '-t', '0');
    expect(again.stderr).toContain(' Container web  Recreated\n');
    expect(await must('built', 'exec', '-T', 'web', 'cat', '/text')).toBe('two\n');
    expect(await cluster.tryTimonel('image', 'rm', 'built-web')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: conflict: unable to remove built-web \(must force\): \S+ built\/web\S* is using it\n$/,
      ) as string,
    });
    expect(await cluster.timonel('image', 'prune', '-f')).toMatch(
      /^Deleted Images:\ndeleted: sha256:\w{64}\n\nTotal reclaimed space: [1-9]/,
    );
    await cluster.timonel('image', 'prune', '-af', '--filter', 'until=24h');
    expect(await all()).toContain('built-web');
    const down = await compose('built', 'down', '-t', '0', '--rmi', 'local');
    expect(down.stderr).toContain(' Image docker.io/library/built-web:latest  Removed\n');
    expect(await all()).not.toContain('built-web');
    expect(await all()).toContain('busybox');
    await eventually(async () => !(await onNodes()).includes('built-web'), 'the nodes have it no more');
    expect(await cluster.tryTimonel('image', 'rm', 'built-web')).toMatchObject({
      code: 1,
      stderr: 'error: No such image: built-web\n',
    });
  });
});

describe('a stack', () => {
  it('is seen node by node, and goes where nodes have its label', async () => {
    const file = join(scratch, 'stack.yaml');
    writeFileSync(
      file,
      `services:
  web:
    image: busybox
    init: true
    command: sleep 600
    deploy: { replicas: 2, placement: { constraints: ['node.labels.disk == fast'] } }
`,
    );
    await cluster.timonel('node', 'update', '--label-add', 'disk=fast', 'ccm-2');
    await cluster.timonel('stack', 'deploy', '-c', file, '--detach=false', 'shelf');
    const tasks = await eventually(async () => {
      const ran = await cluster.tryTimonel('node', 'ps', 'ccm-2');
      return ran.stdout.split('shelf_web.').length === 3 ? ran.stdout : undefined;
    }, 'both tasks are on the node');
    expect(tasks).toMatch(/shelf_web/);
    expect((await cluster.timonel('node', 'ps', 'ccm-1')).includes('shelf_web')).toBe(false);
    expect(await cluster.timonel('stack', 'ps', 'shelf')).toContain('ccm-2');
    const changes = [
      '--read-only=true',
      '--workdir',
      '/tmp',
      '--host-add',
      'db.test:10.1.2.3',
      '--cap-add',
      'NET_ADMIN',
    ];
    await cluster.timonel('service', 'update', '--detach=false', ...changes, 'shelf_web');
    const container = JSON.parse(
      await cluster.timonel('service', 'inspect', '-f', '{{json .Spec.TaskTemplate.ContainerSpec}}', 'shelf_web'),
    ) as Record<string, unknown>;
    expect(container).toMatchObject({ Dir: '/tmp', ReadOnly: true, CapabilityAdd: ['CAP_NET_ADMIN'] });
    await cluster.timonel('service', 'update', '--detach=false', '--rollback', 'shelf_web');
    const now = await cluster.timonel(
      'service',
      'inspect',
      '-f',
      '{{json .Spec.TaskTemplate.ContainerSpec.Hosts}}',
      'shelf_web',
    );
    expect(now).toBe('null\n');
    await cluster.timonel('stack', 'rm', 'shelf');
    const nothing = { stdout: '', stderr: 'Nothing found in stack: shelf\n' };
    expect(await cluster.tryTimonel('stack', 'rm', 'shelf')).toMatchObject({ code: 0, ...nothing });
    expect(await cluster.tryTimonel('stack', 'services', 'shelf')).toMatchObject({ code: 0, ...nothing });
    expect(await cluster.tryTimonel('stack', 'ps', 'shelf')).toMatchObject({
      code: 1,
      stderr: 'error: nothing found in stack: shelf\n',
    });
  });
});
