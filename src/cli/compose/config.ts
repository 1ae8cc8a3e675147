import { writeFileSync } from 'node:fs';
import { variablesOf } from '../../delivery/compose/interpolate.ts';
import { loadProject, loadTree, type LoadOptions } from '../../delivery/compose/load-project.ts';
import type { Project, Service } from '../../delivery/compose/model.ts';
import { configHash, renderProject, renderTree } from '../../delivery/compose/render.ts';
import { isMapping } from '../../delivery/compose/tree.ts';
import { selectServices } from '../../delivery/compose/select.ts';
import { CliError } from '../errors.ts';
import { table } from '../output.ts';
import type { ComposeFlags } from './commands.ts';
import { asCliError, loadOptions } from './project.ts';

interface ConfigFlags extends ComposeFlags {
  format: 'yaml' | 'json';
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
  const text = asCliError(() => answer(services, flags, options));
  if (flags.quiet || text === '') return;
  if (flags.output) writeFileSync(flags.output, text);
  else process.stdout.write(text);
}

function answer(services: readonly string[], flags: ConfigFlags, options: LoadOptions): string {
  if (flags.variables) return variables(options);
  const isPlainList =
    flags.services || flags.volumes || flags.networks || flags.profiles || flags.images || flags.models;
  if (!flags.interpolate) return withoutInterpolation(flags, options);
  const { project: whole } = loadProject(
    isPlainList || flags.hash ? { ...options, resolveEnvironment: flags.hash !== undefined } : options,
  );
  const project = services.length > 0 ? selectServices(whole, services) : whole;
  if (flags.services) return lines(Object.keys(project.services));
  if (flags.volumes) return lines(Object.keys(project.volumes));
  if (flags.models) return lines(Object.keys(project.models));
  if (flags.networks) return lines(Object.keys(project.networks));
  if (flags.profiles) return lines(profilesOf(whole));
  if (flags.images)
    return lines(Object.entries(project.services).map(([name, service]) => imageOf(whole, name, service)));
  if (flags.hash !== undefined) return hashes(whole, flags.hash);
  if (flags.environment) return lines(Object.entries(whole.environment).map(([key, value]) => `${key}=${value}`));
  return renderProject(project, flags.format);
}

function withoutInterpolation(flags: ConfigFlags, options: LoadOptions): string {
  const { tree, name } = loadTree(options);
  if (flags.services) return lines(Object.keys(isMapping(tree.services) ? tree.services : {}));
  return renderTree({ ...tree, name }, flags.format);
}

function variables(options: LoadOptions): string {
  const { tree } = loadTree(options);
  const rows = variablesOf(tree).map(({ name, required, defaultValue, presenceValue }) => [
    name,
    String(required),
    defaultValue,
    presenceValue,
  ]);
  return `${table(['NAME', 'REQUIRED', 'DEFAULT VALUE', 'ALTERNATE VALUE'], rows)}\n`;
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
