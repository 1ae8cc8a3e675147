import { type Command, Option } from 'commander';
import { addChartFlags, addConnectionFlags, outputFlag, wholeNumber } from './flags.ts';

/** Commands for charts that lie elsewhere: registries, repositories, dependencies. */
export function addRepositoryCommands(chart: Command): void {
  addChartFlags(chart.command('pull'))
    .alias('fetch')
    .argument('<charts...>', 'repo/name, URL or oci://…')
    .description('fetch charts')
    .option('-d, --destination <directory>', 'where to', '.')
    .option('--untar', 'unpack them')
    .option('--untardir <directory>', 'unpack them there', '.')
    .option('--prov', 'fetch the provenance file too, without verifying it')
    .action(async (references, options) => (await import('./remote.ts')).pull(references, options));
  addConnectionFlags(chart.command('push'))
    .argument('<archive>', 'as `package` makes it')
    .argument('<remote>', 'oci://registry.example.com/charts')
    .description('push an archive to a registry (logins: timonel login)')
    .action(async (archive, remote, options) => (await import('./remote.ts')).push(archive, remote, options));
  const dependency = chart
    .command('dependency')
    .aliases(['dep', 'dependencies'])
    .description("manage a chart's dependencies");
  const verbs = {
    list: 'list what Chart.yaml asks for, and whether it is there',
    update: 'fetch the newest versions that fit into charts/, and write Chart.lock',
    build: 'fetch into charts/ exactly what Chart.lock says',
  } as const;
  for (const [verb, description] of Object.entries(verbs)) {
    const command = dependency.command(verb).argument('[chart]', 'its directory', '.').description(description);
    if (verb === 'update') command.alias('up');
    if (verb === 'list') {
      command
        .alias('ls')
        .addOption(new Option('--max-col-width <width>', 'widest column').argParser(wholeNumber).default(80));
    } else {
      addConnectionFlags(command)
        .option('--verify', 'verify the signatures of the archives')
        .option('--keyring <file>', 'public keys for verification (default: ~/.gnupg/pubring.gpg)')
        .option('--skip-refresh', 'do not fetch the indexes of repositories that were added');
    }
    command.action(async (path, options) =>
      (await import('./remote.ts')).dependency(verb as keyof typeof verbs, path, options),
    );
  }
  addRepoCommands(chart);
  const search = chart.command('search').description('find charts');
  search
    .command('repo')
    .argument('[words...]', 'part of a name, keyword or description')
    .description('search the repositories that were added')
    .option('-l, --versions', 'every version, not the newest alone')
    .option('--version <constraint>', 'versions in this range')
    .option('--devel', 'development versions too')
    .option('-r, --regexp', 'the words are a regular expression')
    .option('--fail-on-no-result', 'fail when nothing is found')
    .addOption(new Option('--max-col-width <width>', 'widest column').argParser(wholeNumber).default(50))
    .addOption(outputFlag())
    .action(async (words, options) => (await import('./remote.ts')).searchRepo(words, options));
  search
    .command('hub')
    .argument('[words...]', 'what to look for')
    .description('search Artifact Hub, or another hub, over the network')
    .option('--endpoint <url>', 'the hub', 'https://hub.helm.sh')
    .option('--list-repo-url', 'show the URL of the repository as well')
    .option('--fail-on-no-result', 'fail when nothing is found')
    .addOption(new Option('--max-col-width <width>', 'widest column').argParser(wholeNumber).default(50))
    .addOption(outputFlag())
    .action(async (words, options) => (await import('./search-hub.ts')).search(words, options));
}

/** What Helm has and is elsewhere here, or not at all. */
export function addOtherCommands(chart: Command): void {
  chart
    .command('env')
    .argument('[name]', 'only this one')
    .description("show what Helm's variables mean here")
    .addOption(new Option('-o, --output <format>').choices(['env', 'json', 'yaml']).default('env'))
    .action(async (name, options) => (await import('./env.ts')).env(name, options));
  const registry = chart.command('registry').description('logins for registries: the same as timonel login and logout');
  registry
    .command('login')
    .argument('<host>')
    .description('log in to a registry')
    .option('-u, --username <name>', 'user name')
    .option('-p, --password <password>', 'password (seen in the list of processes: better --password-stdin)')
    .option('--password-stdin', 'read the password from standard input')
    .option('--insecure', 'do not check the certificate')
    .option('--plain-http', 'use insecure HTTP')
    .option('--ca-file <file>', 'verify the certificate of the registry with this CA bundle')
    .option('--cert-file <file>', 'identify with this certificate')
    .option('--key-file <file>', 'and this key')
    .action(async (host, { insecure, plainHttp, ...options }) =>
      (await import('../registry/login.ts')).login(host, {
        ...options,
        insecure: Boolean(insecure || plainHttp),
      }),
    );
  registry
    .command('logout')
    .argument('<host>')
    .description('forget the login to a registry')
    .action(async (host) => (await import('../registry/login.ts')).logout(host));
  chart
    .command('version')
    .description('print the version of Helm that this behaves as (its own: timonel version)')
    .option('--short', 'the number alone')
    .option('--template <template>', 'what a Go template gives, such as {{.Version}}')
    .addOption(new Option('-c, --client').hideHelp())
    .action(async (options) => (await import('./version.ts')).version(options));
  const elsewhere = {
    completion: 'timonel completion bash (zsh, fish) has the commands for charts as well',
    plugin: 'there are no plugins: a post-renderer is a program (--post-renderer PROGRAM)',
  };
  for (const [name, what] of Object.entries(elsewhere)) {
    chart
      .command(name, { hidden: true })
      .argument('[words...]')
      .allowUnknownOption()
      .action(() => chart.error(`error: timonel chart has no '${name}': ${what}`));
  }
}

function addRepoCommands(chart: Command): void {
  const repo = chart.command('repo').description('chart repositories (kept where Helm keeps them)');
  addConnectionFlags(repo.command('add'))
    .argument('<name>')
    .argument('<url>')
    .description('add a repository')
    .option('--force-update', 'change one that is there')
    .option('--password-stdin', 'read the password from standard input')
    // Helm's: it waits as long as the server does, and all repositories are allowed.
    .addOption(new Option('--timeout <duration>').hideHelp())
    .addOption(new Option('--allow-deprecated-repos').hideHelp())
    .addOption(new Option('--no-update').hideHelp())
    .action(async (name, url, options) => (await import('./remote.ts')).repoAdd(name, url, options));
  repo
    .command('list')
    .alias('ls')
    .description('list repositories')
    .addOption(outputFlag())
    .action(async (options) => (await import('./remote.ts')).repoList(options));
  repo
    .command('update')
    .alias('up')
    .argument('[names...]', 'default: all')
    .description('fetch what repositories have')
    // It always does.
    .addOption(new Option('--fail-on-repo-update-fail').hideHelp())
    .addOption(new Option('--timeout <duration>').hideHelp())
    .action(async (names) => (await import('./remote.ts')).repoUpdate(names));
  repo
    .command('remove')
    .alias('rm')
    .argument('<names...>')
    .description('remove repositories')
    .action(async (names) => (await import('./remote.ts')).repoRemove(names));
  repo
    .command('index')
    .argument('<directory>', 'with archives')
    .description('write an index.yaml for a directory of archives')
    .option('--url <url>', 'where the directory will be')
    .option('--merge <file>', 'merge with this index')
    .option('--json', 'write it as JSON')
    .action(async (directory, options) => (await import('./remote.ts')).repoIndex(directory, options));
}
