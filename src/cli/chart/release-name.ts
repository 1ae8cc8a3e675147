import { systemRandom } from '../../base/random.ts';
import { chartFunctions } from '../../delivery/charts/functions/functions.ts';
import { parseTemplates } from '../../delivery/charts/template/engine.ts';
import { TemplateError } from '../../delivery/charts/template/error.ts';
import { settle } from '../../delivery/charts/template/pause.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';

export interface NameFlags {
  generateName?: boolean;
  nameTemplate?: string;
}

/** `NAME CHART`, or `CHART` where the name is made; `fallback` is the name of what needs none. */
export async function nameAndChart(
  words: readonly string[],
  flags: NameFlags,
  fallback?: string,
): Promise<{ name: string; reference: string }> {
  const [first = '', second, ...more] = words;
  if (more.length > 0) throw new CliError(`expected at most two arguments, unexpected arguments: ${more.join(', ')}`);
  const maker = flags.generateName
    ? '--generate-name'
    : flags.nameTemplate !== undefined
      ? '--name-template'
      : undefined;
  if (second !== undefined) {
    if (maker !== undefined) throw new CliError(`cannot set ${maker} and also specify a name`);
    return { name: first, reference: second };
  }
  const name = maker === undefined ? fallback : await generatedName(first, flags);
  if (name === undefined) throw new CliError('must either provide a name or specify --generate-name');
  return { name, reference: first };
}

/** The name of a release that has none: by a template, or of the chart and the time. */
async function generatedName(reference: string, { nameTemplate }: NameFlags): Promise<string> {
  if (nameTemplate !== undefined) return byTemplate(nameTemplate);
  const base = (reference.split('/').at(-1) ?? 'chart').replace(/(?:-\d+\.\d+.*)?\.tgz$/, '').toLowerCase();
  return `${base === '' || base === '.' ? 'chart' : base}-${Math.floor(clock.now() / 1000)}`;
}

async function byTemplate(text: string): Promise<string> {
  const name = 'name-template';
  try {
    const templates = parseTemplates([{ name, text }], chartFunctions({ clock, random: systemRandom }));
    return await settle(() => templates.execute(name, {}));
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new CliError(`--name-template: ${error.message}`, { cause: error });
  }
}
