import { createInterface } from 'node:readline/promises';

/** Asks on stderr, `y` is yes; where nobody is there to answer it is no. */
export async function confirm(what: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const nobody = new Promise<string>((resolve) => prompt.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([prompt.question(`? ${what} [yN] `).catch(() => ''), nobody]);
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}
