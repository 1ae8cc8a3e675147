import { systemRandom } from '../../base/random.ts';
import { chartFunctions } from '../../delivery/charts/functions/functions.ts';
import { parseTemplates } from '../../delivery/charts/template/engine.ts';
import { TemplateError } from '../../delivery/charts/template/error.ts';
import { settle } from '../../delivery/charts/template/pause.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';

/** The name of a release that has none: by a template, or of the chart and the time. */
export async function generatedName(reference: string, { nameTemplate }: { nameTemplate?: string }): Promise<string> {
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
