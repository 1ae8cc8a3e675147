import { isExpression } from '../expression.ts';
import type { BackendSettings, Blocked } from '../settings.ts';
import type { AnnotationValues } from './values.ts';

export interface ClassOptions {
  /** Config maps, `namespace/name`, with headers of answers and of requests. */
  answerHeadersOf?: string;
  requestHeadersOf?: string;
  settings: Pick<BackendSettings, 'limitStatuses' | 'blocked' | 'strictTransport' | 'hiddenHeaders' | 'compresses'>;
}

const statuses = ['400', '403', '404', '408', '410', '429', '500', '502', '503', '504'] as const;
const configMapName = /[a-z0-9-]+\/[a-z0-9.-]+/;
const what = 'NAMESPACE/NAME of a config map';

/** What an ingress class says of its ingresses that they cannot say themselves. */
export function readClassOptions(values: AnnotationValues): ClassOptions {
  const answerHeadersOf = values.word('add-headers', configMapName, what);
  const requestHeadersOf = values.word('proxy-set-headers', configMapName, what);
  const requests = values.choice('limit-req-status-code', statuses);
  const connections = values.choice('limit-conn-status-code', statuses);
  const blocked = readBlocked(values);
  const strictTransport = readStrictTransport(values);
  const hiddenHeaders = readHidden(values);
  const compresses = readCompression(values);
  return {
    ...(answerHeadersOf !== undefined && { answerHeadersOf }),
    ...(requestHeadersOf !== undefined && { requestHeadersOf }),
    settings: {
      ...((requests ?? connections) !== undefined && {
        limitStatuses: { requests: Number(requests ?? 503), connections: Number(connections ?? 503) },
      }),
      ...(blocked && { blocked }),
      ...(strictTransport !== undefined && { strictTransport }),
      ...(hiddenHeaders && { hiddenHeaders }),
      ...(compresses && { compresses }),
    },
  };
}

function readBlocked(values: AnnotationValues): Blocked | undefined {
  const addresses = values.ranges('block-cidrs');
  const agents = readTexts(values, 'block-user-agents');
  const referers = readTexts(values, 'block-referers');
  if (!addresses && !agents && !referers) return undefined;
  return { ...(addresses && { addresses }), ...(agents && { agents }), ...(referers && { referers }) };
}

/** Divided by commas, as nginx's `map` has them: whole texts in any case, or expressions behind `~` or `~*`. */
function readTexts(values: AnnotationValues, name: 'block-user-agents' | 'block-referers'): Blocked['agents'] {
  const parts = values
    .text(name)
    ?.split(',')
    .map((part) => part.trim());
  const read = parts
    ?.filter((part) => part !== '')
    .map((part) => {
      const [, tilde, expression] = /^(~\*?)(.*)$/.exec(part) ?? [];
      if (tilde === undefined || expression === undefined) return { text: part };
      return { expression: expression.trim(), ...(tilde === '~*' && { anyCase: true as const }) };
    });
  const wrong = read?.find((each) => 'expression' in each && !isExpression(each.expression));
  if (wrong && 'expression' in wrong) {
    return values.wrong(name, `has ${JSON.stringify(wrong.expression)}, which is no expression that the proxy knows`);
  }
  return read;
}

function readStrictTransport(values: AnnotationValues): string | undefined {
  const maxAge = values.number('hsts-max-age', { min: 0, max: 1_000_000_000 }) ?? 15_724_800;
  const parts = [
    `max-age=${maxAge}`,
    ...(values.flag('hsts-include-subdomains') === false ? [] : ['includeSubDomains']),
    ...(values.flag('hsts-preload') ? ['preload'] : []),
  ];
  return values.flag('hsts') ? parts.join('; ') : undefined;
}

function readHidden(values: AnnotationValues): string[] | undefined {
  const names = values.list('hide-headers');
  const wrong = names?.find((name) => !/^[\w-]{1,200}$/.test(name));
  return wrong === undefined ? names : values.wrong('hide-headers', `has ${JSON.stringify(wrong)}, which is no header`);
}

const usualTypes = [
  ...['application/atom+xml', 'application/javascript', 'application/x-javascript', 'application/json'],
  ...[
    'application/rss+xml',
    'application/vnd.ms-fontobject',
    'application/x-font-ttf',
    'application/x-web-app-manifest+json',
  ],
  ...['application/xhtml+xml', 'application/xml', 'font/opentype', 'image/svg+xml', 'image/x-icon'],
  ...['text/css', 'text/javascript', 'text/plain', 'text/x-component'],
];

function readCompression(values: AnnotationValues): string[] | undefined {
  const types = values.list('gzip-types') ?? usualTypes;
  const isOn = values.flag('use-gzip') === true;
  if (types.includes('*')) return isOn ? [] : undefined;
  const wrong = types.find((type) => !/^[a-z0-9.+-]+\/[a-z0-9.+-]+$/i.test(type));
  if (wrong !== undefined) return values.wrong('gzip-types', `has ${JSON.stringify(wrong)}, which is no media type`);
  return isOn ? [...new Set(['text/html', ...types])] : undefined;
}
