import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../command.ts';
import { requireCommand } from '../prerequisites.ts';
import type { LibraryImage } from './image-library.ts';

/** What it takes to talk to one registry. */
export interface RegistryAccess {
  login?: { username: string; password: string; identityToken?: string };
  /** A directory with `ca.crt`, for a registry whose CA the machine does not know. */
  certificateDirectory?: string;
  /** Speak HTTP, or do not check the certificate. */
  insecure?: boolean;
}

/**
 * Copies an image of the library to a registry under `destination` (a normalised name). Layers that are there already are not sent.
 * Resolves with the digest of its manifest. Progress of each layer is drawn on standard error when that is a terminal.
 */
export async function pushImage(
  image: LibraryImage,
  libraryDirectory: string,
  destination: string,
  access: RegistryAccess,
  signal?: AbortSignal,
): Promise<string> {
  const archive = `${image.kind}-archive:${join(libraryDirectory, image.archive)}`;
  // An archive of one image needs no name; one of several is asked for by the image's own.
  const source = image.renamed || image.kind === 'oci' ? archive : `${archive}:${image.name}`;
  // An image for several platforms goes there as a whole.
  return copy(source, `docker://${destination}`, { ...access, side: 'dest', signal });
}

/** Copies an image from a registry into a new archive file, for this machine's architecture. */
export async function pullImage(
  name: string,
  file: string,
  access: RegistryAccess,
  signal: AbortSignal,
): Promise<void> {
  await copy(`docker://${name}`, `docker-archive:${file}:${name}`, { ...access, side: 'src', signal });
}

async function copy(
  source: string,
  destination: string,
  options: RegistryAccess & { side: 'src' | 'dest'; signal?: AbortSignal | undefined },
): Promise<string> {
  const { login, certificateDirectory, insecure, side, signal } = options;
  requireCommand('skopeo');
  const directory = mkdtempSync(join(tmpdir(), 'timonel-transfer-'));
  try {
    const policy = join(directory, 'policy.json');
    writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}\n');
    // Not on the command line, where everybody on the machine could read it.
    const authFile = join(directory, 'auth.json');
    const host = (side === 'dest' ? destination : source).slice('docker://'.length).split('/')[0] as string;
    writeFileSync(authFile, JSON.stringify({ auths: login ? { [authKey(host)]: entry(login) } : {} }), { mode: 0o600 });
    const digestFile = join(directory, 'digest');
    const command = [
      'skopeo',
      `--policy=${policy}`,
      'copy',
      `--digestfile=${digestFile}`,
      `--${side}-authfile=${authFile}`,
      ...(certificateDirectory ? [`--${side}-cert-dir=${certificateDirectory}`] : []),
      ...(side === 'dest' ? ['--all'] : []),
      ...(insecure ? [`--${side}-tls-verify=false`] : []),
      source,
      destination,
    ];
    await run(command, signal);
    return readFileSync(digestFile, 'utf8').trim();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function authKey(host: string): string {
  return host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
}

function entry({ username, password, identityToken }: NonNullable<RegistryAccess['login']>): Record<string, string> {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return { auth, ...(identityToken && { identitytoken: identityToken }) };
}

/** On a terminal the program draws its own progress; elsewhere its words are kept for the error. */
function run(command: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const isTerminal = process.stderr.isTTY === true;
  return new Promise((resolve, reject) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, { stdio: ['ignore', isTerminal ? 2 : 'ignore', 'pipe'], signal });
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-8192)));
    child.on('error', (error) => {
      // One that is called off has not ended yet.
      if (child.pid === undefined) reject(new CommandError(['skopeo'], null, error.message));
    });
    child.on('close', (code) => (code === 0 ? resolve() : reject(new CommandError(['skopeo'], code, reason(errors)))));
  });
}

/** skopeo's log line, less its frame: `time="…" level=fatal msg="…"`. */
function reason(text: string): string {
  const messages = [...text.matchAll(/level=(?:fatal|error) msg=("(?:[^"\\]|\\.)*")/g)];
  const last = messages.at(-1)?.[1];
  return last === undefined ? text : (JSON.parse(last) as string);
}
