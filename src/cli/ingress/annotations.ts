import {
  annotationPrefix,
  annotationsWithoutEffect,
  refusedAnnotations,
  type ServedInfo,
  servedAnnotations,
} from '../../network/ingress/annotations/table.ts';
import { createOutput, table } from '../output.ts';

/** The same as docs/ingress-annotations.md. */
export function annotations(options: { output?: 'json' }): void {
  const served = Object.entries(servedAnnotations as Record<string, ServedInfo>).map(([name, { values, effect }]) => {
    return { name, support: 'yes', values, effect };
  });
  const others = (all: Readonly<Record<string, string>>, support: string) =>
    Object.entries(all).map(([name, effect]) => ({ name, support, values: '', effect }));
  const rows = [...served, ...others(refusedAnnotations, 'refused'), ...others(annotationsWithoutEffect, 'no effect')];
  const output = createOutput();
  if (options.output === 'json') {
    output.data(JSON.stringify(rows.map((row) => ({ ...row, name: annotationPrefix + row.name }))));
    return;
  }
  output.message(`Annotations ${annotationPrefix}…; ingresses with a refused one are answered with 503.`);
  const cells = rows.map(({ name, support, values, effect }) => [name, support, values, effect]);
  output.data(table(['ANNOTATION', 'SUPPORT', 'VALUES', 'EFFECT'], cells));
}
