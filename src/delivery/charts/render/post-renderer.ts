import { spawn } from 'node:child_process';
import { ReleaseError } from '../release/release.ts';

/** Changes the manifest between rendering and applying. */
export type PostRenderer = (manifest: string) => Promise<string>;

/** What a post-renderer may print. */
const maxBytes = 256 * 2 ** 20;

/** A program that gets the manifest on standard input and gives the changed one on standard output. */
export function programPostRenderer(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): PostRenderer {
  return (manifest) =>
    new Promise((resolve, reject) => {
      const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: environment });
      const out: Buffer[] = [];
      let size = 0;
      let errors = '';
      child.stdout.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) child.kill('SIGKILL');
        else out.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
      // It may end without having read everything.
      child.stdin.on('error', () => undefined);
      child.stdin.end(manifest);
      child.on('error', (error) =>
        reject(new ReleaseError(`post-renderer ${command}: ${error.message}`, { cause: error })),
      );
      child.on('close', (code) => {
        const text = Buffer.concat(out).toString();
        if (code !== 0)
          reject(new ReleaseError(`post-renderer ${command} ended with ${code ?? 'a signal'}: ${errors.trim()}`));
        else if (text.trim() === '') reject(new ReleaseError(`post-renderer ${command} produced empty output`));
        else resolve(text);
      });
    });
}
