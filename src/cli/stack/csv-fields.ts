/** `key=value,flag,"key=a,b"` as Docker's flags have them: one line of CSV. Keys are lower case. Pure. */
export function csvFields(text: string, invalid: (why: string) => Error): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const field of splitCsv(text, invalid)) {
    const at = field.indexOf('=');
    const key = (at < 0 ? field : field.slice(0, at)).trim().toLowerCase();
    if (key === '') throw invalid(`invalid field '${field}' must be a key=value pair`);
    fields[key] = at < 0 ? 'true' : field.slice(at + 1);
  }
  return fields;
}

/** RFC 4180: a field in quotes may have commas, and doubled quotes. */
function splitCsv(text: string, invalid: (why: string) => Error): string[] {
  const found: string[] = [];
  let rest = text;
  while (rest !== '') {
    const [whole = '', quoted, plain = ''] = /^(?:"((?:[^"]|"")*)"|([^,"]*))(?:,|$)/.exec(rest) ?? [];
    if (whole === '' && rest !== '') throw invalid('bare " in non-quoted field');
    found.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    rest = rest.slice(whole.length);
  }
  return found;
}
