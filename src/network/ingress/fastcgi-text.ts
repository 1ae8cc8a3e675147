import { word } from '../haproxy/quote.ts';
import type { BackendSettings, FastCgi, Template } from './settings.ts';
import { templateWord } from './template-text.ts';

/** What nginx sends of its own accord beside HAProxy's parameters (its file `fastcgi_params`). */
const usual: readonly string[] = [
  'REDIRECT_STATUS 200',
  'REQUEST_SCHEME %[ssl_fc,iif(https,http)]',
  'DOCUMENT_URI %[path]',
];

/** HAProxy would put a slash before it: the root of the documents, which must have a name. */
const scriptFile: FastCgi['params'][number] = ['SCRIPT_FILENAME', [{ variable: 'script-name' }]];

/** The application of a backend, in a section of its own (HAProxy's documentation, "FastCGI application"). */
export function fastCgiSection(name: string, { protocol, fastCgi }: BackendSettings): string[] {
  if (protocol !== 'fcgi') return [];
  const { index, params = [] } = fastCgi ?? {};
  const own = params.some(([parameter]) => parameter === scriptFile[0]) ? [] : [scriptFile];
  const set = (parameter: string, value: Template): string => `set-param ${parameter} ${templateWord(value)}`;
  const lines = [
    'docroot /',
    // As nginx does it: a connection that is kept takes one of the workers of PHP.
    'no option keep-conn',
    ...(index === undefined ? [] : [`index ${word(index)}`]),
    ...usual.map((parameter) => `set-param ${parameter}`),
    ...[...own, ...params].flatMap(([parameter, value]) => [
      set(parameter, value),
      ...(index !== undefined && hasScriptName(value)
        ? [`${set(parameter, withIndex(value, index))} if { path_end / }`]
        : []),
    ]),
  ];
  return [`fcgi-app ${name}`, ...lines.map((line) => `  ${line}`)];
}

export function fastCgiLines(name: string, { protocol }: BackendSettings): string[] {
  if (protocol !== 'fcgi') return [];
  return [
    `use-fcgi-app ${name}`,
    // HAProxy wants to see a server that speaks it when it is loaded; endpoints may come later.
    'server none 127.0.0.1:1 proto fcgi disabled',
    // It would become HTTP_PROXY, which programs take for a setting of theirs (CVE-2016-5385).
    'http-request del-header Proxy',
  ];
}

function hasScriptName(value: Template): boolean {
  return value.some((part) => 'variable' in part && part.variable === 'script-name');
}

function withIndex(value: Template, index: string): Template {
  return value.flatMap((part) =>
    'variable' in part && part.variable === 'script-name' ? [part, { text: index }] : [part],
  );
}
