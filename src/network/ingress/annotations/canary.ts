import { isExpression } from '../expression.ts';
import type { Canary } from '../model.ts';
import type { AnnotationValues } from './values.ts';

/** Which requests a canary gets. */
export type CanaryRule = Pick<Canary, 'weight' | 'header' | 'cookie'>;

const wholeWeight = 10_000;

/** What makes an ingress a canary; undefined when it is none. A rule that cannot be read sends nobody to it. */
export function readCanary(values: AnnotationValues): CanaryRule | undefined {
  if (values.flag('canary') !== true) return undefined;
  const total = values.number('canary-weight-total', { min: 1, max: 1_000_000 }) ?? 100;
  const weight = values.number('canary-weight', { min: 0, max: total }) ?? 0;
  const header = readHeader(values);
  const cookie = values.word('canary-by-cookie', /[A-Za-z0-9_-]{1,64}/, 'a name of letters, digits, _ and -');
  return {
    weight: Math.round((weight / total) * wholeWeight),
    ...(header && { header }),
    ...(cookie !== undefined && { cookie }),
  };
}

function readHeader(values: AnnotationValues): CanaryRule['header'] {
  const name = values.word('canary-by-header', /[A-Za-z0-9-]{1,64}/, 'the name of a header');
  const value = values.text('canary-by-header-value');
  const pattern = values.text('canary-by-header-pattern');
  if (name === undefined) return undefined;
  // Its value wins over its pattern.
  if (value !== undefined) return { name: name.toLowerCase(), value };
  if (pattern === undefined) return { name: name.toLowerCase() };
  if (isExpression(pattern)) return { name: name.toLowerCase(), pattern };
  return values.wrong('canary-by-header-pattern', 'is not a regular expression that the proxy knows');
}
