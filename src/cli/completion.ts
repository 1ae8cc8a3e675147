import type { Command } from 'commander';

/** Prints a completion script made from the commands and flags as they are. */
export function completion(program: Command, shell: 'bash' | 'zsh' | 'fish'): void {
  const words = wordsByPath(program);
  switch (shell) {
    case 'bash':
      process.stdout.write(bashScript(words));
      return;
    case 'zsh':
      process.stdout.write(`autoload -U +X bashcompinit && bashcompinit\n${bashScript(words)}`);
      return;
    case 'fish':
      process.stdout.write(fishScript(words));
      return;
  }
}

/** By command path (`node add`), what may follow: subcommands and long flags. */
function wordsByPath(program: Command): Map<string, string[]> {
  const words = new Map<string, string[]>();
  const visit = (command: Command, path: string): void => {
    const flags = command.options.filter((o) => !o.hidden).map((o) => o.long ?? o.short ?? '');
    words.set(path, [...command.commands.map((c) => c.name()), ...flags, '--help']);
    for (const inner of command.commands) visit(inner, `${path} ${inner.name()}`.trim());
  };
  visit(program, '');
  return words;
}

function bashScript(words: Map<string, string[]>): string {
  const cases = [...words].map(([path, follow]) => `    "${path}") words="${follow.join(' ')}" ;;`);
  return `_timonel() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _timonel timonel
`;
}

function fishScript(words: Map<string, string[]>): string {
  const lines = [...words].flatMap(([path, follow]) => {
    const seen = path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path.split(' ').at(-1)}`;
    return follow.map((word) =>
      word.startsWith('--')
        ? `complete -c timonel -n '${seen}' -l ${word.slice(2)}`
        : `complete -c timonel -f -n '${seen}' -a ${word}`,
    );
  });
  return `${lines.join('\n')}\n`;
}
