/**
 * Whether a regular expression can be given to HAProxy: what JavaScript's and Perl's have in common, without what looks
 * elsewhere in the text, and without repetitions of repetitions, which can take forever.
 */
export function isExpression(text: string): boolean {
  if (!/^[!-~]*$/.test(text) || text.length > 1024 || outside.test(text) || repeatsRepetition(text)) return false;
  try {
    return new RegExp(text.replace(/^\(\?i\)/, '')).source !== '';
  } catch {
    return false;
  }
}

const outside = /\(\?(?!:|i\))|(?<=.)\(\?i\)|\\[^\w./?*+()[\]{}|^$&~-]|\\[EQGKRXZzAlLuUpPNgkxoC]|\\[1-9]|\(\*|[*+?}]\+/;

/** `(a+)+`, `(a|b){2,}`: a group with a repetition or a choice inside that is itself repeated. */
function repeatsRepetition(text: string): boolean {
  const open: boolean[] = [];
  let isClass = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (isClass) isClass = character !== ']';
    else if (character === '[') isClass = true;
    else if (character === '(') open.push(false);
    else if (character !== undefined && '*+{|'.includes(character)) open.fill(true);
    else if (character === ')' && open.pop() === true && /[*+{]/.test(text[at + 1] ?? '')) return true;
  }
  return false;
}

/** An expression for exactly this text. */
export function escapeExpression(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
