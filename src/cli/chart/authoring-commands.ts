import type { Command } from 'commander';
import { addChartFlags, addConnectionFlags, addValueFlags, outputFlag } from './flags.ts';

/** Commands that make, check and show charts. */
export function addAuthoringCommands(chart: Command): void {
  chart
    .command('create')
    .argument('<directory>', 'the new chart; its last part is the name')
    .description('make a new chart')
    .option('-p, --starter <starter>', 'start from this chart')
    .action(async (path, options) => (await import('./authoring.ts')).create(path, options));
  addValueFlags(chart.command('lint'))
    .argument('[charts...]', 'directories or archives (default: the current directory)')
    .description('say what is wrong with a chart, or could be better')
    .option('--strict', 'fail on warnings')
    .option('--with-subcharts', 'look at subcharts as well')
    .option('--quiet', 'show warnings and errors only')
    .option('--kube-version <version>', 'Kubernetes version for .Capabilities')
    .option('--skip-schema-validation', 'do not check values against values.schema.json')
    .option('-n, --namespace <name>', 'namespace to render for')
    .addOption(outputFlag())
    .action(async (paths, options) => (await import('./lint.ts')).lint(paths, options));
  addConnectionFlags(chart.command('package'))
    .argument('<charts...>', 'directories')
    .description('make archives of charts')
    .option('-d, --destination <directory>', 'where to', '.')
    .option('--version <version>', 'give the chart this version')
    .option('--app-version <version>', 'give the chart this appVersion')
    .option('-u, --dependency-update', 'update dependencies first')
    .option('--sign', 'sign the archive with gpg')
    .option('--key <name>', 'key to sign with')
    .option('--keyring <file>', 'file of secret keys (default: those of gpg)')
    .option('--passphrase-file <file>', 'file with the passphrase of the key; - for standard input')
    .action(async (paths, options) => (await import('./authoring.ts')).packageCharts(paths, options));
  chart
    .command('verify')
    .argument('<archive>', 'a chart with its .prov file beside it')
    .description('check the signature and digest of an archive')
    .option('--keyring <file>', 'public keys (default: ~/.gnupg/pubring.gpg)')
    .action(async (path, options) => (await import('./authoring.ts')).verify(path, options));
  const show = chart.command('show').alias('inspect').description('show what is in a chart');
  const what = {
    all: 'everything',
    chart: 'Chart.yaml',
    crds: 'what is in crds/',
    readme: 'the README',
    values: 'values.yaml',
  } as const;
  for (const [name, description] of Object.entries(what)) {
    const command = addChartFlags(show.command(name))
      .argument('<chart>', 'directory, archive, repo/name, URL or oci://…')
      .description(description);
    if (name === 'values') command.option('--jsonpath <template>', 'only this of them, such as {.image.tag}');
    command.action(async (reference, options) =>
      (await import('./authoring.ts')).show(name as keyof typeof what, reference, options),
    );
  }
}
