import { helmBuild, helmVersion } from '../../delivery/charts/render/capabilities.ts';
import { parseTemplates } from '../../delivery/charts/template/engine.ts';
import { TemplateError } from '../../delivery/charts/template/error.ts';
import { settle } from '../../delivery/charts/template/pause.ts';
import { CliError } from '../errors.ts';

/** `helm version`: the Helm whose behaviour is meant. Scripts decide by it which flags they use. */
export async function version(flags: { short?: boolean; template?: string }): Promise<void> {
  process.stdout.write(await versionText(flags));
}

export async function versionText({ short, template }: { short?: boolean; template?: string }): Promise<string> {
  if (template !== undefined) return filledIn(template);
  if (short) return `${helmBuild['Version']}\n`;
  const fields = Object.entries(helmBuild).map(([name, value]) => `${name}:${JSON.stringify(value)}`);
  return `version.BuildInfo{${fields.join(', ')}}\n`;
}

async function filledIn(text: string): Promise<string> {
  try {
    const templates = parseTemplates([{ name: '_', text }], {});
    return await settle(() => templates.execute('_', helmVersion()));
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new CliError(`--template: ${error.message}`, { cause: error });
  }
}
