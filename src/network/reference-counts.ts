/** How many have something: who is the first to take it, and who the last to let it go. */
export class ReferenceCounts {
  readonly #counts = new Map<string, number>();

  /** Takes `before` back and puts `after` in its place: what nobody has any more, and what nobody had. */
  replace(before: Iterable<string>, after: Iterable<string>): { gone: string[]; added: string[] } {
    const changes = new Map<string, number>();
    for (const name of before) changes.set(name, (changes.get(name) ?? 0) - 1);
    for (const name of after) changes.set(name, (changes.get(name) ?? 0) + 1);
    const gone: string[] = [];
    const added: string[] = [];
    for (const [name, change] of changes) {
      const was = this.#counts.get(name) ?? 0;
      const is = was + change;
      if (is === 0) this.#counts.delete(name);
      else this.#counts.set(name, is);
      if (was > 0 && is === 0) gone.push(name);
      if (was === 0 && is > 0) added.push(name);
    }
    return { gone, added };
  }
}
