import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packChart, unpackChart } from './archive.ts';
import { parseIgnoreRules } from './helm-ignore.ts';
import { loadArchive, loadChart } from './load-chart.ts';

type EntryHeader = Partial<Header> & { name: string };

const chartYaml = 'apiVersion: v2\nname: web\nversion: 1.0.0\n';

async function archive(entries: readonly (EntryHeader & { text?: string })[]): Promise<Uint8Array> {
  const tar = pack();
  for (const { text = '', ...header } of entries) tar.entry({ size: Buffer.byteLength(text), ...header }, text);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}

/** The block of 512 bytes before an entry (POSIX, "ustar Interchange Format"), with a size that nothing needs to keep. */
function tarHeader({ name, type, size }: { name: string; type: 'directory' | 'pax-header'; size: number }): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write('0000644\0', 100);
  block.write(size.toString(8).padStart(11, '0'), 124);
  block.write('00000000000', 136);
  block.write(' '.repeat(8), 148);
  block.write(type === 'directory' ? '5' : 'x', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

describe('a chart’s archive', () => {
  const file = (name: string, text = 'x'): EntryHeader & { text: string } => ({ name, text });

  it('holds the files of one directory, whatever its name', async () => {
    const files = await unpackChart(
      await archive([
        { name: 'any/', type: 'directory' },
        file('any/Chart.yaml', chartYaml),
        file('./any/templates/a.yaml'),
      ]),
      'web.tgz',
    );
    expect(files.map(({ name }) => name)).toEqual(['Chart.yaml', 'templates/a.yaml']);
  });

  it.each([
    ['a path that leads out', [file('web/../../etc/passwd')], 'leads out of the chart'],
    ['a path that leads out with backslashes', [file('web\\..\\..\\etc')], 'leads out of the chart'],
    ['an absolute path', [file('/etc/passwd')], 'contains an absolute path'],
    ['a path with a drive', [file('C:/web/x')], 'contains an absolute path'],
    ['a file beside the directory', [file('Chart.yaml')], 'outside the base directory'],
    ['a symbolic link', [{ name: 'web/x', type: 'symlink' as const, linkname: '/etc/passwd' }], 'is a symlink'],
    ['a hard link', [{ name: 'web/x', type: 'link' as const, linkname: 'web/y' }], 'is a link'],
    ['a device', [{ name: 'web/x', type: 'character-device' as const }], 'is a character-device'],
    ['one file twice', [file('web/a'), file('web/a')], 'holds a twice'],
    ['nothing', [], 'no files in chart archive'],
    ['too many files', Array.from({ length: 10_001 }, (_, i) => file(`web/${i}`)), 'more than 10000 files'],
  ])('is refused with %s', async (_, entries, message) => {
    await expect(unpackChart(await archive(entries), 'web.tgz')).rejects.toThrow(message);
  });

  it('is refused when it is none', async () => {
    await expect(unpackChart(Buffer.from('PK'), 'web.zip')).rejects.toThrow('does not appear to be a gzipped archive');
    await expect(unpackChart(gzipSync('no tar'.repeat(500)), 'x.tgz')).rejects.toThrow(
      'x.tgz is not a readable archive',
    );
    const whole = await archive([file('web/Chart.yaml', chartYaml)]);
    await expect(unpackChart(whole.subarray(0, 60), 'x.tgz')).rejects.toThrow('x.tgz is not a readable archive');
  });

  it('that unpacks to a hundred megabytes is refused before it has', async () => {
    const zeros = '\0'.repeat(19 * 2 ** 20);
    const bomb = await archive(Array.from({ length: 7 }, (_, i) => file(`web/${i}`, zeros)));
    expect(bomb.length).toBeLessThan(1_000_000);
    await expect(unpackChart(bomb, 'bomb.tgz')).rejects.toThrow('unpacks to more than 100 MiB');
    const large = await archive([file('web/a', '\0'.repeat(21 * 2 ** 20))]);
    await expect(unpackChart(large, 'large.tgz')).rejects.toThrow('a is larger than 20 MiB');
  });

  it.each([
    ['a directory that has content', 'directory' as const, 'unpacks to more than 100 MiB'],
    ['a header that describes the next entry', 'pax-header' as const, 'is not a readable archive'],
  ])('that unpacks to gigabytes in %s is refused early', async (_, type, message) => {
    const header = gzipSync(tarHeader({ name: 'web/x', type, size: 4 * 2 ** 30 }));
    // A file of gzip may have several members: together they are what each of them gives, one after the other.
    const zeros = gzipSync(Buffer.alloc(16 * 2 ** 20));
    const bomb = Buffer.concat([header, ...Array<Buffer>(16).fill(zeros)]);
    await expect(unpackChart(bomb, 'bomb.tgz')).rejects.toThrow(message);
  });

  it('cannot hold archives in archives without end', async () => {
    let data = await archive([file('web/Chart.yaml', chartYaml)]);
    for (let i = 0; i < 40; i++) {
      const inner = { name: 'charts/web.tgz', data };
      data = await packChart('web', [{ name: 'Chart.yaml', data: Buffer.from(chartYaml) }, inner], 0);
    }
    await expect(loadArchive(data, 'deep.tgz')).rejects.toThrow('charts are nested more than 32 deep');
  });

  it('is the same, byte for byte, for the same files', async () => {
    const files = [{ name: 'Chart.yaml', data: Buffer.from(chartYaml), modified: 60_000 }];
    const [one, two] = [await packChart('web', files, 1000), await packChart('web', files, 2000)];
    expect(Buffer.compare(one, two)).toBe(0);
    expect((await loadArchive(one, 'web.tgz')).modified).toBe(60_000);
    expect((await loadArchive(one, 'web.tgz')).metadata).toMatchObject({ name: 'web', version: '1.0.0' });
  });
});

describe('a chart’s directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'timonel-chart-'));
    write('web/Chart.yaml', chartYaml);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function write(name: string, text = 'x'): void {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const load = () => loadChart(join(directory, 'web'));
  const namesOf = async () => (await load()).raw.map(({ name }) => name);

  it('is read without what .helmignore names', async () => {
    write('web/.helmignore', '*.bak\n/top.txt\nprivate/\n');
    for (const name of ['a.bak', 'templates/b.bak', 'top.txt', 'files/top.txt', 'private/key', 'files/private'])
      write(`web/${name}`);
    expect(await namesOf()).toEqual(['.helmignore', 'Chart.yaml', 'files/private', 'files/top.txt']);
  });

  it('may hold links that stay inside', async () => {
    write('web/files/a.txt', 'text');
    symlinkSync('files/a.txt', join(directory, 'web/b.txt'));
    symlinkSync('files', join(directory, 'web/c'));
    expect(await namesOf()).toEqual(['Chart.yaml', 'b.txt', 'c/a.txt', 'files/a.txt']);
  });

  it.each([
    ['a link to a file of the machine', '/etc/passwd', 'is a link that leads out of the chart'],
    ['a link to a file beside the chart', '../secret', 'is a link that leads out of the chart'],
    ['a link to a directory beside the chart', '..', 'is a link that leads out of the chart'],
    ['a link to nothing', 'none', 'is a link to nothing'],
    ['a link back to the chart itself', '.', 'leads back to where it came from'],
  ])('is refused with %s', async (_, target, message) => {
    write('secret');
    symlinkSync(target, join(directory, 'web/link'));
    await expect(load()).rejects.toThrow(message);
  });

  it('may have subcharts elsewhere, whose own links stay inside them', async () => {
    write('other/Chart.yaml', 'apiVersion: v2\nname: other\nversion: 1.0.0\n');
    mkdirSync(join(directory, 'web/charts'));
    symlinkSync('../../other', join(directory, 'web/charts/other'));
    expect((await load()).dependencies.map(({ metadata }) => metadata.name)).toEqual(['other']);
    symlinkSync('/etc/passwd', join(directory, 'other/passwd'));
    await expect(load()).rejects.toThrow('leads out of the chart');
  });

  it.each([
    ['no Chart.yaml', { 'Chart.yaml': undefined }, 'Chart.yaml file is missing'],
    ['one that is no YAML', { 'Chart.yaml': 'a: b: c' }, 'cannot load Chart.yaml'],
    ['no version', { 'Chart.yaml': 'apiVersion: v2\nname: web\n' }, 'chart.metadata.version is required'],
    ['a version that is none', { 'Chart.yaml': 'apiVersion: v2\nname: web\nversion: one\n' }, '"one" is invalid'],
    [
      'a version that is a list',
      { 'Chart.yaml': 'apiVersion: v2\nname: web\nversion: [1]\n' },
      'cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct ' +
        'field Metadata.version of type string',
    ],
    [
      'a dependency that is nothing',
      { 'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [null]\n' },
      'dependencies must not contain empty or null nodes',
    ],
    ['a name that is a path', { 'Chart.yaml': 'apiVersion: v2\nname: ../web\nversion: 1.0.0\n' }, 'is invalid'],
    ['an unknown apiVersion', { 'Chart.yaml': 'apiVersion: v3\nname: web\nversion: 1.0.0\n' }, 'must be v1 or v2'],
    [
      'a lock of no time',
      { 'Chart.lock': 'generated: x\n' },
      'cannot load Chart.lock: error unmarshaling JSON: while decoding JSON: parsing time "x" as ' +
        '"2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
    ],
    [
      'two mistakes, of which what cannot be read is told',
      { 'Chart.yaml': 'apiVersion: v2\nname: web\n', 'values.yaml': 'a: [\n' },
      'cannot load values.yaml',
    ],
    ['values that are a list', { 'values.yaml': '- a' }, 'cannot load values.yaml'],
    ['values that are no YAML', { 'values.yaml': 'password: "hunter2' }, 'cannot load values.yaml'],
  ])('is refused with %s', async (_, files, message) => {
    for (const [name, text] of Object.entries(files)) {
      if (text === undefined) rmSync(join(directory, 'web', name));
      else write(`web/${name}`, text);
    }
    await expect(load()).rejects.toThrow(message);
    await expect(load()).rejects.not.toThrow('hunter2');
  });

  it('leaves out of its metadata what says nothing', async () => {
    write('web/Chart.yaml', 'apiVersion: ""\nname: web\nversion: 1.0.0\ntype: ""\ndeprecated: false\n');
    expect((await load()).metadata).toEqual({ apiVersion: 'v1', name: 'web', version: '1.0.0' });
  });

  it('does not read values that grow by their aliases', async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`);
    write('web/values.yaml', `a0: &a0 x\n${levels.join('\n')}\n`);
    await expect(load()).rejects.toThrow('document contains excessive aliasing');
  });
});

describe('.helmignore', () => {
  it.each([
    ['*.txt', 'a.txt', true],
    ['*.txt', 'deep/a.txt', true],
    ['/*.txt', 'deep/a.txt', false],
    ['deep/*.txt', 'deep/a.txt', true],
    ['deep/*.txt', 'deep/deeper/a.txt', false],
    ['a?c', 'abc', true],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['\\*x', '*x', true],
    ['dir/', 'dir', false],
    ['# comment', '# comment', false],
    ['.git', '.git', true],
    ['', 'templates/.hidden', true],
    ['!keep.txt', 'other.txt', true],
    ['!keep.txt', 'keep.txt', false],
  ])('%s takes out %s: %s', (pattern, path, expected) => {
    expect(parseIgnoreRules(pattern)(path, false)).toBe(expected);
  });

  it('tells directories from files', () => {
    expect(parseIgnoreRules('dir/')('dir', true)).toBe(true);
  });

  it('knows no double stars', () => {
    expect(() => parseIgnoreRules('a/**/b')).toThrow('double-star');
    expect(() => parseIgnoreRules('[a')).toThrow('syntax error in pattern');
  });
});
