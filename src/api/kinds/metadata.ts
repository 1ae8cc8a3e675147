import type { KubeObject } from '../object.ts';

/** Writes to the status of some kinds may not touch labels. */
export function keepLabels(object: KubeObject, old: KubeObject): void {
  if (old.metadata.labels === undefined) delete object.metadata.labels;
  else object.metadata.labels = old.metadata.labels;
}
