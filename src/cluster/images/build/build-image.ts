import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, runCommand } from '../../command.ts';
import { requireCommand } from '../../prerequisites.ts';
import { type ImageLibrary, normaliseImageName } from '../image-library.ts';
import { type BaseSources, provideBases } from './base-images.ts';
import { buildArguments } from './build-arguments.ts';
import { isolation, openBuildah } from './buildah.ts';
import { baseImages, lineOfStep } from './dockerfile.ts';
import { createSecretMask, maskSecrets, secretsOf } from './mask-secrets.ts';

/** What a build is made of, as `docker build` takes it. */
export interface BuildRequest {
  /** The directory that the Dockerfile copies from. */
  context: string;
  /** Default: `Dockerfile`, or else `Containerfile`, in the context. */
  dockerfile?: string;
  /** At least one. */
  names: readonly string[];
  buildArgs?: Readonly<Record<string, string>>;
  /** The stage to build up to. */
  target?: string;
  /** `id=NAME,src=FILE` or `id=NAME,env=VARIABLE`: readable during a RUN, in no layer. */
  secrets?: readonly string[];
  /** Agent sockets or keys for RUN --mount=type=ssh. */
  ssh?: readonly string[];
  /** `linux/arm64`; several make an image of all of them. Default: this machine's. */
  platforms?: readonly string[];
  labels?: readonly string[];
  addHosts?: readonly string[];
  /** Further contexts for COPY --from: `NAME=DIRECTORY`. */
  buildContexts?: readonly string[];
  network?: string;
  noCache?: boolean;
  /** Bytes of /dev/shm during a RUN. */
  shmSize?: string;
  /** Limits during a RUN: `nofile=1024:2048`. */
  ulimits?: readonly string[];
  cacheFrom?: readonly string[];
  cacheTo?: readonly string[];
  pull?: BaseSources['pull'];
}

export interface BuildSurroundings extends Pick<BaseSources, 'cacheDirectory' | 'authFile' | 'onNotice'> {
  builder: 'buildah' | 'docker';
  /** The builder's own storage, kept between builds for its layers. */
  storageDirectory: string;
  /** Images that were imported are found by FROM; the result goes into it. */
  library: ImageLibrary;
  libraryDirectory: string;
  /** Nodes that get the image. */
  sockets: readonly string[];
  onProgress?: (text: string) => void;
  /** Has a last look before the image gets its names; what it rejects with becomes of the build. */
  beforeImport?: () => Promise<void>;
  signal?: AbortSignal | undefined;
}

/**
 * Builds a Dockerfile and gives the image to the library and its nodes, under every name. Resolves with the normalised
 * names. Values of the build's secrets are masked in what is told, and in errors.
 */
export async function buildImageFromDockerfile(request: BuildRequest, given: BuildSurroundings): Promise<string[]> {
  const secrets = await secretsOf(request, process.env);
  const mask = given.onProgress && createSecretMask(secrets, given.onProgress);
  const around = { ...given, ...(mask && { onProgress: (text: string) => mask.write(text) }) };
  const names = request.names.map(normaliseImageName);
  const dockerfile = request.dockerfile ?? findDockerfile(request.context);
  const text = await readFile(dockerfile, 'utf8').catch(() => {
    throw new Error(`there is no file ${dockerfile}`);
  });
  requireEmulation(request.platforms ?? [], text);
  const archive = join(around.storageDirectory, `built-${process.pid}.tar`);
  try {
    const build = around.builder === 'docker' ? buildWithDocker : buildWithBuildah;
    await build({ request, around, names, dockerfile, text, archive }).catch((error: unknown) => {
      throw error instanceof CommandError ? new BuildError(error, { dockerfile, text, around, secrets }) : error;
    });
    await around.beforeImport?.();
    for (const name of names) await around.library.import(archive, { name, sockets: around.sockets });
  } finally {
    mask?.end();
    await rm(archive, { force: true });
  }
  return names;
}

/** What a builder said last, with the place in the Dockerfile. Who has not seen the rest of it, gets its end. */
class BuildError extends Error {
  readonly exitCode: number | null;

  constructor(
    { stderr, exitCode }: CommandError,
    {
      dockerfile,
      text,
      around,
      secrets,
    }: Pick<Work, 'dockerfile' | 'text' | 'around'> & { secrets: readonly string[] },
  ) {
    const lines = stderr.trim().split('\n');
    const last = lines.findLast((line) => /^error:/i.test(line))?.replace(/^error: (?:error )?/i, '');
    const { place, what } = placeOf(last ?? (exitCode === null ? stderr : `exit code ${exitCode}`), text);
    const seen = around.onProgress ? '' : `\n${lines.slice(-20).join('\n')}`;
    super(maskSecrets(`${dockerfile}${place}: ${what}${seen}`, secrets));
    this.name = 'BuildError';
    this.exitCode = exitCode;
  }
}

/** Where in the Dockerfile (`:4`) buildah's last word tells of, and what is wrong there. */
function placeOf(said: string, dockerfile: string): { place: string; what: string } {
  // Steps have quotes and colons of their own: the right end is where the step stands in the file.
  for (const pattern of [/^building at STEP "(.*?)": (.*)$/, /^building at STEP "(.*)": (.*)$/]) {
    const [, step = '', reason = ''] = pattern.exec(said) ?? [];
    const line = lineOfStep(dockerfile, step);
    const what = reason.replace(/^Build error: /, '').replace(/ &imagebuilder\.Step\{.*$/, '');
    if (line !== undefined) return { place: `:${line}`, what: `${step.trim()}: ${what}` };
  }
  return { place: '', what: said };
}

interface Work {
  request: BuildRequest;
  around: BuildSurroundings;
  names: readonly string[];
  dockerfile: string;
  text: string;
  /** Where the image is to be left, as an archive. */
  archive: string;
}

async function buildWithBuildah({ request, around, names, dockerfile, text, archive }: Work): Promise<void> {
  requireCommand('buildah');
  const { signal } = around;
  const buildah = await openBuildah(around.storageDirectory, around.onProgress);
  const [name = ''] = names;
  const args = buildArguments(request.buildArgs ?? {}, process.env);
  await provideBases(buildah, baseImages(text, request.buildArgs), {
    ...around,
    library: await around.library.list(),
    pull: request.pull ?? 'missing',
  });
  const isForMany = (request.platforms?.length ?? 0) > 1;
  // Its cache does not tell platforms apart.
  if (isForMany) await buildah.run(['rmi', '--force', name]).catch(() => undefined);
  signal?.throwIfAborted();
  const command = [
    ...[
      'bud',
      isForMany ? '--layers=false' : '--layers',
      // A build that fails leaves no container behind.
      '--force-rm',
      '--isolation',
      isolation(),
      '--pull=false',
      // OCI's format has no healthchecks. A list for several platforms is OCI's.
      ...(isForMany ? [] : ['--format', 'docker']),
      ...args.flags,
      ...commonFlags(request),
    ],
    ...(request.addHosts ?? []).flatMap((host) => ['--add-host', host]),
    ...(request.buildContexts ?? []).flatMap((each) => ['--build-context', each]),
    ...(request.network === undefined ? [] : ['--network', request.network]),
    ...(around.authFile ? ['--authfile', around.authFile] : []),
    ...(isForMany ? ['--manifest', name] : ['-t', name]),
    ...['-f', dockerfile, request.context],
  ];
  await buildah.run(command, { signal, env: args.env });
  await (isForMany
    ? buildah.run(['manifest', 'push', '--quiet', '--all', name, `oci-archive:${archive}`])
    : buildah.run(['push', '--quiet', '--disable-compression', name, `docker-archive:${archive}:${name}`]));
}

/** Docker's own builder; several platforms need its containerd image store. */
async function buildWithDocker({ request, around, names, dockerfile, archive }: Work): Promise<void> {
  const [name = ''] = names;
  const args = buildArguments(request.buildArgs ?? {}, process.env);
  const progress = around.onProgress && { onStderr: around.onProgress, onStdout: around.onProgress };
  const command = [
    ...['docker', 'build', ...args.flags, ...commonFlags(request), ...(request.pull === 'always' ? ['--pull'] : [])],
    ...(request.addHosts ?? []).flatMap((host) => ['--add-host', host]),
    ...(request.buildContexts ?? []).flatMap((each) => ['--build-context', each]),
    ...(request.network === undefined ? [] : ['--network', request.network]),
    ...['-t', name, '-f', dockerfile, request.context],
  ];
  await runCommand(command, { ...progress, signal: around.signal, env: args.env });
  await runCommand(['docker', 'save', '-o', archive, name], { signal: around.signal });
}

/** The flags that both builders have under one name. */
function commonFlags(request: BuildRequest): string[] {
  const each = (flag: string, values: readonly string[] = []): string[] => values.flatMap((value) => [flag, value]);
  return [
    ...each('--secret', request.secrets),
    ...each('--ssh', request.ssh),
    ...each('--label', request.labels),
    ...each('--cache-from', request.cacheFrom),
    ...each('--cache-to', request.cacheTo),
    ...(request.target === undefined ? [] : ['--target', request.target]),
    ...(request.platforms?.length ? ['--platform', request.platforms.join(',')] : []),
    ...(request.noCache ? ['--no-cache'] : []),
    ...(request.shmSize === undefined ? [] : ['--shm-size', request.shmSize]),
    ...each('--ulimit', request.ulimits),
  ];
}

const machines: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  arm64: 'aarch64',
  arm: 'arm',
  386: 'i386',
  ppc64le: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
};
const own = { x64: 'amd64', arm64: 'arm64' } as Readonly<Record<string, string>>;

/** Programs of another machine run only where the kernel has an emulator for them; copying files needs none. */
function requireEmulation(platforms: readonly string[], dockerfile: string): void {
  if (!/^\s*RUN\b/im.test(dockerfile)) return;
  for (const platform of platforms) {
    const [system, architecture = ''] = platform.split('/');
    const machine = machines[architecture];
    if (system !== 'linux' || !machine) throw new Error(`"${platform}" is no platform: use linux/amd64, linux/arm64 …`);
    if (own[process.arch] === architecture || existsSync(`/proc/sys/fs/binfmt_misc/qemu-${machine}`)) continue;
    throw new Error(
      `this machine cannot run programs of ${platform}: apt-get install -y qemu-user-static binfmt-support`,
    );
  }
}

function findDockerfile(context: string): string {
  const found = ['Dockerfile', 'Containerfile'].map((name) => join(context, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`there is no Dockerfile in ${context}`);
  return found;
}
