import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImageLibrary } from '../image-library.ts';
import { buildImageFromDockerfile, type BuildRequest } from './build-image.ts';

let scratch: string;
let path: string | undefined;
/** What the library was given: archive's text and name. */
let imported: { text: string; name: string | undefined; sockets: readonly string[] | undefined }[];

/** A `docker` that writes down its arguments, one a line, and saves an archive where it is told to. */
const docker = `#!/bin/sh
printf '%s\\n' "$@" --- >> "$0.calls"
[ "$1" = build ] && printf '%s' "$GREETING" > "$0.greeting"
[ "$1" = build ] && echo 'step 1' >&2 && [ -e "$0.broken" ] && cat "$0.broken" >&2 && exit 17
[ "$1" = save ] && echo "archive of $4" > "$3"
exit 0
`;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'timonel-build-'));
  for (const directory of ['bin', 'context', 'storage']) mkdirSync(join(scratch, directory));
  writeFileSync(join(scratch, 'bin/docker'), docker);
  chmodSync(join(scratch, 'bin/docker'), 0o755);
  writeFileSync(join(scratch, 'context/Dockerfile'), 'FROM scratch\n');
  path = process.env['PATH'];
  process.env['PATH'] = `${join(scratch, 'bin')}${delimiter}${path}`;
  imported = [];
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(scratch, { recursive: true, force: true });
});

function build(request: Partial<BuildRequest> = {}, onProgress?: (text: string) => void): Promise<string[]> {
  const library: Pick<ImageLibrary, 'import'> = {
    import: (archive, options) => {
      const { name, sockets } = options;
      imported.push({ text: readFileSync(archive, 'utf8'), name, sockets });
      return Promise.resolve([]);
    },
  };
  return buildImageFromDockerfile(
    { context: join(scratch, 'context'), names: ['shop'], ...request },
    {
      ...{ builder: 'docker', storageDirectory: join(scratch, 'storage'), cacheDirectory: scratch },
      ...{ library: library as ImageLibrary, libraryDirectory: scratch, sockets: ['node.sock'] },
      onNotice: () => undefined,
      ...(onProgress && { onProgress }),
    },
  );
}

const calls = (): string[][] =>
  readFileSync(join(scratch, 'bin/docker.calls'), 'utf8')
    .split('---\n')
    .slice(0, -1)
    .map((call) => call.trimEnd().split('\n'));

describe('a build by Docker', () => {
  it('is built, saved, and given to the library under every name', async () => {
    const progress: string[] = [];
    const names = await build({ names: ['shop', 'localhost:5000/shop:2'] }, (text) => void progress.push(text));
    expect(names).toEqual(['docker.io/library/shop:latest', 'localhost:5000/shop:2']);
    const context = join(scratch, 'context');
    const archive = join(scratch, `storage/built-${process.pid}.tar`);
    expect(calls()).toEqual([
      ['build', '-t', names[0], '-f', join(context, 'Dockerfile'), context],
      ['save', '-o', archive, names[0]],
    ]);
    const text = `archive of ${names[0]}\n`;
    expect(imported).toEqual(names.map((name) => ({ text, name, sockets: ['node.sock'] })));
    expect(existsSync(archive)).toBe(false);
    expect(progress.join('')).toContain('step 1');
  });

  it('tells no secret, neither as it goes on nor in its error', async () => {
    writeFileSync(join(scratch, 'token'), 'hunter2-of-a-file\n');
    writeFileSync(join(scratch, 'bin/docker.broken'), 'got hunter2-of-a-file\nERROR: cannot use hunter2-argument\n');
    const request = {
      secrets: [`id=token,src=${join(scratch, 'token')}`],
      buildArgs: { NPM_TOKEN: 'hunter2-argument' },
    };
    const progress: string[] = [];
    const loud = await build(request, (text) => void progress.push(text)).catch(String);
    const quiet = await build(request).catch(String);
    expect(progress.join('')).toContain('got ***\nERROR: cannot use ***\n');
    for (const text of [...progress, loud, quiet]) expect(text).not.toContain('hunter2');
    expect(loud).toContain('cannot use ***');
    expect(quiet).toContain('got ***');
  });

  it('has every flag, values with spaces as one word, and build arguments where nobody else can read them', async () => {
    await build({
      ...{ buildArgs: { GREETING: 'good morning', EMPTY: '' }, target: 'runtime', noCache: true, pull: 'always' },
      ...{ secrets: ['id=token,env=TOKEN'], ssh: ['default'], labels: ['team=a b'], platforms: [] },
      ...{ addHosts: ['db:10.0.0.1'], buildContexts: ['shared=../shared'], network: 'host' },
      ...{ cacheFrom: ['type=registry,ref=cache'], cacheTo: ['type=inline'] },
    });
    const [words = []] = calls();
    expect(readFileSync(join(scratch, 'bin/docker.greeting'), 'utf8')).toBe('good morning');
    expect(words.slice(0, words.indexOf('-t'))).toEqual([
      ...['build', '--build-arg', 'GREETING', '--build-arg', 'EMPTY'],
      ...['--secret', 'id=token,env=TOKEN', '--ssh', 'default', '--label', 'team=a b'],
      ...['--cache-from', 'type=registry,ref=cache', '--cache-to', 'type=inline'],
      ...['--target', 'runtime', '--no-cache', '--pull'],
      ...['--add-host', 'db:10.0.0.1', '--build-context', 'shared=../shared', '--network', 'host'],
    ]);
  });

  it('ends with what Docker says when it fails, and leaves nothing behind', async () => {
    const broken = (said: string): void => writeFileSync(join(scratch, 'bin/docker.broken'), said);
    const dockerfile = join(scratch, 'context/Dockerfile');
    writeFileSync(dockerfile, 'FROM scratch\n# comment\nRUN a \\\n  b\n');
    broken('ERROR: failed to solve: no such file\n');
    const seen = (): void => undefined;
    const failed = { exitCode: 17, message: `${dockerfile}: failed to solve: no such file` };
    await expect(build({}, seen)).rejects.toMatchObject(failed);
    broken('many words\nError: building at STEP "RUN a   b": exit status 1\n');
    await expect(build({}, seen)).rejects.toMatchObject({ message: `${dockerfile}:3: RUN a   b: exit status 1` });
    await expect(build()).rejects.toThrow('exit status 1\nstep 1\nmany words\n');
    broken('Error: building at STEP "RUN a b": checking "c": stat: "/d": none\n');
    await expect(build({}, seen)).rejects.toMatchObject({
      message: `${dockerfile}:3: RUN a b: checking "c": stat: "/d": none`,
    });
    broken('Error: building at STEP "FROM ": Build error: Unknown instruction: "FROM" &imagebuilder.Step{Env:[]}\n');
    await expect(build({}, seen)).rejects.toMatchObject({
      message: `${dockerfile}:1: FROM: Unknown instruction: "FROM"`,
    });
    broken('');
    await expect(build({}, seen)).rejects.toMatchObject({ message: `${dockerfile}: exit code 17` });
    expect(imported).toEqual([]);
    await expect(build({ dockerfile: join(scratch, 'none') })).rejects.toThrow('there is no file');
  });
});
