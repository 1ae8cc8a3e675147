import type { FieldSet } from './field-set.ts';

const quote = 0x22;
const backslash = 0x5c;
const open = 0x7b;
const close = 0x7d;

/** Where something goes into a text. */
interface Insertion {
  at: number;
  text: string;
}

/**
 * The union of a set, given and answered as the text of its FieldsV1, with a small one. The text is looked through, not
 * parsed: writers mostly change what they own already, and then it is answered as it is.
 */
export function unionText(text: string, set: FieldSet): string {
  const insertions: Insertion[] = [];
  scan({ text, insertions }, 0, { set, isLast: true });
  if (insertions.length === 0) return text;
  let result = '';
  let from = 0;
  for (const insertion of insertions) {
    result += text.slice(from, insertion.at) + insertion.text;
    from = insertion.at;
  }
  return result + text.slice(from);
}

const dot = '"."';

/**
 * Compares the node that begins at `start` with `set`; answers the index after it. For the last node that is looked
 * for nobody needs that: it answers as soon as it has found everything.
 */
function scan(
  { text, insertions }: { text: string; insertions: Insertion[] },
  start: number,
  { set, isLast }: { set: FieldSet; isLast: boolean },
): number {
  const missing = new Map<string, FieldSet>();
  for (const element in set) missing.set(JSON.stringify(element), set[element] as FieldSet);
  const isMember = missing.size === 0 || missing.delete(dot);
  const isEmpty = text.charCodeAt(start + 1) === close;
  let hasDot = false;
  let at = start + 1;
  while (text.charCodeAt(at) !== close) {
    const keyEnd = endOfString(text, at);
    const key = text.slice(at, keyEnd);
    const child = missing.get(key);
    if (key === dot) hasDot = true;
    missing.delete(key);
    const isDone = isLast && missing.size === 0 && (hasDot || !isMember);
    if (isDone && !child) return keyEnd;
    // A colon follows the key, a comma or the end of the node the value.
    const value = keyEnd + 1;
    at = child ? scan({ text, insertions }, value, { set: child, isLast: isDone }) : endOfNode(text, value);
    if (isDone) return at;
    if (text.charCodeAt(at) !== close) at++;
  }
  const added = Array.from(missing, ([key, child]) => `${key}:${JSON.stringify(child)}`);
  // A node with children needs a dot to be in the set itself.
  const hasChildren = !isEmpty || added.length > 0;
  if (hasChildren && !hasDot && (isEmpty || isMember)) added.unshift(`${dot}:{}`);
  if (added.length > 0) insertions.push({ at, text: (isEmpty ? '' : ',') + added.join() });
  return at + 1;
}

/** The index after the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text.charCodeAt(i) !== quote) i += text.charCodeAt(i) === backslash ? 2 : 1;
  return i + 1;
}

/** The index after the node that begins at `start`. */
function endOfNode(text: string, start: number): number {
  let depth = 0;
  for (let i = start; ;) {
    const letter = text.charCodeAt(i);
    if (letter === quote) {
      i = endOfString(text, i);
      continue;
    }
    i++;
    if (letter === open) depth++;
    else if (letter === close && --depth === 0) return i;
  }
}
