import { parse } from 'smol-toml';
import { goFunction, type FunctionMap } from '../template/function.ts';
import { countingParts } from './lists.ts';
import { emptyMap, int64, isMap, mapSet, type GoMap } from '../template/values.ts';

const maxDepth = 200;

/** TOML as Helm reads it; what is wrong with a text stands under the key Error. */
export const tomlFunctions: FunctionMap = {
  fromToml: countingParts(
    goFunction(['string'], (text) => {
      try {
        return decodeToml(text);
      } catch (error) {
        return Object.assign(emptyMap(), { Error: (error as Error).message });
      }
    }),
  ),
};

/** @throws Error that says what is wrong with the text */
function decodeToml(text: string): GoMap {
  try {
    return plain(parse(text, { integersAsBigInt: true }), 0) as GoMap;
  } catch (error) {
    throw new Error(`toml: ${((error as Error).message.split('\n')[0] ?? '').replace('Invalid TOML document: ', '')}`, {
      cause: error,
    });
  }
}

function plain(value: unknown, depth: number): unknown {
  if (depth > maxDepth) throw new Error('tables are nested too deep');
  if (typeof value === 'bigint') return int64(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((element) => plain(element, depth + 1));
  if (!isMap(value)) return value;
  const map = emptyMap();
  for (const key of Object.keys(value)) mapSet(map, key, plain(value[key], depth + 1));
  return map;
}
