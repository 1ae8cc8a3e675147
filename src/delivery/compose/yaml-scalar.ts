/**
 * What a plain scalar is, by the rules of the YAML library that Docker's tools use: YAML 1.2's core schema, and of 1.1
 * the octal numbers with a leading zero (`mode: 0440`), binary ones and underscores. Words like `yes` are strings.
 */
export function resolvePlain(text: string): null | boolean | number | string {
  switch (text) {
    case '':
    case '~':
    case 'null':
    case 'Null':
    case 'NULL':
      return null;
    case 'true':
    case 'True':
    case 'TRUE':
      return true;
    case 'false':
    case 'False':
    case 'FALSE':
      return false;
    case '.nan':
    case '.NaN':
    case '.NAN':
      return Number.NaN;
    default:
      return /^[-+.0-9]/.test(text) ? resolveNumber(text) : text;
  }
}

function resolveNumber(text: string): number | string {
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  const plain = text.replaceAll('_', '');
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/s.exec(plain) ?? [];
  const factor = sign === '-' ? -1 : 1;
  if (/^0[xX][0-9a-fA-F]+$/.test(digits)) return factor * Number.parseInt(digits.slice(2), 16);
  if (/^0b[01]+$/.test(digits)) return factor * Number.parseInt(digits.slice(2), 2);
  if (/^0o?[0-7]+$/.test(digits)) return factor * Number.parseInt(digits.replace('o', ''), 8);
  // A number too large to be kept exactly stays the text it was: an identifier must not change.
  if (/^[0-9]+$/.test(digits)) return Number.isSafeInteger(Number(digits)) ? factor * Number(digits) : text;
  return /^(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(digits) ? factor * Number(digits) : text;
}

/** A boolean of YAML 1.1: what Compose takes where a boolean is wanted, after interpolation. */
export function booleanOf(text: string): boolean | undefined {
  switch (text.toLowerCase()) {
    case 'true':
    case 'y':
    case 'yes':
    case 'on':
    case '1':
    case 't':
      return true;
    case 'false':
    case 'n':
    case 'no':
    case 'off':
    case '0':
    case 'f':
      return false;
    default:
      return undefined;
  }
}
