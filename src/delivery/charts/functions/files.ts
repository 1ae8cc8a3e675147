import { decodeBytes } from '../template/bytes.ts';
import { goFunction, type FunctionMap } from '../template/function.ts';
import { describe, emptyMap, mapGet, mapSet, strings, type GoMap } from '../template/values.ts';
import { compileGlob } from './glob.ts';
import { baseName } from './paths.ts';
import { emitYaml } from './yaml-emit.ts';

/** `.Files`: a chart's files that are no templates, by name. A map of bytes, with Helm's methods. */
export function chartFiles(files: Iterable<readonly [string, Uint8Array]>): GoMap {
  const map = emptyMap();
  for (const [name, content] of files) mapSet(map, name, content);
  return describe(map, { type: 'engine.files', element: '[]uint8', methods: methodsOf(map) });
}

function bytesIn(files: GoMap, name: string): Uint8Array {
  return (mapGet(files, name) as Uint8Array | undefined) ?? new Uint8Array();
}

function methodsOf(files: GoMap): FunctionMap {
  /** Files of the same name in other folders replace each other, as in Helm; the order of names decides. */
  const asYaml = (write: (content: Uint8Array) => string): string => {
    const data = emptyMap();
    for (const name of Object.keys(files)) mapSet(data, baseName(name), write(bytesIn(files, name)));
    return emitYaml(data).replace(/\n$/, '');
  };
  return {
    Get: goFunction(['string'], (name) => decodeBytes(bytesIn(files, name))),
    GetBytes: goFunction(['string'], (name) => bytesIn(files, name)),
    Glob: goFunction(['string'], (pattern) => globbed(files, pattern)),
    AsConfig: goFunction([], () => asYaml(decodeBytes)),
    AsSecrets: goFunction([], () => asYaml((content) => Buffer.from(content).toString('base64'))),
    Lines: goFunction(['string'], (name) => {
      if (!Object.hasOwn(files, name)) return strings([]);
      return strings(decodeBytes(bytesIn(files, name)).replace(/\n$/, '').split('\n'));
    }),
  };
}

/** A pattern that makes no sense matches every file, as in Helm. */
function globbed(files: GoMap, pattern: string): GoMap {
  let matches: (name: string) => boolean;
  try {
    matches = compileGlob(pattern);
  } catch {
    matches = () => true;
  }
  const names = Object.keys(files).filter(matches);
  return chartFiles(names.map((name) => [name, bytesIn(files, name)] as const));
}
