import type { Command } from 'commander';

/** What a shell may offer. Paths are those of commands, `node add`. */
interface Offers {
  /** By path: subcommands, flags, and values of the argument. */
  words: Map<string, string[]>;
  /** By path and flag (`up --runtime`): the flag's values. Empty: any text. */
  values: Map<string, string[]>;
  /** Paths of the commands that take a node's name. */
  nodes: string[];
}

/** Prints a completion script made from the commands and flags as they are. */
export function completion(program: Command, shell: 'bash' | 'zsh' | 'fish'): void {
  const offers = collectOffers(program);
  switch (shell) {
    case 'bash':
      process.stdout.write(bashScript(offers));
      return;
    case 'zsh':
      process.stdout.write(`autoload -U +X bashcompinit && bashcompinit\n${bashScript(offers)}`);
      return;
    case 'fish':
      process.stdout.write(fishScript(program));
      return;
  }
}

function collectOffers(program: Command): Offers {
  const offers: Offers = { words: new Map(), values: new Map(), nodes: [] };
  const visit = (command: Command, path: string): void => {
    const options = command.options.filter((option) => !option.hidden);
    const flags = options.map((option) => option.long ?? option.short ?? '');
    const subcommands = command.commands.map((inner) => inner.name());
    const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
    offers.words.set(path, [...subcommands, ...choices, ...flags, '--help']);
    for (const option of options.filter((each) => each.required || each.optional)) {
      const names = [option.long, option.short].flatMap((name) => name ?? []);
      for (const name of names) offers.values.set(`${path} ${name}`, option.argChoices ?? []);
    }
    if (command.registeredArguments.some((argument) => argument.required && argument.name() === 'node')) {
      offers.nodes.push(path);
    }
    for (const inner of command.commands) visit(inner, `${path} ${inner.name()}`.trim());
  };
  visit(program, '');
  return offers;
}

function bashScript({ words, values, nodes }: Offers): string {
  const valueCases = [...values].map(([flag, choices]) => `    "${flag}") words="${choices.join(' ')}"; known=1 ;;`);
  const wordCases = [...words].map(([path, follow]) => `      "${path}") words="${follow.join(' ')}" ;;`);
  return `_timonel() {
  local path="" word words="" known="" value=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$value" ]; then value=""; continue; fi
    case "$word" in
      -*) case "|$_timonel_flags|" in *"|$path $word|"*) value=1 ;; esac ;;
      *) case "|$_timonel_paths|" in *"|\${path:+$path }$word|"*) path="\${path:+$path }$word" ;; esac ;;
    esac
  done
  case "$path \${COMP_WORDS[COMP_CWORD-1]}" in
${valueCases.join('\n')}
  esac
  if [ -z "$known" ]; then
    case "$path" in
${wordCases.join('\n')}
    esac
    case "|${nodes.join('|')}|" in
      *"|$path|"*) [ -z "$path" ] || words="$words $("\${COMP_WORDS[0]}" node list 2>/dev/null | awk 'NR > 1 { print $1 }')" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
_timonel_flags="${[...values.keys()].join('|')}"
_timonel_paths="${[...words.keys()].filter((path) => path !== '').join('|')}"
complete -o default -F _timonel timonel
`;
}

function fishScript(program: Command): string {
  const lines: string[] = [];
  const visit = (command: Command, path: readonly string[]): void => {
    const subcommands = command.commands.map((inner) => inner.name());
    const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`);
    const unseen = subcommands.length > 0 ? [`not __fish_seen_subcommand_from ${subcommands.join(' ')}`] : [];
    const when = `-n '${[...seen, ...unseen].join('; and ') || 'true'}'`;
    for (const inner of command.commands) {
      lines.push(`complete -c timonel -f ${when} -a ${inner.name()} -d ${quote(inner.description())}`);
    }
    for (const option of command.options.filter((each) => !each.hidden && each.long)) {
      const value = option.argChoices ? ` -x -a '${option.argChoices.join(' ')}'` : option.required ? ' -r' : '';
      lines.push(`complete -c timonel ${when} -l ${option.long?.slice(2)}${value} -d ${quote(option.description)}`);
    }
    const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
    if (choices.length > 0) lines.push(`complete -c timonel -f ${when} -a '${choices.join(' ')}'`);
    if (command.registeredArguments.some((argument) => argument.required && argument.name() === 'node')) {
      const list = "(timonel node list 2>/dev/null | awk 'NR > 1 { print $1 }')";
      lines.push(`complete -c timonel -f ${when} -a ${quote(list)}`);
    }
    for (const inner of command.commands) visit(inner, [...path, inner.name()]);
  };
  visit(program, []);
  return `${lines.join('\n')}\n`;
}

/** In a shell's single quotes. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`\'`)}'`;
}
