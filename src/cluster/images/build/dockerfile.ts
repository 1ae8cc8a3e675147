import { parseImageName, pullReference } from '../../../node/image-names.ts';

/**
 * The images that a Dockerfile builds upon or copies from, normalised (https://docs.docker.com/reference/dockerfile/):
 * those of FROM and of COPY --from, with ARGs of before the first FROM filled in. Stages of its own and `scratch` are
 * no images; nor is what remains a variable.
 */
export function baseImages(dockerfile: string, buildArgs: Readonly<Record<string, string>> = {}): Set<string> {
  const stages = new Set<string>(['scratch']);
  const variables = new Map<string, string>();
  const bases = new Set<string>();
  const add = (image: string): void => {
    const name = fillIn(image, variables);
    if (stages.has(name.toLowerCase()) || /^\d+$/.test(name)) return;
    const parsed = parseImageName(name);
    if (parsed) bases.add(pullReference(parsed));
  };
  for (const { word, rest } of instructions(dockerfile)) {
    if (word === 'ARG' && stages.size === 1 && bases.size === 0) {
      const [, name = '', value] = /^(\w+)(?:=(.*))?$/.exec(rest) ?? [];
      const given = buildArgs[name] ?? value?.replace(/^(["'])(.*)\1$/, '$2');
      if (given !== undefined) variables.set(name, fillIn(given, variables));
    } else if (word === 'FROM') {
      const [, image = '', stage] = /^(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$/i.exec(rest) ?? [];
      add(image);
      if (stage !== undefined) stages.add(stage.toLowerCase());
    } else if (word === 'COPY' || word === 'ADD') {
      const [, from] = /(?:^|\s)--from=(\S+)/.exec(rest) ?? [];
      if (from !== undefined) add(from);
    }
  }
  return bases;
}

/** The line (from 1) of the instruction that a builder calls `step`; undefined where it shows values of variables. */
export function lineOfStep(dockerfile: string, step: string): number | undefined {
  const plain = (text: string): string => text.replace(/\s+/g, ' ').trim().toLowerCase();
  for (const { word, rest, line } of instructions(dockerfile)) {
    // Of an instruction that there is not, buildah gives the word alone.
    if ([plain(`${word} ${rest}`), plain(word)].includes(plain(step))) return line;
  }
  return undefined;
}

/**
 * Instructions with their continuation lines, and the line that they begin in (from 1); comments and the bodies of
 * here-documents are left out.
 */
function* instructions(text: string): Generator<{ word: string; rest: string; line: number }> {
  const lines = text.split(/\r?\n/);
  const escape = /^#\s*escape\s*=\s*`/im.test(lines.slice(0, 5).join('\n')) ? '`' : '\\';
  for (let at = 0; at < lines.length; at++) {
    if (/^\s*(#|$)/.test(lines[at] as string)) continue;
    const line = at + 1;
    let whole = (lines[at] as string).trim();
    while (whole.endsWith(escape) && at + 1 < lines.length) {
      const next = (lines[++at] as string).trim();
      whole = next.startsWith('#') ? whole : `${whole.slice(0, -1)} ${next}`;
    }
    const [, word = '', rest = ''] = /^(\w+)\s*(.*)$/.exec(whole) ?? [];
    yield { word: word.toUpperCase(), rest, line };
    for (const [, marker] of rest.matchAll(/<<-?["']?(\w+)["']?/g)) {
      while (at + 1 < lines.length && (lines[++at] as string).trim() !== marker);
    }
  }
}

/** `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`. */
function fillIn(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/g,
    (whole, bare?: string, braced?: string, how?: string, word = '') => {
      const value = variables.get(bare ?? braced ?? '');
      if (how === '-') return value || (word as string);
      if (how === '+') return value ? (word as string) : '';
      return value ?? whole;
    },
  );
}
