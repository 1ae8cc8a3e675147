import { isMap, mapSet } from '../template/values.ts';
import { readYamlAs } from '../functions/yaml-read.ts';
import { splitDocuments } from '../../apply/manifests.ts';
import type { Values } from '../chart/chart.ts';

/** Values are data for people: a text as large as this is none. */
const maxLength = 32 * 2 ** 20;

/**
 * Reads a file of values: a YAML or JSON map. Of several documents the later ones are merged into the earlier, as
 * Helm 4 does.
 * @throws Error in go-yaml's words
 */
export function readValues(text: string): Values {
  if (text.length > maxLength) throw new Error(`values are larger than ${maxLength / 2 ** 20} MiB`);
  if (!/^---/m.test(text)) return readYamlAs(text, 'map') as Values;
  const documents = splitDocuments(text).map((document) => readYamlAs(document.text, 'map') as Values);
  return documents.reduce((all, next) => mergeOver(all, next), {});
}

/** `over`'s values on top of `base`'s; maps are merged, everything else is replaced. */
export function mergeOver(base: Values, over: Values): Values {
  const merged: Values = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
    mapSet(merged, key, isMap(value) && isMap(before) ? mergeOver(before, value) : value);
  }
  return merged;
}
