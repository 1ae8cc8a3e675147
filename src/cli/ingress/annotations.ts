import { classOptions, globalAuthorization } from '../../network/ingress/annotations/parameters.ts';
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
  const ofClass = [
    ...Object.entries<ServedInfo>(classOptions).map(([name, { values, effect }]) => ({ name, values, effect })),
    ...Object.entries(globalAuthorization).map(([name, meant]) => ({ name, values: '', effect: `as ${meant}` })),
  ].map((row) => ({ ...row, support: 'class' }));
  const output = createOutput();
  if (options.output === 'json') {
    const named = rows.map((row) => ({ ...row, name: annotationPrefix + row.name }));
    output.data(JSON.stringify([...named, ...ofClass]));
    return;
  }
  output.message(
    `Annotations ${annotationPrefix}…; ingresses with a refused one are answered with 503. ` +
      'Those of a class are keys of its config map.',
  );
  const cells = [...rows, ...ofClass].map(({ name, support, values, effect }) => [name, support, values, effect]);
  output.data(table(['ANNOTATION', 'SUPPORT', 'VALUES', 'EFFECT'], cells));
}
