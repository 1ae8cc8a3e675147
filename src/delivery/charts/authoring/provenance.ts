import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { emitYaml } from '../functions/yaml-emit.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { ChartError, type ChartMetadata } from '../chart/chart.ts';
import { isMap } from '../template/values.ts';

/**
 * Provenance files (Helm documentation, "Helm Provenance and Integrity"): the chart's metadata and the archive's digest,
 * signed in clear text by OpenPGP. The work is done by `gpg`.
 */

export interface SigningKey {
  /** Which key, by name, address or fingerprint. */
  key: string;
  /** A file of secret keys; default: those that gpg has. */
  keyring?: string | undefined;
  passphrase?: string | undefined;
}

/** Who signed, as gpg knows them. */
export interface Verification {
  signedBy: string[];
  fingerprint: string;
  /** `sha256:…` of the archive. */
  digest: string;
}

/** The text of a chart's `.prov` file. @throws ChartError in gpg's words */
export async function signChart(
  { metadata, fileName, data }: { metadata: ChartMetadata; fileName: string; data: Uint8Array },
  { key, keyring, passphrase }: SigningKey,
): Promise<string> {
  const text = `${emitYaml(metadata)}\n...\n${emitYaml({ files: { [fileName]: digestOf(data) } })}`;
  return withHome(keyring, async (home) => {
    const secret = passphrase === undefined ? [] : ['--pinentry-mode', 'loopback', '--passphrase-fd', '3'];
    const args = [
      ...home,
      '--batch',
      '--yes',
      ...secret,
      '--digest-algo',
      'SHA512',
      '--local-user',
      key,
      '--clearsign',
    ];
    const signed = await gpg(args, text, passphrase).catch((error: Error) => {
      throw /No secret key/.test(error.message) ? new ChartError('private key not found', error) : error;
    });
    return signed.stdout;
  });
}

/** Checks an archive by the `.prov` file beside it. @throws ChartError */
export async function verifyFile(path: string, keyring?: string): Promise<Verification> {
  const info = await stat(path).catch(() => undefined);
  if (!info) throw new ChartError(`stat ${path}: no such file or directory`);
  if (info.isDirectory()) throw new ChartError('unpacked charts cannot be verified');
  const file = `${path}.prov`;
  const provenance = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? `stat ${file}: no such file or directory` : error.message;
    throw new ChartError(`could not load provenance file ${file}: ${why}`, error);
  });
  return verifyChart({ fileName: basename(path), data: await readFile(path), provenance }, keyring);
}

/** Public keys where nobody names a file: GnuPG's own, in the old format or in that of GnuPG 2.1. */
function ownKeyring(): string {
  const home = process.env['GNUPGHOME'] || join(homedir(), '.gnupg');
  const [old = '', current = ''] = ['pubring.gpg', 'pubring.kbx'].map((name) => join(home, name));
  return !existsSync(old) && existsSync(current) ? current : old;
}

/** Checks that an archive is what was signed, and by whom. @throws ChartError */
export async function verifyChart(
  { fileName, data, provenance }: { fileName: string; data: Uint8Array; provenance: string },
  keyring: string = ownKeyring(),
): Promise<Verification> {
  const { status, text } = await withHome(keyring, async (home) => {
    const ran = await gpg([...home, '--batch', '--trust-model', 'always', '--status-fd', '2', '--decrypt'], provenance);
    return { status: ran.stderr, text: ran.stdout };
  });
  // The last one is the primary key's, whichever subkey signed.
  const fingerprint = /^\[GNUPG:\] VALIDSIG .*?(\S+)\s*$/m.exec(status)?.[1];
  if (!fingerprint || /^\[GNUPG:\] (?:BADSIG|ERRSIG)/m.test(status))
    throw new ChartError('the provenance file is not signed by a key of the keyring');
  const wanted = sumsOf(text)[fileName];
  if (typeof wanted !== 'string')
    throw new ChartError(`provenance does not contain a SHA for a file named "${fileName}"`);
  const digest = digestOf(data);
  if (wanted !== digest) throw new ChartError(`sha256 sum does not match for ${fileName}: "${wanted}" != "${digest}"`);
  const signedBy = [...status.matchAll(/^\[GNUPG:\] GOODSIG \S+ (.+)$/gm)].map(([, name = '']) => name);
  return { signedBy, fingerprint, digest };
}

function digestOf(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

function sumsOf(text: string): Record<string, unknown> {
  const at = text.lastIndexOf('\n...\n');
  const value = at < 0 ? null : readYaml(text.slice(at + 5));
  const files = isMap(value) ? value['files'] : undefined;
  return isMap(files) ? files : {};
}

/** GnuPG 2.1's format: `KBXf` in the header of the first blob. */
async function isKeybox(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (!file) return false;
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 8);
    return buffer.toString('latin1') === 'KBXf';
  } finally {
    await file.close();
  }
}

/** Keys of a file are brought into a directory of their own, so that the user's stay as they are. */
async function withHome<T>(keyring: string | undefined, work: (args: string[]) => Promise<T>): Promise<T> {
  if (keyring === undefined) return work([]);
  if (!existsSync(keyring)) throw new ChartError(`open ${keyring}: no such file or directory`);
  const home = await mkdtemp(join(tmpdir(), 'timonel-gpg-'));
  try {
    await writeFile(join(home, 'gpg-agent.conf'), 'allow-loopback-pinentry\n');
    // A keybox is no stream of keys that could be imported, and is used where it is.
    if (await isKeybox(keyring)) {
      return await work(['--homedir', home, '--no-default-keyring', '--keyring', resolve(keyring)]);
    }
    await gpg(['--homedir', home, '--batch', '--import', keyring], '').catch((error: Error) => {
      throw new ChartError(`cannot read the keyring ${keyring}: ${error.message}`, error);
    });
    return await work(['--homedir', home]);
  } finally {
    await new Promise<void>((resolve) => {
      execFile('gpgconf', ['--homedir', home, '--kill', 'gpg-agent'], () => resolve());
    });
    await rm(home, { recursive: true, force: true });
  }
}

function gpg(args: string[], input: string, passphrase?: string): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('gpg', args, { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
    const [stdin, out, err, secret] = child.stdio;
    let stdout = '';
    let stderr = '';
    out?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    err?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    for (const [stream, text] of [
      [stdin, input],
      [secret as NodeJS.WritableStream, passphrase ? `${passphrase}\n` : ''],
    ] as const) {
      // It may end without having read.
      stream?.on('error', () => undefined);
      stream?.end(text);
    }
    child.on('error', () => reject(new ChartError('gpg is not installed: apt-get install gnupg')));
    child.on('close', (code) => {
      if (code === 0) resolve({ stdout, stderr });
      else reject(new ChartError(`gpg: ${stderr.replace(/^\[GNUPG:\].*\n/gm, '').trim() || `ended with ${code}`}`));
    });
  });
}
