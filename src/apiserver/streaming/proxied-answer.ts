import { pipeline, Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { constants, createGunzip, createGzip } from 'node:zlib';
import { LinkRewriter, type ProxiedPage, rewriteLink } from './link-rewriter.ts';
import type { BackendResponse } from './node-connector.ts';

/**
 * A server's answer as a client of the proxy can use it: redirections and the links of HTML pages lead through the
 * proxy (apimachinery's `proxy.Transport`). A page in an encoding other than gzip passes as it is.
 */
export function throughProxy(answer: BackendResponse, page: ProxiedPage): BackendResponse {
  if (answer.kind !== 'answer') return answer;
  const { headers } = answer;
  const { location } = headers;
  if (typeof location === 'string')
    return { ...answer, headers: { ...headers, location: rewriteLink(location, page) } };
  const type = String(headers['content-type'] ?? '').split(';')[0] as string;
  const encoding = headers['content-encoding'] ?? '';
  if (type.trim() !== 'text/html' || (encoding !== '' && encoding !== 'gzip')) return answer;
  const { 'content-length': _, ...rest } = headers;
  return { ...answer, headers: rest, body: rewriteBody(answer.body, page, encoding === 'gzip') };
}

function rewriteBody(body: Readable, page: ProxiedPage, isCompressed: boolean): Readable {
  const rewriter = new LinkRewriter((link) => rewriteLink(link, page));
  const links = new Transform({
    transform(chunk: Buffer, _, done) {
      done(null, Buffer.from(rewriter.push(chunk.toString('latin1')), 'latin1'));
    },
    flush(done) {
      done(null, Buffer.from(rewriter.finish(), 'latin1'));
    },
  });
  // Whoever reads the last stream hears of an error in any of them.
  const told = (): void => {};
  if (!isCompressed) return pipeline(body, links, told);
  return pipeline(body, createGunzip(), links, createGzip({ flush: constants.Z_SYNC_FLUSH }), told);
}
