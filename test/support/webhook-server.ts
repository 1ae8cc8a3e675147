import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/base/system-clock.ts';
import { createAuthority, issueCertificate } from '../../src/cluster/certificates.ts';

/**
 * A webhook, on 127.0.0.1 unless the test says otherwise, with a certificate for that address and for the service `hook`
 * in the namespace `hooks`.
 */
export interface WebhookServer {
  port: number;
  /** `https://<address>:<port>` */
  url: string;
  caBundle: string;
  /** Bodies that were posted, with their paths. */
  posts: { path: string; body: Review }[];
  close(): Promise<void>;
}

export interface Review {
  apiVersion: string;
  kind: string;
  request: Record<string, unknown> & { uid: string; object: { metadata: { name: string } } | null };
}

/** `answer` gives the body of the answer; one that is undefined never comes. */
export async function startWebhookServer(
  answer: (review: Review, path: string) => object | undefined,
  address = '127.0.0.1',
): Promise<WebhookServer> {
  const now = systemClock.now();
  const authority = createAuthority('webhooks', now);
  const hosts = [address, 'hook.hooks.svc'];
  const { certificate, key } = issueCertificate(authority, { commonName: 'hook', usages: ['server'], hosts }, now);
  const posts: WebhookServer['posts'] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = new URL(request.url ?? '', 'https://hook').pathname;
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Review;
      posts.push({ path, body });
      const answered = answer(body, path);
      if (answered) response.setHeader('content-type', 'application/json').end(JSON.stringify(answered));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://${address}:${port}`,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    posts,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The answer of a webhook to a review. */
export function verdict(review: Review, response: object): object {
  const { apiVersion, kind, request } = review;
  return { apiVersion, kind, response: { uid: request.uid, ...response } };
}

/** A patch as an answer carries it. */
export function patchResponse(operations: readonly object[]): object {
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { allowed: true, patchType: 'JSONPatch', patch };
}
