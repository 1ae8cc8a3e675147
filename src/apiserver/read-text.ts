import type { Readable } from 'node:stream';

/** What another server answers, as text. Rejects where it is longer than this. */
export async function readText(body: Readable, longestBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestBytes) throw new Error(`the answer is longer than ${longestBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
