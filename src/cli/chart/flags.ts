import { Command, InvalidArgumentError, Option } from 'commander';
import { parseGoDuration } from '../../api/go-duration.ts';
import { collect } from '../arguments.ts';
import { CliError } from '../errors.ts';

/**
 * Helm's flags, in the groups in which its commands share them. Booleans may be said as `--flag=false`, and some flags
 * have a value only behind `=` (`--dry-run`, `--dry-run=server`), as Go's flag packages have it.
 */

/** What a flag says when nothing follows it. */
const bareValues: Readonly<Record<string, string>> = {
  '--dry-run': 'client',
  '--wait': 'watcher',
  '--server-side': 'true',
};

/** Where Helm's own files are: each flag and the variable that says the same. */
const pathFlags = {
  '--registry-config': 'HELM_REGISTRY_CONFIG',
  '--repository-config': 'HELM_REPOSITORY_CONFIG',
  '--repository-cache': 'HELM_REPOSITORY_CACHE',
} as const;

/** What every command of Helm's takes. */
export function addGlobalFlags(command: Command): Command {
  for (const [flag, variable] of Object.entries(pathFlags)) {
    const option = new Option(`${flag} <path>`).hideHelp();
    command.addOption(option).on(`option:${option.name()}`, (path: string) => (process.env[variable] = path));
  }
  // There are no colours, and archives of charts are not kept.
  for (const flag of ['--color <when>', '--colour <when>', '--content-cache <directory>']) {
    command.addOption(new Option(flag).hideHelp());
  }
  // Where no cluster is asked, those of one change nothing.
  for (const option of addClusterFlags(new Command()).options) {
    if (!command.options.some(({ long }) => long === option.long)) command.addOption(option.hideHelp());
  }
  return command;
}

/** What Go's `strconv.ParseBool` takes for true. */
const yes = ['1', 't', 'T', 'true', 'TRUE', 'True'];

/** Forgets variables that say nothing, and switches that say no: options ask only whether a variable is there. */
export function dropIdleVariables(environment: Record<string, string | undefined>): void {
  for (const [name, value = ''] of Object.entries(environment)) {
    if (!name.startsWith('HELM_')) continue;
    const isSwitch = name === 'HELM_DEBUG' || name === 'HELM_KUBEINSECURE_SKIP_TLS_VERIFY';
    if (isSwitch ? !yes.includes(value) : value === '') Reflect.deleteProperty(environment, name);
  }
}

/** Lets a command's flags be written as Go's: call it after all options are declared. */
export function goFlags(command: Command): Command {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (args: string[]) => parse(args.flatMap((arg) => normalFlag(command, arg)));
  return command;
}

function normalFlag(command: Command, arg: string): string[] {
  const bare = bareValues[arg];
  if (bare !== undefined && command.options.some(({ long }) => long === arg)) return [`${arg}=${bare}`];
  const match = /^(--[a-z-]+)=(true|false)$/.exec(arg);
  if (!match) return [arg];
  const [, name = '', value] = match;
  const option = command.options.find(({ long }) => long === name);
  if (option?.isBoolean()) return value === 'true' ? [name] : [];
  if (value === 'false' && bareValues[name] !== undefined) return [];
  return value === 'true' && bareValues[name] !== undefined ? [`${name}=${bareValues[name]}`] : [arg];
}

export function duration(text: string): number {
  const nanos = parseGoDuration(text);
  if (nanos === undefined || nanos < 0) throw new InvalidArgumentError('It is a duration like 30s, 5m or 1h30m.');
  return nanos / 1e6;
}

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
}

/** `a=b,c=d`, also more than once. */
function pairs(text: string, previous: Record<string, string>): Record<string, string> {
  const found = { ...previous };
  for (const pair of text.split(',')) {
    const at = pair.indexOf('=');
    if (at <= 0) throw new InvalidArgumentError(`${pair} is not a pair like key=value.`);
    found[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return found;
}

/** `a,b`, also more than once. */
function list(text: string, previous: string[]): string[] {
  return [...previous, ...text.split(',')];
}

export interface ClusterFlags {
  namespace?: string;
  kubeconfig?: string;
  kubeContext?: string;
  kubeApiserver?: string;
  kubeToken?: string;
  kubeCaFile?: string;
  kubeTlsServerName?: string;
  kubeInsecureSkipTlsVerify?: boolean;
  kubeAsUser?: string;
  kubeAsGroup: string[];
  debug?: boolean;
}

export function addClusterFlags(command: Command): Command {
  return (
    command
      .addOption(new Option('-n, --namespace <name>', 'namespace scope for this request').env('HELM_NAMESPACE'))
      .option('--kubeconfig <file>', 'kubeconfig file (default: $KUBECONFIG, ~/.kube/config)')
      .addOption(new Option('--kube-context <name>', 'kubeconfig context to use').env('HELM_KUBECONTEXT'))
      .addOption(new Option('--kube-apiserver <url>', 'address of the API server').env('HELM_KUBEAPISERVER').hideHelp())
      .addOption(new Option('--kube-token <token>', 'bearer token').env('HELM_KUBETOKEN').hideHelp())
      .addOption(new Option('--kube-ca-file <file>', 'certificate authority file').env('HELM_KUBECAFILE').hideHelp())
      .addOption(new Option('--kube-tls-server-name <name>').env('HELM_KUBETLS_SERVER_NAME').hideHelp())
      .addOption(new Option('--kube-insecure-skip-tls-verify').env('HELM_KUBEINSECURE_SKIP_TLS_VERIFY').hideHelp())
      .addOption(new Option('--kube-as-user <name>', 'act as this user').env('HELM_KUBEASUSER').hideHelp())
      .addOption(
        new Option('--kube-as-group <name>', 'and as one of this group')
          .env('HELM_KUBEASGROUPS')
          .argParser(list)
          .default([])
          .hideHelp(),
      )
      // Helm's limits of its own requests: there is none here.
      .addOption(new Option('--qps <rate>').hideHelp())
      .addOption(new Option('--burst-limit <count>').hideHelp())
      .addOption(new Option('--debug', 'print what was rendered, also where it is no YAML').env('HELM_DEBUG'))
  );
}

export interface ValueFlags {
  values: string[];
  set: string[];
  setString: string[];
  setJson: string[];
  setFile: string[];
  setLiteral: string[];
}

export function addValueFlags(command: Command): Command {
  return command
    .option('-f, --values <file>', 'values in a YAML file or a URL (also more than one)', list, [])
    .option('--set <pairs>', 'set values: key1=val1,key2=val2', collect, [])
    .option('--set-string <pairs>', 'set strings: key1=val1,key2=val2', collect, [])
    .option('--set-json <pairs>', 'set JSON values: key1=jsonval1, or a whole object', collect, [])
    .option('--set-file <pairs>', 'set values from files: key1=path1', collect, [])
    .option('--set-literal <pair>', 'set a literal string: key=value', collect, []);
}

export interface ChartFlags {
  version?: string;
  repo?: string;
  devel?: boolean;
  verify?: boolean;
  keyring?: string;
  username?: string;
  password?: string;
  passCredentials?: boolean;
  caFile?: string;
  certFile?: string;
  keyFile?: string;
  insecureSkipTlsVerify?: boolean;
  plainHttp?: boolean;
}

/** Where a chart comes from, when it is not a path. */
export function addChartFlags(command: Command): Command {
  addConnectionFlags(command)
    .option('--version <constraint>', 'version constraint of the chart, such as 1.2.3 or ^2.0 (default: the newest)')
    .option('--repo <url>', 'repository to find the chart in')
    .option('--devel', 'use development versions too (--version ">0.0.0-0")')
    .option('--verify', 'verify the signature of the chart before using it')
    .option('--keyring <file>', 'public keys for verification (default: ~/.gnupg/pubring.gpg)');
  return command;
}

export function addConnectionFlags(command: Command): Command {
  return command
    .option('--username <name>', 'user name of the repository')
    .option('--password <password>', 'password of the repository')
    .option('--pass-credentials', 'pass them on to all domains')
    .option('--ca-file <file>', 'verify certificates of HTTPS servers with this CA bundle')
    .option('--cert-file <file>', 'identify with this certificate')
    .option('--key-file <file>', 'and this key')
    .option('--insecure-skip-tls-verify', 'do not check TLS certificates')
    .option('--plain-http', 'use insecure HTTP');
}

export type DryRun = 'client' | 'server';

export interface RenderFlags {
  dryRun?: DryRun | undefined;
  dependencyUpdate?: boolean;
  postRenderer?: string;
  postRendererArgs: string[];
  renderSubchartNotes?: boolean;
  skipSchemaValidation?: boolean;
  enableDns?: boolean;
  hideSecret?: boolean;
  kubeVersion?: string;
  apiVersions: string[];
}

export function addRenderFlags(command: Command): Command {
  return command
    .option('--dependency-update', 'update dependencies if they are missing before installing the chart')
    .option('--post-renderer <name>', 'a plugin or a program that changes the manifest before it is applied')
    .option('--post-renderer-args <arg>', 'an argument of the post-renderer (also more than one)', collect, [])
    .option('--render-subchart-notes', 'render the notes of subcharts as well')
    .option('--skip-schema-validation', 'do not check values against values.schema.json')
    .option('--enable-dns', 'let templates look up host names')
    .option('--hide-secret', 'hide Secrets when also using --dry-run')
    .option('--kube-version <version>', 'Kubernetes version for .Capabilities, without a cluster')
    .option('-a, --api-versions <version>', 'API version for .Capabilities (also more than one)', list, []);
}

export interface OperationFlags {
  timeout: number;
  wait?: string;
  waitForJobs?: boolean;
  /** `--no-hooks` gives false. */
  hooks: boolean;
  force?: boolean;
  forceReplace?: boolean;
  serverSide: ServerSideFlag;
  forceConflicts?: boolean;
  abandonPending?: boolean;
  rollbackOnFailure?: boolean;
  atomic?: boolean;
}

export function addOperationFlags(command: Command): Command {
  return (
    command
      .addOption(
        new Option('--timeout <duration>', 'how long to wait for each thing')
          .argParser(duration)
          .default(300_000, '5m0s'),
      )
      .addOption(
        new Option('--wait <strategy>', 'wait until all objects are ready (bare, or =watcher)').argParser(waiting),
      )
      .option('--wait-for-jobs', 'with --wait: also until all jobs have completed')
      .option('--no-hooks', 'do not run hooks')
      .option('--force-replace', 'replace objects instead of patching them')
      .addOption(new Option('--force', 'the same, as Helm 3 has it').hideHelp())
      .addOption(new Option('--server-side <how>', 'how objects are applied').argParser(serverSide).hideHelp())
      // Between managers of fields, which three-way patches do not know.
      .addOption(new Option('--force-conflicts').hideHelp())
      .option('--abandon-pending', 'go on although an operation on the release is still marked as pending')
  );
}

function waiting(text: string): string {
  if (['watcher', 'hookOnly', 'legacy'].includes(text)) return text;
  const valid = 'Valid inputs are watcher, hookOnly, and legacy';
  throw new InvalidArgumentError(`invalid wait input ${JSON.stringify(text)}. ${valid}`);
}

type ServerSideFlag = 'true' | 'false' | 'auto';

function serverSide(text: string): ServerSideFlag {
  if (text === 'true' || text === 'false' || text === 'auto') return text;
  throw new InvalidArgumentError('There are true, false and auto.');
}

/** Install and upgrade. */
export function addReleaseFlags(command: Command): Command {
  return (
    command
      .option('--rollback-on-failure', 'take everything back when it fails (implies --wait)')
      .addOption(new Option('--atomic', 'the same, as Helm 3 has it').hideHelp())
      .addOption(dryRunFlag())
      .option('--create-namespace', 'with an install: create the namespace if it is not there')
      // The server always checks objects by its schemas.
      .addOption(new Option('--disable-openapi-validation').hideHelp())
      .option('--description <text>', 'description of the revision')
      .option('--skip-crds', 'do not install what is in crds/')
      .option('--take-ownership', 'take over objects that belong to no or another release')
      .option('-l, --labels <pairs>', 'labels of the stored release: key1=val1,key2=val2', pairs, {})
      .option('--hide-notes', 'do not show the notes')
      .addOption(outputFlag())
  );
}

export function dryRunFlag(): Option {
  return new Option('--dry-run <mode>', 'do nothing, show what would be done: client (bare), or =server').argParser(
    (mode): DryRun | undefined => {
      if (mode === 'none' || mode === 'false') return undefined;
      if (mode === 'client' || mode === 'unchanged' || mode === 'true') return 'client';
      if (mode === 'server') return 'server';
      throw new CliError(`invalid dry-run value (${JSON.stringify(mode)}). Must be "none", "server", or "client"`);
    },
  );
}

export type OutputFormat = 'table' | 'json' | 'yaml';

export function outputFlag(): Option {
  return new Option('-o, --output <format>', 'output format: table, json or yaml')
    .argParser((format) => {
      if (['table', 'json', 'yaml'].includes(format)) return format;
      throw new InvalidArgumentError('invalid format type');
    })
    .default('table');
}
