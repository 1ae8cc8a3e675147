import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { checkContainerNames } from '../../delivery/compose/consistency.ts';
import { variablesOf } from '../../delivery/compose/interpolate.ts';
import { loadProject, loadTree, type LoadOptions } from '../../delivery/compose/load-project.ts';
import { modelForm } from '../../delivery/compose/model-form.ts';
import type { Project, Service } from '../../delivery/compose/model.ts';
import { configHash, renderProject, renderTree } from '../../delivery/compose/render.ts';
import { isMapping } from '../../delivery/compose/tree.ts';
import { selectServices } from '../../delivery/compose/select.ts';
import { CliError } from '../errors.ts';
import type { ComposeFlags } from './commands.ts';
import { asCliError, loadOptions } from './project.ts';

export interface ConfigFlags extends ComposeFlags {
  format?: 'yaml' | 'json';
  quiet?: boolean;
  services?: boolean;
  volumes?: boolean;
  networks?: boolean;
  profiles?: boolean;
  images?: boolean;
  models?: boolean;
  hash?: string;
  variables?: boolean;
  environment?: boolean;
  interpolate: boolean;
  normalize: boolean;
  pathResolution: boolean;
  consistency: boolean;
  envResolution: boolean;
  output?: string;
}

/** `timonel compose config` */
export async function config(services: readonly string[], flags: ConfigFlags): Promise<void> {
  const { options } = await loadOptions(flags, {
    interpolate: flags.interpolate && !flags.variables,
    resolvePaths: flags.pathResolution,
    normalise: flags.normalize,
    consistency: flags.consistency,
    resolveEnvironment: flags.envResolution,
    services,
  });
  const unfiltered = flags.variables ? '--variables' : flags.interpolate ? undefined : '--no-interpolate';
  if (services.length > 0 && unfiltered)
    process.stderr.write(`WARN service filtering is not applied when ${unfiltered} is set\n`);
  const text = asCliError(() => answer(services, flags, options));
  if (flags.quiet || text === '') return;
  if (flags.output) writeFileSync(flags.output, text);
  else process.stdout.write(text);
}

function answer(services: readonly string[], flags: ConfigFlags, options: LoadOptions): string {
  if (flags.variables) return variables(options, flags.format);
  const isPlainList =
    flags.services || flags.volumes || flags.networks || flags.profiles || flags.images || flags.models;
  if (!flags.interpolate) return withoutInterpolation(flags, options);
  const { project: whole, tree } = loadProject(
    isPlainList || flags.hash ? { ...options, resolveEnvironment: flags.hash !== undefined } : options,
  );
  const project = services.length > 0 ? selectServices(whole, services) : whole;
  if (flags.services) return lines(Object.keys(project.services));
  if (flags.volumes) return lines(Object.keys(project.volumes));
  if (flags.models) return lines(Object.values(project.models).map((model) => (model as { model: string }).model));
  if (flags.networks) return lines(Object.keys(project.networks));
  if (flags.profiles) return lines(profilesOf(whole));
  if (flags.images)
    return lines(Object.entries(project.services).map(([name, service]) => imageOf(whole, name, service)));
  if (flags.hash !== undefined) return hashes(whole, flags.hash);
  if (flags.environment)
    return lines(
      Object.entries(whole.environment)
        .map(([key, value]) => `${key}=${value}`)
        .sort(),
    );
  if (flags.consistency) checkContainerNames(project, tree);
  return renderProject(project, flags.format ?? 'yaml');
}

function withoutInterpolation(flags: ConfigFlags, options: LoadOptions): string {
  const { tree, name, variables: known } = loadTree(options);
  if (flags.services) return lines(Object.keys(isMapping(tree.services) ? tree.services : {}));
  const directory = options.resolvePaths ? options.directory : '.';
  const form = { name, variables: known, directory, normalise: flags.normalize };
  return renderTree(modelForm(tree, form), flags.format ?? 'yaml');
}

function variables(options: LoadOptions, format: ConfigFlags['format']): string {
  const { tree } = loadTree(options);
  const all = variablesOf(tree);
  if (format === 'json') return `${JSON.stringify(byName(all, upperFirst), undefined, 4)}\n\n`;
  if (format === 'yaml')
    return stringify(
      byName(all, (key) => key.toLowerCase()),
      { indent: 4 },
    );
  const rows = all.map(({ name, required, defaultValue, presenceValue }) => [
    name,
    String(required),
    defaultValue,
    presenceValue,
  ]);
  return lines(inColumns([['NAME', 'REQUIRED', 'DEFAULT VALUE', 'ALTERNATE VALUE'], ...rows]));
}

/** As docker compose aligns a table: columns are 20 characters wide, or 3 more than what is in them. */
function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widthOf = (column: number): number => Math.max(20, ...rows.map((row) => (row[column] ?? '').length + 3));
  return rows.map((row) =>
    row.map((cell, column) => (column < row.length - 1 ? cell.padEnd(widthOf(column)) : cell)).join(''),
  );
}

type Variable = ReturnType<typeof variablesOf>[number];

/** Variables as docker compose's JSON and YAML have them, by their names; what its keys look like, Go decides. */
function byName(all: readonly Variable[], keyOf: (key: string) => string): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    all.map((variable) => {
      const { name, defaultValue, presenceValue, required } = variable;
      const entries = Object.entries({ name, defaultValue, presenceValue, required });
      return [name, Object.fromEntries(entries.map(([key, value]) => [keyOf(key), value]))];
    }),
  );
}

function upperFirst(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function profilesOf({ services, disabled }: Project): string[] {
  const all = [...Object.values(services), ...Object.values(disabled)].flatMap(({ profiles }) => profiles ?? []);
  return [...new Set(all)].sort();
}

function imageOf(project: Project, name: string, service: Service): string {
  return service.image ?? `${project.name}-${name}`;
}

function hashes(project: Project, wanted: string): string {
  const names = wanted === '*' ? Object.keys(project.services) : wanted.split(',');
  return lines(
    names.sort().map((name) => {
      const service = project.services[name];
      if (!service) throw new CliError(`no such service: ${name}`);
      return `${name} ${configHash(service)}`;
    }),
  );
}

function lines(words: readonly string[]): string {
  return words.map((word) => `${word}\n`).join('');
}
