import { emptyMap, isMap, type GoMap } from '../template/values.ts';
import { mismatch } from './go-struct.ts';
import { readQuickly, unsure } from './yaml-quick.ts';
import { readWholeYaml } from './yaml-whole.ts';

/**
 * sigs.k8s.io/yaml's Unmarshal: YAML 1.1 as go-yaml v2 reads it (yes, on and 0777 are what they were), turned into
 * what JSON has. Numbers are float64, keys are strings.
 */

/** Reads the first document of a text. @throws Error in go-yaml's words where they are known */
export function readYaml(text: string): unknown {
  const quick = readQuickly(text);
  return quick === unsure ? readWholeYaml(text) : quick;
}

/** A text whose last line may be a block's, with no line break behind it. */
const openBlock = /[|>][+\d]* *(?:#.*)?\n(?:[^]*\n)? +\S[^\n]*$/;

/** Reads a document that must be a map or a list; nothing at all is an empty one. */
export function readYamlAs(text: string, kind: 'map' | 'list'): GoMap | unknown[] {
  const value = openBlock.test(text) ? readWholeYaml(text, { endsOpen: true }) : readYaml(text);
  if (value === null) return kind === 'map' ? emptyMap() : [];
  if (kind === 'list' ? Array.isArray(value) : isMap(value)) return value as GoMap | unknown[];
  return mismatch(value, `value of type ${kind === 'map' ? 'map[string]interface {}' : '[]interface {}'}`);
}
