import type { Template } from '../settings.ts';

type Variable = Extract<Template[number], { variable: string }>;

/** nginx's variables that mean the same here (nginx documentation, "Embedded Variables"). */
const variables: Readonly<Record<string, Variable['variable']>> = {
  request_uri: 'request-uri',
  escaped_request_uri: 'escaped-request-uri',
  uri: 'path',
  document_uri: 'path',
  fastcgi_script_name: 'script-name',
  args: 'query',
  query_string: 'query',
  host: 'host',
  server_name: 'host',
  http_host: 'host-and-port',
  best_http_host: 'host-and-port',
  scheme: 'scheme',
  pass_access_scheme: 'scheme',
  request_method: 'method',
  remote_addr: 'client',
  binary_remote_addr: 'client',
  remote_user: 'user',
  server_port: 'port',
  request_id: 'request-id',
};

const named: readonly (readonly [prefix: string, variable: Variable['variable']])[] = [
  ['http_', 'header'],
  ['cookie_', 'cookie'],
  ['arg_', 'argument'],
];

/** Text as nginx reads it, with `$name`, `${name}` and, where `groups` allows, `$1` to `$9`; or what is wrong with it. */
export function parseTemplate(text: string, options: { groups: boolean }): Template | { problem: string } {
  const parts: Template[number][] = [];
  let end = 0;
  for (const match of text.matchAll(/\$(?:\{(\w+)\}|(\w+)|)/g)) {
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    // Groups have one digit: `$10` is the first one and a zero.
    const name = match[1] ?? (match[2] ?? '').replace(/^(\d).*$/, '$1');
    end = match.index + (match[1] === undefined ? 1 + name.length : match[0].length);
    const part = /^[1-9]$/.test(name) && options.groups ? { group: Number(name) } : variablePart(name);
    if (!part) return { problem: `$${name} is not known here` };
    parts.push(part);
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

function variablePart(name: string): Variable | undefined {
  const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (variable !== undefined) return { variable };
  for (const [prefix, kind] of named) {
    if (name.startsWith(prefix) && name.length > prefix.length) {
      const rest = name.slice(prefix.length);
      return { variable: kind, name: kind === 'header' ? rest.replaceAll('_', '-') : rest };
    }
  }
  return undefined;
}
