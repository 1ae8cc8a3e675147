/**
 * A pattern of Go's path.Match: `*` and `?` stop at slashes, `[a-z]`, `[^a]`, `\` before what is meant literally.
 * Undefined where it is none.
 */
export function shellPattern(pattern: string): ((text: string) => boolean) | undefined {
  const parts = /\*+|\?|\[(\^?)((?:\\.|[^\]\\])+)\]|\\(.)|([\s\S])/g;
  let source = '';
  for (const [whole, negation, set, escaped, plain] of pattern.matchAll(parts)) {
    if (whole.startsWith('*')) source += '[^/]*';
    else if (whole === '?') source += '[^/]';
    else if (set !== undefined) source += `[${negation ?? ''}${set.replace(/[[^&~|]/g, '\\$&')}]`;
    else if (plain === '[' || plain === '\\') return undefined;
    else source += (escaped ?? plain ?? '').replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  const expression = new RegExp(`^${source}$`, 's');
  return (text) => expression.test(text);
}
