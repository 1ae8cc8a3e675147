import { type Command, Option } from 'commander';
import { collect } from '../arguments.ts';
import { speakAsHelm } from './usage.ts';
import { addAuthoringCommands } from './authoring-commands.ts';
import { addOtherCommands, addRepositoryCommands } from './repository-commands.ts';
import {
  addChartFlags,
  addClusterFlags,
  addGlobalFlags,
  addOperationFlags,
  addReleaseFlags,
  addRenderFlags,
  addValueFlags,
  dropIdleVariables,
  dryRunFlag,
  duration,
  goFlags,
  outputFlag,
  wholeNumber,
} from './flags.ts';

const historyMax = (): Option =>
  new Option('--history-max <count>', 'revisions to keep; 0 keeps all')
    .argParser(wholeNumber)
    .default(10)
    .env('HELM_MAX_HISTORY');

/** Helm's commands, with Helm's flags and output. */
export function addChartCommands(program: Command): void {
  const chart = program.command('chart').description('install, upgrade and make charts: Helm’s commands and releases');
  addInstallCommands(chart);
  addTemplateCommand(chart);
  addReleaseCommands(chart);
  addLookingCommands(chart);
  addAuthoringCommands(chart);
  addRepositoryCommands(chart);
  addOtherCommands(chart);
  speakAsHelm(chart);
  // Whoever runs something else shall not wait until all of these have all of their flags.
  for (const group of [chart, ...chart.commands.filter(({ commands }) => commands.length > 0)]) {
    group.hook('preSubcommand', (_, command) => {
      dropIdleVariables(process.env);
      goFlags(addGlobalFlags(command));
    });
  }
}

function addInstallCommands(chart: Command): void {
  const install = chart.command('install').argument('<words...>', 'NAME CHART').description('install a chart');
  for (const add of [
    addClusterFlags,
    addValueFlags,
    addChartFlags,
    addRenderFlags,
    addOperationFlags,
    addReleaseFlags,
  ]) {
    add(install);
  }
  install
    .option('-g, --generate-name', 'make the name of the release')
    .addOption(new Option('--name-template <template>', 'make the name by a template').hideHelp())
    .option('--replace', 'use the name of a release that failed or was uninstalled with its history kept')
    .action(async (words, options) => (await import('./install.ts')).install(words, options));

  const upgrade = chart
    .command('upgrade')
    .argument('<release>', 'its name')
    .argument('<chart>', 'directory, archive, repo/name, URL or oci://…')
    .description('upgrade a release to a chart, or other values');
  for (const add of [
    addClusterFlags,
    addValueFlags,
    addChartFlags,
    addRenderFlags,
    addOperationFlags,
    addReleaseFlags,
  ]) {
    add(upgrade);
  }
  upgrade
    .option('-i, --install', 'install it if it is not there')
    .option('--reset-values', "use the chart's values, not the last release's")
    .option('--reuse-values', "use the last release's values, with those of the command line on top")
    .option('--reset-then-reuse-values', "the chart's values, then the last release's, then the command line's")
    .option('--cleanup-on-fail', 'delete what a failed upgrade made new')
    .addOption(historyMax())
    .action(async (name, reference, options) => (await import('./install.ts')).upgrade(name, reference, options));
}

/** What an install would heed, and a rendering has no use for: whoever has the flags of an install at hand may give them. */
const unheeded = [
  ...['--wait-for-jobs', '--atomic', '--rollback-on-failure', '--create-namespace', '--replace', '--take-ownership'],
  ...['--hide-notes', '--force', '--disable-openapi-validation', '--wait <strategy>', '--timeout <duration>'],
  ...['--description <text>', '-l, --labels <pairs>'],
];

function addTemplateCommand(chart: Command): void {
  const template = chart
    .command('template')
    .argument('<words...>', '[NAME] CHART')
    .description('render a chart and print what would be installed');
  for (const add of [addClusterFlags, addValueFlags, addChartFlags, addRenderFlags]) add(template);
  template
    .option('-s, --show-only <template>', 'show only what this template gives (also more than one)', collect, [])
    .option('--validate', 'let the cluster check the objects')
    .option('--include-crds', 'print what is in crds/ as well')
    .option('--skip-crds', 'leave out what is in crds/ (the default)')
    .option('--skip-tests', 'leave out tests')
    .option('--no-hooks', 'leave out hooks')
    .option('--is-upgrade', 'set .Release.IsUpgrade instead of .Release.IsInstall')
    .option('--output-dir <directory>', 'write files there instead of to standard output')
    .option('--release-name', 'with --output-dir: in a directory of the name of the release')
    .option('-g, --generate-name', 'make the name of the release')
    .addOption(new Option('--name-template <template>', 'make the name by a template').hideHelp())
    .addOption(dryRunFlag());
  for (const flag of unheeded) template.addOption(new Option(flag).hideHelp());
  template.action(async (words, options) => (await import('./template.ts')).template(words, options));
}

function addReleaseCommands(chart: Command): void {
  addOperationFlags(addClusterFlags(chart.command('rollback')))
    .argument('<release>', 'its name')
    .argument('[revision]', 'which (default: the one before)')
    .description('roll a release back to an earlier revision')
    .option('--cleanup-on-fail', 'delete what a failed rollback made new')
    .option('--description <text>', 'description of the revision')
    .addOption(dryRunFlag())
    .addOption(historyMax())
    .action(async (name, revision, options) => (await import('./release.ts')).rollback(name, revision, options));
  addOperationFlags(addClusterFlags(chart.command('uninstall')))
    .aliases(['delete', 'del', 'un'])
    .argument('<releases...>', 'their names')
    .description('uninstall releases')
    .option('--keep-history', 'keep the revisions: the name stays taken, and rollback works')
    .addOption(
      new Option('--cascade <how>', 'what happens to dependents')
        .choices(['background', 'foreground', 'orphan'])
        .default('background'),
    )
    .option('--description <text>', 'description of the revision')
    .option('--ignore-not-found', 'a release that is not there is no error')
    .addOption(dryRunFlag())
    .action(async (names, options) => (await import('./release.ts')).uninstall(names, options));
  addClusterFlags(chart.command('test'))
    .argument('<release>', 'its name')
    .description("run a release's tests")
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for each').argParser(duration).default(300_000, '5m0s'),
    )
    .option('--filter <filter>', 'run only name=TEST, or not !name=TEST', collect, [])
    .option('--logs', 'print what the tests wrote')
    // Helm 3's, for what Helm 4 always does.
    .addOption(new Option('--hide-notes').hideHelp())
    .action(async (name, options) => (await import('./release.ts')).test(name, options));
}

function addLookingCommands(chart: Command): void {
  addClusterFlags(chart.command('list'))
    .alias('ls')
    .description('list releases')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-a, --all', 'in any state')
    .option('--deployed', 'only deployed ones')
    .option('--failed', 'only failed ones')
    .option('--pending', 'only pending ones')
    .option('--superseded', 'only superseded ones')
    .option('--uninstalled', 'only uninstalled ones, whose history was kept')
    .option('--uninstalling', 'only those that are being uninstalled')
    .option('-d, --date', 'sort by date')
    .option('-r, --reverse', 'sort the other way')
    .addOption(new Option('-m, --max <count>', 'how many at most; 0 is all').argParser(wholeNumber).default(256))
    .addOption(new Option('--offset <index>', 'leave out so many first').argParser(wholeNumber).default(0))
    .option('-f, --filter <expression>', 'only names that match a regular expression')
    .option('-l, --selector <labels>', 'only with these labels (--labels)')
    .option('-q, --short', 'names only')
    .option('--no-headers', 'no line of headings')
    .option('--time-format <layout>', "times in a layout of Go's, such as 2006-01-02 15:04")
    .addOption(outputFlag())
    .action(async (options) => (await import('./release.ts')).list(options));
  addClusterFlags(chart.command('status'))
    .argument('<release>', 'its name')
    .description('show the state of a release')
    .addOption(revision())
    // Helm 3's, for what is always shown, as in Helm 4.
    .addOption(new Option('--show-resources').hideHelp())
    .addOption(new Option('--show-desc').hideHelp())
    .addOption(outputFlag())
    .action(async (name, options) => (await import('./release.ts')).status(name, options));
  addClusterFlags(chart.command('history'))
    .alias('hist')
    .argument('<release>', 'its name')
    .description('list the revisions of a release')
    .addOption(new Option('--max <count>', 'how many at most').argParser(wholeNumber).default(256))
    .option('--show-rollback-revision', 'show which revisions rollbacks went back to')
    .addOption(outputFlag())
    .action(async (name, options) => (await import('./release.ts')).history(name, options));
  const get = chart.command('get').description('print what is stored of a release');
  const what = {
    all: 'everything',
    hooks: 'its hooks',
    manifest: 'its manifest',
    metadata: 'its metadata',
    notes: 'its notes',
    values: 'the values that the user gave',
  } as const;
  for (const [name, description] of Object.entries(what)) {
    const command = addClusterFlags(get.command(name))
      .argument('<release>', 'its name')
      .description(description)
      .addOption(revision());
    if (name === 'all')
      command.option('--template <template>', 'print what a Go template gives, such as {{.Release.Name}}');
    if (name === 'values') command.option('-a, --all', 'computed values: with those of the chart');
    if (name === 'values' || name === 'metadata') command.addOption(outputFlag());
    command.action(async (release, options) =>
      (await import('./get.ts')).get(name as keyof typeof what, release, options),
    );
  }
}

function revision(): Option {
  return new Option('--revision <number>', 'this revision (default: the newest)').argParser(wholeNumber);
}
