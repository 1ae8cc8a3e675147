import { word } from '../haproxy/quote.ts';
import type { BackendSettings } from './settings.ts';
import { templateWord } from './template-text.ts';

/** Sends a copy of each request elsewhere, by the script of {@link mirrorScript}. */
export function mirrorLines({ mirror }: BackendSettings): string[] {
  if (!mirror) return [];
  const { url, at, host, withBody } = mirror;
  return [
    `http-request set-var-fmt(txn.mirror_url) ${templateWord(url)}`,
    ...(at === undefined ? [] : [`http-request set-var(txn.mirror_at) str(ipv4@${at})`]),
    ...(host === undefined ? [] : [`http-request set-var(txn.mirror_host) ${word(`str('${host}')`)}`]),
    ...(withBody ? ['http-request wait-for-body time 5s if { req.hdr(content-length) -m int gt 0 }'] : []),
    ...(withBody ? ['http-request set-var(txn.mirror_body) bool(true)'] : []),
    'http-request lua.mirror',
  ];
}
