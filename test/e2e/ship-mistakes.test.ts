import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { clusterForTests, eventually, root } from './support.ts';

const { cluster, scratch } = clusterForTests('shm');
const file = join(scratch, 'app/timonel.yaml');

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(scratch, 'app', path)), { recursive: true });
  writeFileSync(join(scratch, 'app', path), text);
};

const dockerfile = (build: string): string => `FROM busybox
RUN --mount=type=secret,id=token ${build}
COPY app.sh /app.sh
CMD ["sh", "/app.sh"]
`;

const shipFile = (test: string): string => `name: app
images: {app: {secrets: ["id=token,env=BUILD_TOKEN"]}}
test:
  - {name: gate, run: ${JSON.stringify(test)}, environment: {TEST_TOKEN: "\${env.TEST_TOKEN}"}}
deploy:
  chart: chart
  timeout: 60s
verify: [{service: app, port: http, contains: well}]
`;

beforeAll(async () => {
  write('app.sh', 'mkdir -p /tmp/www\ncd /tmp/www\necho well > index.html\nexec httpd -f -p 5000\n');
  write('Dockerfile', `${dockerfile('echo building')}EXPOSE 5000\n`);
  // For its chart, which asks at the exposed port.
  await cluster.timonel('init', join(scratch, 'app'));
  write('timonel.yaml', shipFile('echo testing'));
});

process.env['BUILD_TOKEN'] = 'hunter-of-builds';
process.env['TEST_TOKEN'] = 'hunter-of-tests';

/** Command lines of every process of the machine: anybody may read them. */
function commandLines(): string {
  const lines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        // It has ended meanwhile.
        return '';
      }
    });
  return lines.join('\n');
}

/** What working containers of builds and tests have mounted. */
const mounts = (): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes('/timonel/shm/builds/') && line.includes('/merged'));

/** Runs until something is said, then ends the process as a CI system does; gives what it said and how it ended. */
async function interruptAt(
  word: string,
  { command = ['ship', '-f', file] }: { command?: string[] } = {},
): Promise<{ code: number | null; output: string; seen: string }> {
  const running = cluster.background(process.execPath, join(root, 'dist/timonel.js'), ...command);
  const ended = new Promise<number | null>((resolve) => running.child.on('exit', resolve));
  await eventually(async () => running.output().split('\n').includes(word), word, 120_000);
  const seen = commandLines();
  running.child.kill('SIGINT');
  return { code: await ended, output: running.output(), seen };
}

describe('Ctrl-C', () => {
  it('in a build ends the build, and leaves nothing of it', async () => {
    write('Dockerfile', dockerfile('echo building; cat /run/secrets/token > /dev/null; sleep 1000.5'));
    const { code, output, seen } = await interruptAt('building');
    expect(output).toMatch(/error: interrupted\n$/);
    expect({ code, isLeft: commandLines().includes('sleep 1000.5'), mounts: mounts() }).toEqual({
      ...{ code: 130, isLeft: false, mounts: [] },
    });
    expect(output + seen).not.toContain('hunter');
  });

  it('in a build by itself does the same', async () => {
    write('Dockerfile', dockerfile('echo building; sleep 1000.7'));
    const command = ['build', '--secret', 'id=token,env=BUILD_TOKEN', '-t', 'app', join(scratch, 'app')];
    const { code, output } = await interruptAt('building', { command });
    expect(output).toMatch(/error: interrupted\n$/);
    expect({ code, isLeft: commandLines().includes('sleep 1000.7'), mounts: mounts() }).toEqual({
      ...{ code: 130, isLeft: false, mounts: [] },
    });
  });

  it('in a test ends the test, whose environment nobody sees', async () => {
    write('Dockerfile', dockerfile('test "$(wc -c < /run/secrets/token)" = 16'));
    write('timonel.yaml', shipFile('test ${#TEST_TOKEN} = 15 && echo testing; sleep 1000.6'));
    const { code, output, seen } = await interruptAt('testing');
    expect(output).not.toContain('panic');
    expect(output).toMatch(/error: interrupted\n$/);
    expect({ code, isLeft: commandLines().includes('sleep 1000.6'), mounts: mounts() }).toEqual({
      ...{ code: 130, isLeft: false, mounts: [] },
    });
    expect(seen).toContain('sleep 1000.6');
    expect(output + seen).not.toContain('hunter');
  });
});

describe('a build that fails', () => {
  it('leaves no container behind, and its image knows no secret', async () => {
    write('Dockerfile', dockerfile('cat /run/secrets/none'));
    const failed = await cluster.tryTimonel('ship', '-f', file);
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toContain('app/Dockerfile:2: RUN --mount=type=secret,id=token cat /run/secrets/none');
    expect(mounts()).toEqual([]);
    const images = '/var/lib/timonel/shm/images';
    const archives = readdirSync(images).filter((name) => name.endsWith('.tar'));
    const holders = archives.filter((name) => readFileSync(join(images, name)).includes('hunter-of-'));
    expect({ isAny: archives.length > 0, holders }).toEqual({ isAny: true, holders: [] });
  });
});
