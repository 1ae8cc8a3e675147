import { isJsonObject } from '../plain-json.ts';
import { elementText } from './field-set.ts';
import type { FieldShape } from './field-shape.ts';
import { itemElement } from './fields-of.ts';

/**
 * What decoding found unknown in something that is to be applied, in the words of structured merge:
 * `.spec.containers[name="web"].foo: field not declared in schema`. Undefined where there is nothing of that kind.
 */
export function undeclared(problems: readonly string[], value: unknown, shape: FieldShape): string | undefined {
  const texts = problems.flatMap((problem) => {
    const quoted = /^unknown field (".*")$/.exec(problem)?.[1];
    if (quoted === undefined) return [];
    return `${pathText(JSON.parse(quoted) as string, value, shape)}: field not declared in schema`;
  });
  if (texts.length <= 1) return texts[0];
  return `errors:\n${texts.map((text) => `  ${text}\n`).join('')}`;
}

/** Items of lists that are told apart by keys are named by those. */
function pathText(path: string, value: unknown, shape: FieldShape | undefined): string {
  let text = '';
  let [at, within]: [unknown, FieldShape | undefined] = [value, shape];
  for (const [part, index] of path.matchAll(/\[(\d+)\]|[^.[\]]+/g)) {
    if (index !== undefined && Array.isArray(at)) {
      at = at[Number(index)] as unknown;
      text += within?.kind === 'list' && within.keys ? elementText(itemElement(at, within.keys)) : part;
      within = within?.kind === 'list' ? within.item : undefined;
    } else {
      at = isJsonObject(at) ? at[part] : undefined;
      text += `.${part}`;
      within = within?.kind === 'map' ? within.child(part) : undefined;
    }
  }
  return text;
}
