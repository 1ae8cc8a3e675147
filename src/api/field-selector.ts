import { ApiError } from './status.ts';

export interface FieldRequirement {
  /** Path of the field: `status.phase`. */
  field: string;
  operator: '=' | '!=';
  value: string;
}

/**
 * Parses the `fieldSelector` parameter: `status.phase!=Failed,spec.nodeName=a`. In values `\`, `,` and `=` are
 * escaped by a backslash. Throws BadRequest as apimachinery's `fields.ParseSelector` words it.
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitTerms(text)
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
      if (!match) throw ApiError.of('BadRequest', `invalid selector: '${text}'; can't understand '${term}'`);
      const [, field = '', operator, value = ''] = match;
      return { field, operator: operator === '!=' ? '!=' : '=', value: unescape(value) };
    });
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') {
      i++;
    } else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...terms, text.slice(start)];
}

function unescape(value: string): string {
  if (!/[\\,=]/.test(value)) return value;
  let plain = '';
  for (let i = 0; i < value.length; i++) {
    const letter = value[i] as string;
    if (letter === '\\') {
      const next = value[++i] ?? '';
      if (next === '' || !'\\,='.includes(next)) {
        throw ApiError.of('BadRequest', `invalid field selector: invalid escape sequence: \\${next}`);
      }
      plain += next;
    } else if (letter === ',' || letter === '=') {
      const code = letter.codePointAt(0);
      throw ApiError.of('BadRequest', `invalid field selector: unescaped character in value: ${code}`);
    } else {
      plain += letter;
    }
  }
  return plain;
}
