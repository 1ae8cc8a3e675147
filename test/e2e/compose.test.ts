import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { clusterForTests, eventually, type Ran, root } from './support.ts';

const { cluster, scratch } = clusterForTests('cmp');
const examples = join(scratch, 'examples');

beforeAll(() => cpSync(join(root, 'examples/compose'), examples, { recursive: true }));

/** A command on an example, or on a file that is written for the test. */
function compose(project: string, ...args: string[]): Promise<Ran> {
  return cluster.tryTimonel('compose', '--project-directory', join(examples, project), '-f', fileOf(project), ...args);
}

async function mustCompose(project: string, ...args: string[]): Promise<string> {
  const ran = await compose(project, ...args);
  expect(ran, `${args.join(' ')}: ${ran.stderr}`).toMatchObject({ code: 0 });
  return ran.stdout;
}

function fileOf(project: string): string {
  return join(examples, project, /^(?:format-|swarm)/.test(project) ? 'docker-compose.yml' : 'compose.yaml');
}

function write(project: string, text: string): void {
  cpSync(join(examples, 'isolation'), join(examples, project), { recursive: true });
  writeFileSync(fileOf(project), text);
}

const watched = `services:
  web:
    image: busybox
    init: true
    command: sleep 600
    develop:
      watch: [{path: ., action: sync, target: /tmp/live, ignore: [compose.yaml], initial_sync: true}]
`;

async function answer(port: number): Promise<string> {
  return eventually(async () => {
    const response = await fetch(`http://localhost:${port}/`, { signal: AbortSignal.timeout(5000) }).catch(
      () => undefined,
    );
    return response?.ok ? response.text() : undefined;
  }, `port ${port} answers`);
}

describe('a web app and its database', () => {
  it('is built, started, opened at localhost, and keeps its data when it is taken down', async () => {
    const up = await compose('web-database', 'up', '-d');
    expect(up).toMatchObject({ code: 0 });
    expect(up.stderr).toMatch(/ Container db {2}Started\n Container web {2}Created\n Container web {2}Started\n$/);
    expect(await answer(3005)).toBe('hello from web\nvisits: 1\n');
    expect(await answer(3005)).toBe('hello from web\nvisits: 2\n');
    expect(await mustCompose('web-database', 'port', 'web', '8080')).toBe('0.0.0.0:3005\n');
    await mustCompose('web-database', 'down');
    expect(await mustCompose('web-database', 'ps', '-aq')).toBe('');
    await mustCompose('web-database', 'up', '-d');
    expect(await answer(3005)).toBe('hello from web\nvisits: 3\n');
  });

  it('is looked at, talked to, scaled, stopped and started', async () => {
    const shown = JSON.parse((await mustCompose('web-database', 'ps', '--format', 'json', 'web')).trim()) as object;
    expect(shown).toMatchObject({
      Service: 'web',
      State: 'running',
      Publishers: [{ PublishedPort: 3005, TargetPort: 8080 }],
    });
    expect(await compose('web-database', 'exec', '-T', 'web', 'sh', '-c', 'echo in; exit 7')).toMatchObject({
      code: 7,
      stdout: 'in\n',
    });
    expect(await mustCompose('web-database', 'logs', '--no-log-prefix', 'db')).toBe('database listens on 5432\n');
    await mustCompose('web-database', 'up', '-d', '--scale', 'web=3');
    expect((await mustCompose('web-database', 'ps', '-q', 'web')).trim().split('\n')).toHaveLength(3);
    const before = await mustCompose('web-database', 'ps', '-q', 'web');
    await mustCompose('web-database', 'stop', 'web');
    expect(await mustCompose('web-database', 'ps', '--services')).toBe('db\n');
    expect(await mustCompose('web-database', 'ps', '-aq', 'web')).toBe(before);
    await mustCompose('web-database', 'start');
    expect(await mustCompose('web-database', 'ps', '-q', 'web')).toBe(before);
    expect(await answer(3005)).toMatch(/^hello from web\nvisits: \d+\n$/);
    await mustCompose('web-database', 'cp', join(examples, 'README.md'), 'db:/tmp/README');
    await mustCompose('web-database', 'cp', 'db:/tmp/README', join(scratch, 'copied'));
  });

  it('runs one more container, and ends as that does', async () => {
    const ran = await compose('web-database', 'run', '--rm', '-e', 'WHO=me', 'web', 'sh', '-c', 'echo $WHO; exit 4');
    expect(ran).toMatchObject({ code: 4, stdout: 'me\n' });
    expect(await mustCompose('web-database', 'ps', '-a', '--services')).toBe('db\nweb\n');
  });

  it('is gone with its data after down -v', async () => {
    await mustCompose('web-database', 'down', '-v');
    const isGone = async (): Promise<boolean> =>
      (await cluster.tryKubectl('get', 'namespace', 'web-database')).code === 1;
    await eventually(isGone, 'the namespace is gone');
    expect(await cluster.kubectl('get', 'pv', '-o', 'name')).toBe('');
  });
});

describe('what a service depends on', () => {
  it('is healthy, and through, before it starts', async () => {
    const up = await compose('migrations', 'up', '-d');
    const steps = up.stderr.split('\n').filter((line) => / Container /.test(line));
    const at = (text: string): number => steps.indexOf(` Container ${text}`);
    expect(at('db  Healthy')).toBeLessThan(at('migrate  Created'));
    expect(at('migrate  Exited')).toBeLessThan(at('app  Created'));
    expect(await answer(18009)).toBe('hello from web\nvisits: 1\n');
    expect(await mustCompose('migrations', 'ps', '-a', '--status', 'exited', '--services')).toBe('migrate\n');
    await mustCompose('migrations', 'down', '-v');
  });

  it('stops everything when it fails, and the exit code is the asked-for service’s', async () => {
    const broken =
      'services:\n  app:\n    image: busybox\n    command: sleep 9\n    depends_on: {setup: {condition: service_completed_successfully}}\n';
    write('broken', `${broken}  setup:\n    image: busybox\n    command: sh -c "exit 9"\n`);
    const ran = await compose('broken', 'up', '-d');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('service "setup" didn\'t complete successfully: exit 9');
    await mustCompose('broken', 'down');
    write(
      'tested',
      'services:\n  test:\n    image: busybox\n    command: sh -c "echo tested; exit 3"\n  other:\n    image: busybox\n    init: true\n    command: sleep 600\n',
    );
    expect(await compose('tested', 'up', '--exit-code-from', 'test', '-t', '1')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^test-\w+ +\| tested\ntest-\w+ exited with code 3\n/m) as string,
    });
    await mustCompose('tested', 'down', '-t', '0');
  });
});

describe('a container that ends', () => {
  it('stays as it ended unless its restart policy says else, and starts again when it is told to', async () => {
    const file = `services:
  once: { image: busybox, command: sh -c "echo ran; exit 3" }
  retry: { image: busybox, command: sh -c "echo try; exit 4", restart: "on-failure:1" }
  other: { image: busybox, init: true, command: sleep 600 }
  my_server: { image: busybox, user: nobody, init: true, command: sh -c "id -un; sleep 600" }
`;
    write('ending', file);
    await mustCompose('ending', 'up', '-d');
    const ended = async (): Promise<Record<string, number>> => {
      const lines = (await mustCompose('ending', 'ps', '-a', '--status', 'exited', '--format', 'json'))
        .trim()
        .split('\n');
      const shown = lines.filter(Boolean).map((line) => JSON.parse(line) as { Service: string; ExitCode: number });
      return Object.fromEntries(shown.map(({ Service, ExitCode }) => [Service, ExitCode]));
    };
    await eventually(async () => Object.keys(await ended()).length === 2, 'two have ended');
    expect(await ended()).toEqual({ once: 3, retry: 4 });
    expect(await mustCompose('ending', 'ps', '--services')).toBe('my_server\nother\n');
    expect(await mustCompose('ending', 'logs', '--no-log-prefix', 'my_server')).toBe('nobody\n');
    expect(await compose('ending', 'exec', '-T', '-u', 'root', 'other', 'id', '-un')).toMatchObject({
      stdout: 'root\n',
    });
    expect(await compose('ending', 'exec', '-T', '-u', 'nobody', 'other', 'id', '-un')).toMatchObject({
      stdout: 'nobody\n',
    });
    // A name that a Service cannot have.
    expect(await compose('ending', 'exec', '-T', 'my_server', 'nslookup', 'my_server')).toMatchObject({
      stdout: expect.stringMatching(/^Name:\s+my_server\./m) as string,
    });
    const first = await mustCompose('ending', 'ps', '-aq', 'once');
    await mustCompose('ending', 'start', 'once');
    expect(await mustCompose('ending', 'ps', '-aq', 'once')).toBe(first);
    await eventually(async () => Object.keys(await ended()).length === 2, 'they have ended again');
    expect(await mustCompose('ending', 'logs', '--no-log-prefix', 'once')).toBe('ran\nran\n');
    await mustCompose('ending', 'down', '-t', '0');
  });

  it('is the same one when it is stopped and started: with its logs, its exit code and its anonymous volumes', async () => {
    const command = 'sh -c "echo life >>/kept/lives; wc -l </kept/lives; exec sleep 600"';
    const file = `services:
  web: { image: busybox, init: true, restart: always, volumes: [/kept], command: ${command} }
  job: { image: busybox, init: true, restart: "no", command: sh -c "echo job; exec sleep 600" }
`;
    write('held', file);
    await mustCompose('held', 'up', '-d');
    const pods = await mustCompose('held', 'ps', '-q', 'web');
    const isLife = (count: number) => async (): Promise<boolean> =>
      (await mustCompose('held', 'logs', '--no-log-prefix', '--tail', '1', 'web')) === `${count}\n`;
    await eventually(isLife(1), 'it has begun');
    await mustCompose('held', 'stop');
    expect(await mustCompose('held', 'ps', '-a', '--format', '{{.Service}} {{.State}} {{.ExitCode}}')).toBe(
      'job exited 143\nweb exited 143\n',
    );
    expect(await mustCompose('held', 'logs', '--no-log-prefix', 'web')).toBe('1\n');
    expect(await mustCompose('held', 'logs', '--no-log-prefix', 'job')).toBe('job\n');
    await mustCompose('held', 'start');
    expect(await mustCompose('held', 'ps', '--services')).toBe('job\nweb\n');
    await eventually(isLife(2), 'it has begun again');
    await mustCompose('held', 'restart', '-t', '1', 'web');
    await eventually(isLife(3), 'it has begun once more');
    await mustCompose('held', 'kill', 'web');
    expect(await mustCompose('held', 'ps', '-a', '--format', '{{.ExitCode}}', 'web')).toBe('137\n');
    await mustCompose('held', 'up', '-d');
    await eventually(isLife(4), 'up starts what was stopped');
    expect(await mustCompose('held', 'ps', '-q', 'web')).toBe(pods);
    await mustCompose('held', 'rm', '-sf', 'job');
    expect(await mustCompose('held', 'ps', '-a', '--services')).toBe('web\n');
    await mustCompose('held', 'down', '-t', '0');
  });
});

describe('hooks before the start', () => {
  it('run one after the other as containers of the service, and a failing one holds the service back', async () => {
    const file = `services:
  web:
    image: busybox
    init: true
    user: "1000:1000"
    environment: { A: one }
    command: sh -c "cat /data/log; exec sleep 600"
    volumes: [data:/data]
    pre_start:
      - { command: sh -c "echo $$A $$B $$(id -u) >>/data/log; chown -R 1000 /data", user: root, environment: { B: two } }
      - { command: sh -c "echo second >>/data/log" }
  bad: { image: busybox, command: sleep 1, profiles: [bad], pre_start: [{ command: sh -c "exit 17" }] }
volumes: { data: {} }
`;
    write('hooked', file);
    await mustCompose('hooked', 'up', '-d');
    const isTold = async (): Promise<boolean> =>
      (await mustCompose('hooked', 'logs', '--no-log-prefix', 'web')) === 'one two 0\nsecond\n';
    await eventually(isTold, 'the hooks have run before it');
    expect(await compose('hooked', '--profile', 'bad', 'up', '-d', 'bad')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('container bad cannot start: pre_start[0] exited with code 17\n') as string,
    });
    await mustCompose('hooked', '--profile', 'bad', 'down', '-v', '-t', '0');
  });
});

describe('a container that is paused', () => {
  it('stands still until it goes on, or is taken down', async () => {
    const loop = 'while :; do date +%s%N >/tmp/now; sleep 0.05; done';
    write('paused', `services:\n  clock: { image: busybox, command: sh -c "${loop}", volumes: ["./now:/tmp"] }\n`);
    await mustCompose('paused', 'up', '-d');
    const now = (): string => readFileSync(join(examples, 'paused/now/now'), 'utf8');
    const hasMoved = async (before: string): Promise<boolean> => (await Promise.resolve(now())) !== before;
    await eventually(() => Promise.resolve(existsSync(join(examples, 'paused/now/now'))), 'it writes the time');
    expect((await compose('paused', 'pause')).stderr).toBe(' Container clock  Paused\n');
    const stopped = now();
    expect(await mustCompose('paused', 'ps')).toContain('(Paused)');
    expect(await compose('paused', 'exec', '-T', 'clock', 'true')).toMatchObject({ code: 1 });
    expect(now()).toBe(stopped);
    await mustCompose('paused', 'unpause', 'clock');
    await eventually(() => hasMoved(stopped), 'it goes on');
    await mustCompose('paused', 'pause');
    await mustCompose('paused', 'down', '-t', '0');
  });
});

const seeded = `services:
  web:
    init: true
    build:
      ulimits: { nofile: 300 }
      dockerfile_inline: |
        FROM busybox
        RUN mkdir /real && echo "seeded under $$(ulimit -n)" >/real/file && chown 33:33 /real && chmod 750 /real
        RUN cp -r /real /other && ln -s /other /data && echo docker:x:998: >>/etc/group
        RUN cp -rp /real /declared
        VOLUME /declared
        HEALTHCHECK --interval=1s CMD test -e /tmp/healthy
        CMD ["sh", "-c", "sleep 1; touch /tmp/healthy; exec sleep 600"]
    ulimits: { nofile: { soft: 123, hard: 456 } }
    pids_limit: 40
    cpuset: '0'
    group_add: [docker, '5']
    secrets: [{ source: word, uid: '103', gid: '104', mode: 0440 }]
    volumes: ['data:/real', '/data', 'none:/none', { type: image, source: busybox, target: /image }]
  next:
    image: busybox
    depends_on: { web: { condition: service_healthy } }
    command: 'true'
secrets: { word: { environment: PATH } }
volumes: { data: , none: }
`;

describe('what the image has, and what pods have no field for', () => {
  it('is there as in Docker: its healthcheck, its files in empty volumes, limits, groups', async () => {
    write('seeded', seeded);
    const up = await compose('seeded', 'up', '-d', '--build');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    expect(up.stderr).toMatch(/ Container web {2}Healthy\n Container next {2}Created/);
    expect(await mustCompose('seeded', 'ps', 'web')).toContain('(healthy)');
    const inside = (script: string): Promise<string> => mustCompose('seeded', 'exec', '-T', 'web', 'sh', '-c', script);
    expect(await inside('ulimit -n; ulimit -Hn; id -G; grep Cpus_allowed_list /proc/self/status')).toBe(
      '123\n456\n0 5 998\nCpus_allowed_list:\t0\n',
    );
    expect(await inside('stat -c "%u:%g %a" /real; cat /real/file /data/file; ls /none')).toBe(
      '33:33 750\nseeded under 300\nseeded under 300\n',
    );
    expect(await inside('stat -Lc "%u:%g %a" /run/secrets/word')).toBe('103:104 440\n');
    const forks = 'for i in $(seq 60); do sleep 5 & done; true';
    expect((await compose('seeded', 'exec', '-T', 'web', 'sh', '-c', forks)).stderr).toContain("can't fork");
    expect(await inside('stat -c "%u:%g %a" /declared; ls -d /image/bin')).toBe('33:33 750\n/image/bin\n');
    // Volumes without a name go on to the next container, unless they are to be new ones.
    const places = '/real /data /declared';
    await inside(`for place in ${places}; do rm $place/file; echo own >$place/own; done`);
    await mustCompose('seeded', 'restart', '-t', '0', 'web');
    expect(await inside(`cat ${places.replaceAll(/(\S+)/g, '$1/*')}`)).toBe('own\nown\nown\n');
    await mustCompose('seeded', 'up', '-d', '--force-recreate');
    expect(await inside(`cat ${places.replaceAll(/(\S+)/g, '$1/*')}`)).toBe('own\nown\nown\n');
    expect(await mustCompose('seeded', 'run', '--rm', '-T', '--no-deps', 'web', 'ls', '/data', '/declared')).toBe(
      '/data:\nfile\n\n/declared:\nfile\n',
    );
    await mustCompose('seeded', 'up', '-d', '--force-recreate', '-V');
    expect(await inside('ls /real /data /declared')).toBe('/data:\nfile\n\n/declared:\nfile\n\n/real:\nown\n');
    // A volume that is there is shared by more containers than before.
    await mustCompose('seeded', 'up', '-d', '--scale', 'web=2');
    await mustCompose('seeded', 'down', '-v', '-t', '0');
  });
});

describe('networks', () => {
  it('keep services apart that share none, and an internal one leads nowhere', async () => {
    await mustCompose('isolation', 'up', '-d', '--wait');
    expect(await answer(18018)).toBe('hello from api\nvisits: 1\n');
    const reaches = (from: string, to: string): Promise<Ran> =>
      compose('isolation', 'exec', '-T', from, 'timeout', '2', 'wget', '-qO-', `http://${to}`);
    expect(await reaches('api', 'db:5432/cgi-bin/health')).toMatchObject({ code: 0 });
    expect(await reaches('frontend', 'backend:8080')).toMatchObject({ code: 0 });
    expect((await reaches('frontend', 'db:5432/cgi-bin/health')).code).not.toBe(0);
    // The database has no way to the api’s published neighbours, nor to other projects.
    expect((await reaches('db', 'frontend:8080')).code).not.toBe(0);
    await mustCompose('isolation', 'down', '-v');
  });
});

describe('projects of the kinds that people publish', () => {
  it('get files that change, and run what they say of them', async () => {
    write('watched', watched);
    writeFileSync(join(examples, 'watched/page'), 'there before');
    const dist = join(root, 'dist/timonel.js');
    const { child, output } = cluster.background(process.execPath, dist, 'compose', '-f', fileOf('watched'), 'watch');
    await eventually(() => Promise.resolve(output().includes('Watch enabled')), 'watch is on');
    const page = (): Promise<Ran> => compose('watched', 'exec', '-T', 'web', 'cat', '/tmp/live/page');
    await eventually(async () => (await page()).stdout === 'there before', 'what was there is in the container');
    writeFileSync(join(examples, 'watched/page'), 'changed');
    await eventually(async () => (await page()).stdout === 'changed', 'the file is in the container');
    child.kill('SIGINT');
    await mustCompose('watched', 'down', '-t', '0');
  });

  it('are converted to manifests that kubectl applies', async () => {
    const manifests = await mustCompose('swarm', 'convert');
    await cluster.kubectlWith(manifests, 'apply', '--dry-run=client', '-f', '-');
  });
});
