import type { IncomingMessage } from 'node:http';
import { ApiError } from '../api/status.ts';
import type { Status } from '../api/types/meta-v1.ts';

export async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export function parseLoosely(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The server's own Status, or one made from a bare answer. */
export function failureOf(code: number, text: string): ApiError {
  const body = parseLoosely(text);
  const status = typeof body === 'object' && body !== null ? (body as Status) : undefined;
  if (status?.kind === 'Status') return new ApiError(status);
  const message = `the server answered ${code}: ${text.slice(0, 300)}`;
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code });
}
