import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeTar, type TarEntry } from '../../node/tar.ts';
import { runCommand } from '../command.ts';
import { requireCommand } from '../prerequisites.ts';
import { distributionSources, type AptSourceFile } from './apt-sources.ts';

/**
 * A root filesystem of the machine's own Debian release with `include` installed, as a tar file in `cacheDirectory`:
 * made from the machine's package sources, and kept, so that the same question is answered at once the next time.
 * `setUp` is a script for `sh -e` that is run in it at the end. Resolves with the file. `onProgress` gets the lines that
 * mmdebstrap writes.
 */
export async function makeDebianBase(options: {
  include: readonly string[];
  setUp?: string | undefined;
  cacheDirectory: string;
  onProgress?: (text: string) => void;
}): Promise<string> {
  const { include, setUp, cacheDirectory, onProgress } = options;
  requireCommand('mmdebstrap');
  const wrong = include.find((name) => !/^[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?$/.test(name));
  if (wrong !== undefined) throw new Error(`"${wrong}" is no package name`);
  const codename = releaseField(await readFile('/etc/os-release', 'utf8'), 'VERSION_CODENAME') ?? 'stable';
  const sources = distributionSources(await readSources(), codename);
  const asked = [codename, sources, include.toSorted(), process.arch, ...(setUp === undefined ? [] : [setUp])];
  const key = createHash('sha256').update(JSON.stringify(asked));
  const file = join(cacheDirectory, `base-${key.digest('hex').slice(0, 16)}.tar`);
  if (existsSync(file)) return file;
  const work = join(cacheDirectory, `work-${process.pid}`);
  await mkdir(work, { recursive: true });
  try {
    const mirrors = await Promise.all(sources.map((source, i) => writeSource(work, source, i)));
    const command = [
      'mmdebstrap',
      '--mode=root',
      '--variant=minbase',
      ...(include.length > 0 ? [`--include=${include.join(',')}`] : []),
      ...['doc', 'man', 'locale', 'info', 'lintian'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
      `--aptopt=Acquire::Languages "none"`,
      // A hook is a script for sh; its first argument is the root (mmdebstrap(1), HOOKS).
      ...(setUp === undefined ? [] : [`--customize-hook=chroot "$1" /bin/sh -ec '${setUp.replaceAll("'", `'\\''`)}'`]),
      codename,
      join(work, 'root.tar'),
      // None: mmdebstrap then takes Debian's own.
      ...mirrors,
    ];
    await runCommand(command, { env: { SOURCE_DATE_EPOCH: '0' }, ...(onProgress && { onStderr: onProgress }) });
    await rename(join(work, 'root.tar'), file);
    return file;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A root filesystem of the machine's static busybox with all its commands, as a tar file in `cacheDirectory`. */
export async function makeBusyboxBase(cacheDirectory: string): Promise<string> {
  requireCommand('busybox');
  const binary = (await runCommand(['sh', '-c', 'readlink -f "$(command -v busybox)"'])).trim();
  const data = await readFile(binary);
  if (data.includes('/ld-linux') || data.includes('/ld-musl'))
    throw new Error(`${binary} is not a static program. Install it: apt-get install -y busybox-static`);
  const applets = (await runCommand([binary, '--list'])).trim().split('\n');
  const text = (content: string): TarEntry['content'] => ({ kind: 'file', data: Buffer.from(content) });
  const entries: TarEntry[] = [
    ...['bin', 'etc', 'root', 'home', 'var', 'usr', 'usr/bin', 'proc', 'sys', 'dev'].map(directory),
    { ...directory('tmp'), mode: 0o1777 },
    { path: 'bin/busybox', mode: 0o755, content: { kind: 'file', data } },
    ...applets
      .filter((name) => name !== 'busybox' && !name.includes('/'))
      .map((name): TarEntry => ({ path: `bin/${name}`, mode: 0o777, content: { kind: 'symlink', target: 'busybox' } })),
    { path: 'usr/bin/env', mode: 0o777, content: { kind: 'symlink', target: '../../bin/busybox' } },
    {
      path: 'etc/passwd',
      mode: 0o644,
      content: text('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n'),
    },
    { path: 'etc/group', mode: 0o644, content: text('root:x:0:\nnogroup:x:65534:\n') },
  ];
  await mkdir(cacheDirectory, { recursive: true });
  const file = join(cacheDirectory, 'busybox.tar');
  // Another cluster may be reading the one before.
  const next = `${file}.${process.pid}`;
  await writeFile(next, writeTar(entries));
  await rename(next, file);
  return file;
}

function directory(path: string): TarEntry {
  return { path: `${path}/`, mode: 0o755, content: { kind: 'directory' } };
}

async function readSources(): Promise<AptSourceFile[]> {
  const inDirectory = '/etc/apt/sources.list.d';
  const names = existsSync(inDirectory) ? await readdir(inDirectory) : [];
  const found = names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(inDirectory, name));
  const paths = ['/etc/apt/sources.list', ...found.toSorted()].filter((path) => existsSync(path));
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, 'utf8') })));
}

/** mmdebstrap takes the format from the file's ending and content. */
async function writeSource(work: string, { path, text }: AptSourceFile, index: number): Promise<string> {
  const file = join(work, `${index}.${path.endsWith('.sources') ? 'sources' : 'list'}`);
  await writeFile(file, text);
  return file;
}

/** A field of os-release(5). */
function releaseField(text: string, name: string): string | undefined {
  return new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1];
}
