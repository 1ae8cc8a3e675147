import { startServerEarly } from '../cluster/server-start.ts';

/** What `--name` is where nobody gives one. */
const defaultClusterName = 'dev';

/** Starts the server that a command line of `up` is about while the rest of the command is loaded. */
export function earlyServer(words: readonly string[]): void {
  const name = clusterNameIn(words, process.env);
  if (name !== undefined) startServerEarly(name);
}

/** The cluster that the words behind `up` name; undefined for those that only ask for help. */
export function clusterNameIn(words: readonly string[], environment: NodeJS.ProcessEnv): string | undefined {
  if (words.includes('--help') || words.includes('-h')) return undefined;
  const at = words.findLastIndex((word) => word === '--name' || word.startsWith('--name='));
  if (at < 0) return environment['TIMONEL_CLUSTER'] ?? defaultClusterName;
  return words[at] === '--name' ? words[at + 1] : words[at]?.slice('--name='.length);
}
