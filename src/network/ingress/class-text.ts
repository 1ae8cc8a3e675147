import { literalFormat, word } from '../haproxy/quote.ts';
import type { BackendSettings, Blocked } from './settings.ts';
import { templateWord } from './template-text.ts';

/** Who may not come by what they say of themselves, whatever else is asked of them. */
export function blockLines({ blocked = {} }: BackendSettings): string[] {
  return [...textLines('user-agent', blocked.agents), ...textLines('referer', blocked.referers)];
}

function textLines(header: string, texts: Blocked['agents'] = []): string[] {
  return texts.map((each) => {
    const match =
      'text' in each
        ? `-i -m str -- ${word(each.text)}`
        : `${each.anyCase ? '-i ' : ''}-m reg -- ${word(each.expression)}`;
    return `http-request deny deny_status 403 if { req.fhdr(${header}) ${match} }`;
  });
}

/** An empty value takes the header away, as in nginx. */
export function requestHeaderLines({ requestHeaders = [] }: BackendSettings): string[] {
  return requestHeaders.map(([name, value]) =>
    value.length === 0 ? `http-request del-header ${name}` : `http-request set-header ${name} ${templateWord(value)}`,
  );
}

/** What the class of the ingress does to answers; before the ingress's own, which count more. */
export function classAnswerLines({ hiddenHeaders = [], strictTransport, compresses }: BackendSettings): string[] {
  const header = 'http-after-response set-header Strict-Transport-Security';
  return [
    ...hiddenHeaders.map((name) => `http-response del-header ${name}`),
    ...(strictTransport === undefined ? [] : [`${header} ${word(literalFormat(strictTransport))} if { ssl_fc }`]),
    ...(compresses ? ['compression algo gzip'] : []),
    ...inTens(compresses).map((types) => `compression type ${types.join(' ')}`),
  ];
}

/** HAProxy takes 64 words a line. */
function inTens(types: readonly string[] = []): string[][] {
  const count = Math.ceil(types.length / 10);
  return Array.from({ length: count }, (_, index) => types.slice(10 * index, 10 * (index + 1)));
}
