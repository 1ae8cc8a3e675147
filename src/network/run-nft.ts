import { spawn } from 'node:child_process';

/** Runs one `nft` transaction; rejects with what nft says. */
export function runNft(script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const nft = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let message = '';
    nft.stderr.on('data', (chunk: Buffer) => {
      message += chunk.toString();
    });
    nft.on('error', reject);
    nft.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`nft refused the rules: ${message.trim().split('\n').slice(0, 3).join(' ')}`));
    });
    nft.stdin.on('error', () => {});
    nft.stdin.end(script);
  });
}
