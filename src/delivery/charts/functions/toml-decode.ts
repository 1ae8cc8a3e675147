import { parse, TomlDate } from 'smol-toml';
import { goFunction, type FunctionMap } from '../template/function.ts';
import { timeStruct } from './dates.ts';
import { parseTime, secondsOf, type Time } from './go-time.ts';
import { countingParts } from './lists.ts';
import { fixedZone, localZone, utc } from './time-zones.ts';
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
  if (value instanceof TomlDate) return timeStruct(timeOf(value));
  if (Array.isArray(value)) return value.map((element) => plain(element, depth + 1));
  if (!isMap(value)) return value;
  const map = emptyMap();
  for (const key of Object.keys(value)) mapSet(map, key, plain(value[key], depth + 1));
  return map;
}

/** Times without an offset are in the machine's, in zones that BurntSushi/toml gives names of its own. */
function timeOf(date: TomlDate): Time {
  const text = date.toISOString();
  const local = (name: string, layout: string): Time => {
    const { nanos } = parseTime(layout, text, utc);
    const { offset } = localZone().at(secondsOf({ nanos, zone: utc }));
    return parseTime(layout, text, fixedZone(name, offset));
  };
  if (date.isDate()) return local('date-local', '2006-01-02');
  if (date.isTime()) return local('time-local', '15:04:05.999999999');
  if (date.isLocal()) return local('datetime-local', '2006-01-02T15:04:05.999999999');
  return parseTime('2006-01-02T15:04:05.999999999Z07:00', text, localZone());
}
