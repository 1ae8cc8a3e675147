import { parseTemplate } from './template.ts';
import type { FastCgi } from '../settings.ts';
import type { AnnotationValues } from './values.ts';

/** The parameters come when the config map has been read: see {@link readParams}. */
export interface WantedFastCgi {
  index?: string;
  configMap?: string;
}

export function readFastCgi(values: AnnotationValues, namespace: string): WantedFastCgi {
  const index = values.word('fastcgi-index', /[\w.-]{1,200}/, 'a name of a file');
  const configMap = values.objectIn(namespace, 'fastcgi-params-configmap', 'a config map');
  return { ...(index !== undefined && { index }), ...(configMap !== undefined && { configMap }) };
}

/** Parameters as a config map has them; or what is wrong with one. */
export function readParams(data: Readonly<Record<string, string>>): FastCgi['params'] | { problem: string } {
  const params: [string, FastCgi['params'][number][1]][] = [];
  for (const [name, text] of Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (!/^\w{1,200}$/.test(name)) return { problem: `${JSON.stringify(name)} is no name of a parameter` };
    if (!/^[ -~]{0,2000}$/.test(text)) return { problem: `${name} has characters other than printable ASCII` };
    const value = parseTemplate(text, { groups: false });
    if ('problem' in value) return { problem: `${name} cannot be made: ${value.problem}` };
    params.push([name, value]);
  }
  return params;
}
