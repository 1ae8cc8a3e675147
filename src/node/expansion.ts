/**
 * Replaces `$(NAME)` by its value; `$$` is a literal `$`, and an unknown name stays as it is written (API docs of
 * `Container.command`).
 */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, first: string, name: string | undefined) => {
    if (first === '$') return '$';
    return values.get(name ?? '') ?? whole;
  });
}
