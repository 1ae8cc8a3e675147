import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { packageChart, type PackagedChart } from '../../delivery/charts/authoring/package-chart.ts';
import { signChart, type Verification, verifyFile } from '../../delivery/charts/authoring/provenance.ts';
import { fromStarter, scaffoldChart } from '../../delivery/charts/authoring/scaffold.ts';
import { type Chart, crdsOf, textOf } from '../../delivery/charts/chart/chart.ts';
import { readDirectory } from '../../delivery/charts/chart/directory.ts';
import { emitYaml } from '../../delivery/charts/functions/yaml-emit.ts';
import { compileJsonPathTemplate, type JsonPathTemplate } from '../../delivery/inspect/json-path-template.ts';
import { processDependencies } from '../../delivery/charts/values/dependencies.ts';
import { helmPaths } from '../../delivery/charts/repository/repositories.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { chartOf } from './chart-source.ts';
import type { ChartFlags } from './flags.ts';

export type ShowWhat = 'all' | 'chart' | 'crds' | 'readme' | 'values';

export interface ShowFlags extends ChartFlags {
  /** Of the values: a template of kubectl's JSONPath. */
  jsonpath?: string;
}

export async function show(what: ShowWhat, reference: string, flags: ShowFlags): Promise<void> {
  const select = flags.jsonpath === undefined ? undefined : jsonPathOf(flags.jsonpath);
  process.stdout.write(shown(await chartOf(reference, flags), what, select));
}

/** What is in a chart, each part with an empty line behind it, as Helm prints them. */
export function shown(chart: Chart, what: ShowWhat, select?: JsonPathTemplate): string {
  const isAll = what === 'all';
  const part = (name: ShowWhat, text: string | undefined): string =>
    (isAll || what === name) && text !== undefined ? `${isAll && name !== 'chart' ? '---\n' : ''}${text}` : '';
  const line = (text: string | undefined): string | undefined => text && `${text}\n`;
  const definitions = crdsOf(processDependencies(chart, {})).map(({ file }) => textOf(file));
  return [
    part('chart', line(emitYaml(chart.metadata))),
    part('values', select ? select(chart.values) : line(fileText(chart, ['values.yaml']))),
    part('readme', line(fileText(chart, ['readme.md', 'readme.txt', 'readme']))),
    ...(isAll || what === 'crds' ? definitions : []).map((text) => `${text.startsWith('---') ? '' : '---\n'}${text}\n`),
  ].join('');
}

function jsonPathOf(text: string): JsonPathTemplate {
  try {
    return compileJsonPathTemplate(text);
  } catch (error) {
    throw new CliError(`error parsing jsonpath ${text}: ${(error as Error).message}`, { cause: error });
  }
}

function fileText({ raw }: Chart, names: readonly string[]): string | undefined {
  const file = raw.find(({ name }) => names.includes(name.toLowerCase()));
  return file && textOf(file);
}

export interface PackageFlags extends ChartFlags {
  destination: string;
  appVersion?: string;
  dependencyUpdate?: boolean;
  sign?: boolean;
  key?: string;
  keyring?: string;
  passphraseFile?: string;
}

export async function packageCharts(paths: string[], flags: PackageFlags): Promise<void> {
  // These two are for what is packaged, not for what it depends on.
  const { version: _version, keyring: _keyring, ...dependencyFlags } = flags;
  if (flags.sign && !flags.key) throw new CliError('--key is required for signing a package');
  if (flags.sign && flags.keyring === '') throw new CliError('--keyring is required for signing a package');
  for (const path of paths) {
    if (!existsSync(path)) throw new CliError(`stat ${path}: no such file or directory`);
    const chart = await chartOf(path, dependencyFlags);
    const packaged = await packageChart(chart, {
      version: flags.version,
      appVersion: flags.appVersion,
      modified: clock.now(),
    });
    const provenance =
      flags.sign && flags.key !== undefined ? await provenanceOf(packaged, flags.key, flags) : undefined;
    await mkdir(flags.destination, { recursive: true });
    // Told as it was asked for: `-d out` is `out/…`.
    const file = flags.destination === '.' ? resolve(packaged.fileName) : join(flags.destination, packaged.fileName);
    await writeFile(file, packaged.data);
    if (provenance !== undefined) await writeFile(`${file}.prov`, provenance);
    process.stdout.write(`Successfully packaged chart and saved it to: ${file}\n`);
  }
}

async function provenanceOf(packaged: PackagedChart, key: string, flags: PackageFlags): Promise<string> {
  const { keyring, passphraseFile } = flags;
  const passphrase = passphraseFile === undefined ? undefined : await passphraseOf(passphraseFile);
  return signChart(packaged, { key, keyring, passphrase });
}

async function passphraseOf(path: string): Promise<string> {
  const said = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  return said.replace(/\r?\n[\s\S]*$/, '');
}

export async function verify(path: string, flags: { keyring?: string }): Promise<void> {
  process.stdout.write(verificationText(await verifyFile(path, flags.keyring)));
}

/** What Helm says of an archive whose signature is good. */
export function verificationText({ signedBy, fingerprint, digest }: Verification): string {
  const names = signedBy.map((name) => `Signed by: ${name}\n`).join('');
  return `${names}Using Key With Fingerprint: ${fingerprint}\nChart Hash Verified: ${digest}\n`;
}

export async function create(path: string, flags: { starter?: string }): Promise<void> {
  const name = basename(path);
  if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,249}$/.test(name))
    throw new CliError(`chart name ${JSON.stringify(name)} is not valid: letters, digits, dots and dashes`);
  if (existsSync(join(path, 'Chart.yaml'))) throw new CliError(`${path} holds a chart already`);
  const files =
    flags.starter === undefined ? scaffoldChart(name) : fromStarter(name, readDirectory(starterPath(flags.starter)));
  for (const file of files) {
    const target = join(path, file.name);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, file.data);
  }
  await mkdir(join(path, 'charts'), { recursive: true });
  process.stdout.write(`Creating ${path}\n`);
}

/** A path, or the name of one of those in Helm's data directory. */
function starterPath(starter: string): string {
  const path = isAbsolute(starter) ? starter : join(helmPaths(process.env).dataHome, 'starters', starter);
  if (!existsSync(path)) throw new CliError(`could not load ${path}: stat ${path}: no such file or directory`);
  return path;
}
