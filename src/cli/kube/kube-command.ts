import { Command, Option } from 'commander';
import { collect } from '../arguments.ts';

/**
 * A command whose line is read as kubectl reads one (spf13/pflag): `-o=yaml`, `--watch=false`, and flags whose value
 * may be left out take it after `=` only, so that `--wait pod x` is about the pod.
 */
export class KubeCommand extends Command {
  /** Whether a flag was given to say no (`--all=false`), which its value does not show. */
  hasSwitchedOff = false;
  #isComplete = false;

  override parseOptions(line: string[]): ReturnType<Command['parseOptions']> {
    // Made for the one command that runs: for all of them they would slow every start down.
    if (!this.#isComplete) {
      // Some commands have another meaning for one of them, as kubectl's have: `create rolebinding --user`.
      const own = new Set(this.options.map(({ long }) => long));
      for (const option of connectionOptions()) if (!own.has(option.long)) this.addOption(option.hideHelp());
    }
    this.#isComplete = true;
    this.hasSwitchedOff ||= line.some((word) => isSwitchedOff(flagOf(word, this.options)));
    return super.parseOptions(plainWords(line, this.options));
  }
}

/** kubectl's flags for all commands, which few people need. */
function connectionOptions(): Option[] {
  return [
    new Option('-s, --server <url>', 'address of the API server'),
    new Option('--cluster <name>', 'cluster of the kubeconfig'),
    new Option('--user <name>', 'user of the kubeconfig'),
    new Option('--token <token>', 'bearer token'),
    new Option('--as <user>', 'act as this user'),
    new Option('--as-group <group>', 'act as of this group (repeatable)').argParser(collect),
    new Option('--as-uid <uid>', 'act as who has this uid'),
    new Option('--certificate-authority <file>', "whose certificates the server's may be"),
    new Option('--client-certificate <file>', 'certificate of the user'),
    new Option('--client-key <file>', 'key of the user'),
    new Option('--tls-server-name <name>', "name in the server's certificate"),
    new Option('--insecure-skip-tls-verify', 'whoever the server is'),
    new Option('--request-timeout <duration>', 'how long one request may take (0: no limit)'),
  ];
}

/** A line in commander's words. Pure. */
export function plainWords(line: readonly string[], options: readonly Option[]): string[] {
  const words: string[] = [];
  for (let i = 0; i < line.length; i++) {
    const word = line[i] as string;
    if (word === '--') return [...words, ...line.slice(i)];
    const given = flagOf(word, options);
    if (!given) words.push(word);
    else if (given.option.required && given.value === undefined) {
      // The value is the next word, whatever it looks like.
      words.push(word, ...line.slice(i + 1, i + 2));
      i++;
    } else words.push(...inWords(word, given));
  }
  return words;
}

interface Given {
  option: Option;
  /** As the flag was called. */
  name: string;
  value?: string;
}

function flagOf(word: string, options: readonly Option[]): Given | undefined {
  const [, long, short, value] = /^(?:(--[^=]+)|(-[^-=]))(?:=(.*))?$/s.exec(word) ?? [];
  const name = long ?? short;
  const option = name === undefined ? undefined : options.find((each) => each.long === name || each.short === name);
  return option && name !== undefined ? { option, name, ...(value !== undefined && { value }) } : undefined;
}

function inWords(word: string, { option, name, value }: Given): string[] {
  if (option.required) return name.startsWith('--') ? [word] : [name, value ?? ''];
  if (option.optional) {
    const given = value ?? (option.presetArg as string | undefined) ?? 'true';
    return [`${option.long ?? name}=${given}`];
  }
  if (value === undefined || isTrue(value)) return [name];
  // Off is as if it had not been said; what is no truth value is left for commander to complain of.
  return isSwitchedOff({ option, name, value }) ? [] : [word];
}

function isSwitchedOff(given: Given | undefined): boolean {
  return given?.value !== undefined && !given.option.required && !given.option.optional && isFalse(given.value);
}

/** Go's strconv.ParseBool. */
function isTrue(text: string): boolean {
  return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text);
}

function isFalse(text: string): boolean {
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text);
}

const valued =
  'namespace|context|kubeconfig|cluster|user|server|token|as|as-group|as-uid|request-timeout|' +
  'certificate-authority|client-certificate|client-key|tls-server-name';
const withValue = new RegExp(`^(?:-[ns]|--(?:${valued}))$`);
const alone = new RegExp(`^(?:-[ns].+|--(?:${valued})=.*|--insecure-skip-tls-verify(?:=.*)?)$`, 's');

/** kubectl takes the flags of a cluster before the command as well: here they go behind it. Pure. */
export function commandFirst(words: readonly string[]): string[] {
  let at = 0;
  while (at < words.length) {
    const word = words[at] as string;
    if (withValue.test(word)) at += 2;
    else if (alone.test(word)) at += 1;
    else break;
  }
  if (at === 0 || at >= words.length) return [...words];
  const dashes = words.indexOf('--');
  const end = dashes < 0 ? words.length : dashes;
  return [...words.slice(at, end), ...words.slice(0, at), ...words.slice(end)];
}
