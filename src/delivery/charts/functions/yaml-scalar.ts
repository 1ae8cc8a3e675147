import { parseGoFloat, parseInteger } from '../template/number-literal.ts';

/** What go-yaml (v2, which sigs.k8s.io/yaml uses) takes a plain scalar for: YAML 1.1, with ideas of its own. */

const words = new Map<string, boolean | number | null>();
for (const word of ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']) words.set(word, true);
for (const word of ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']) words.set(word, false);
for (const word of ['', '~', 'null', 'Null', 'NULL']) words.set(word, null);
for (const word of ['.nan', '.NaN', '.NAN']) words.set(word, Number.NaN);
for (const word of ['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF']) words.set(word, Infinity);
for (const word of ['-.inf', '-.Inf', '-.INF']) words.set(word, -Infinity);

const longestWord = 5;

/** `+`, `-`, `.` or a digit. */
function isNumberStart(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e;
}

/** What stands in no number: versions, quantities (`500m`, `256Mi`) and addresses need no closer look. */
const unlikeNumbers = /[^\d+\-._a-fA-FxXoO]/;

const styleFloat = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

/** The value of a plain scalar that is not a string; undefined for strings. Timestamps stay strings. */
export function resolveScalar(text: string): boolean | number | bigint | null | undefined {
  // Most scalars are names: nothing else needs to be looked at.
  if (text.length > longestWord && !isNumberStart(text.charCodeAt(0))) return undefined;
  const word = words.get(text);
  if (word !== undefined) return word;
  if (!isNumberStart(text.charCodeAt(0))) return undefined;
  if (text[0] === '.') return parseGoFloat(text);
  if (unlikeNumbers.test(text)) return undefined;
  if (isTimestamp(text)) return undefined;
  const plain = text.replaceAll('_', '');
  const integer = parseInteger(plain);
  if (integer !== undefined && integer >= -(2n ** 63n) && integer < 2n ** 64n) return integer;
  return styleFloat.test(plain) ? parseGoFloat(plain) : undefined;
}

const base60 = /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/;

/** Whether a string must be quoted so that it is read as one. */
export function looksLikeOther(text: string): boolean {
  if (words.has(text)) return true;
  if (!isNumberStart(text.charCodeAt(0))) return false;
  return resolveScalar(text) !== undefined || isTimestamp(text) || (text.includes(':') && base60.test(text));
}

const date = '(\\d{4})-(\\d{1,2})-(\\d{1,2})';
const time = '(\\d{1,2}):(\\d{1,2}):(\\d{1,2})(?:[.,]\\d+)?';
const timestamps = [
  new RegExp(`^${date}$`),
  new RegExp(`^${date} ${time}$`),
  new RegExp(`^${date}[Tt]${time}(?:Z|[-+]\\d\\d:\\d\\d)$`),
];

function isTimestamp(text: string): boolean {
  if (text[4] !== '-') return false;
  for (const pattern of timestamps) {
    const match = pattern.exec(text);
    if (!match) continue;
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
    const days = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
    return month >= 1 && month <= 12 && day >= 1 && day <= days && hour < 24 && minute < 60 && second < 60;
  }
  return false;
}
