/**
 * The value of a variable in an environment file, of which containers' variables are taken (`fileKeyRef`, KEP-3721): lines
 * `NAME='value'`, whose values may go over several lines and stand for themselves; comments and blank lines between them.
 * Undefined when it is not there, '' when its value is nothing or begins after a space, as a shell has it. Throws a
 * sentence with the line's number for what is no such file.
 */
export function variableOfFile(text: string, key: string): string | undefined {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!.replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const [name, value] = assignment(line, index + 1);
    if (/^[ \t]/.test(value)) {
      if (name === key) return '';
      continue;
    }
    if (!value.startsWith("'")) throw malformed(index + 1, 'value must be enclosed in single quotes');
    const { content, last } = quoted(lines, index, value.slice(1));
    if (name === key) return content;
    index = last;
  }
  return undefined;
}

function assignment(line: string, number: number): [name: string, value: string] {
  const at = line.indexOf('=');
  if (at < 0) throw malformed(number, "missing '='");
  const name = line.slice(0, at);
  if (name.trim() === '') throw malformed(number, 'empty variable name');
  if (/[ \t]$/.test(name)) throw malformed(number, "whitespace before '=' is not allowed");
  return [name, line.slice(at + 1)];
}

/** From behind the opening quote, in line `first`, to the closing one. */
function quoted(lines: readonly string[], first: number, rest: string): { content: string; last: number } {
  const parts: string[] = [];
  for (let index = first; ; index++) {
    const line = index === first ? rest : lines[index];
    if (line === undefined) {
      throw new Error(`invalid environment variable format starting at line ${first + 1}: unclosed single quote`);
    }
    const end = line.indexOf("'");
    if (end < 0) {
      parts.push(line);
      continue;
    }
    if (!/^[ \t]*(#|$)/.test(line.slice(end + 1))) throw malformed(index + 1, 'unexpected content after closing quote');
    return { content: [...parts, line.slice(0, end)].join('\n'), last: index };
  }
}

function malformed(line: number, what: string): Error {
  return new Error(`invalid environment variable format at line ${line}: ${what}`);
}
