import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { selectServices } from '../../delivery/compose/select.ts';
import type { KubeObject } from '../../api/object.ts';
import { diskFiles } from '../../delivery/compose/disk-files.ts';
import { loadProject } from '../../delivery/compose/load-project.ts';
import type { Project } from '../../delivery/compose/model.ts';
import { translate } from '../../delivery/compose/translate/translate.ts';
import { CliError } from '../errors.ts';
import type { ComposeFlags } from './commands.ts';
import { asCliError, loadOptions } from './project.ts';

export interface ConvertFlags extends ComposeFlags {
  format: 'yaml' | 'json';
  chart?: string;
  output?: string;
}

/** `timonel compose convert`: the project as manifests, or as a chart. */
export async function convert(services: readonly string[], flags: ConvertFlags): Promise<void> {
  const { options } = await loadOptions(flags, { services });
  const { project: whole, tree } = asCliError(() => loadProject(options));
  const project = asCliError(() => selectServices(whole, services));
  const translation = asCliError(() => translate(project, tree, { files: diskFiles, lenient: flags.lenient ?? false }));
  for (const warning of translation.warnings) process.stderr.write(`WARN ${warning}\n`);
  const waiting = Object.entries(project.services).filter(([, { depends_on: needs }]) => needs !== undefined);
  if (waiting.length > 0) {
    const names = waiting.map(([name]) => name).join(', ');
    process.stderr.write(`WARN depends_on is an order of commands: manifests start ${names} at once with all others\n`);
  }
  const objects = [...translation.base, ...Object.values(translation.workloads)];
  if (flags.chart !== undefined) return writeChart(flags.chart, project, objects);
  const text =
    flags.format === 'json'
      ? `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, undefined, 2)}\n`
      : yamlOf(objects);
  if (flags.output === undefined) process.stdout.write(text);
  else writeFileSync(flags.output, text);
}

function yamlOf(objects: readonly KubeObject[]): string {
  return objects
    .map((object) => `---\n${stringify(withoutUndefined(object), { lineWidth: 0, aliasDuplicateObjects: false })}`)
    .join('');
}

function withoutUndefined(object: KubeObject): unknown {
  return JSON.parse(JSON.stringify(object)) as unknown;
}

/** A chart whose release has the namespace that it is installed into, and the images and numbers of containers as values. */
function writeChart(directory: string, project: Project, objects: readonly KubeObject[]): void {
  const name = project.name.replaceAll('_', '-');
  const values: Record<string, Record<string, unknown>> = {};
  const files = new Map<string, string>();
  for (const object of objects) {
    if (object.kind === 'Namespace') continue;
    const { namespace: _, ...metadata } = object.metadata;
    const text = yamlOf([{ ...object, metadata }]).replaceAll('{{', '{{ "{{" }}');
    const file = `templates/${metadata.name}-${object.kind?.toLowerCase()}.yaml`;
    files.set(file, parametrised(text, object, values));
  }
  files.set(
    'Chart.yaml',
    stringify({ apiVersion: 'v2', name, version: '0.1.0', description: `The Compose project ${project.name}` }),
  );
  files.set('values.yaml', stringify(values));
  try {
    mkdirSync(join(directory, 'templates'), { recursive: true });
    for (const [file, text] of files) writeFileSync(join(directory, file), text);
  } catch (error) {
    throw new CliError(`cannot write the chart: ${(error as Error).message}`, { cause: error });
  }
  process.stderr.write(`Chart ${name} is in ${directory}: timonel chart install ${name} ${directory}\n`);
}

function parametrised(text: string, object: KubeObject, values: Record<string, Record<string, unknown>>): string {
  const { spec } = object as {
    spec?: { replicas?: number; template?: { spec?: { containers?: { image?: string }[] } } };
  };
  const image = spec?.template?.spec?.containers?.[0]?.image;
  if (image === undefined) return text;
  const key = (object.metadata.name ?? '').replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  values[key] = { image, ...(spec?.replicas !== undefined && { replicas: spec.replicas }) };
  return text
    .replace(/^( *(?:- )?image: ).*$/m, (_, before: string) => `${before}{{ .Values.${key}.image | quote }}`)
    .replace(/^( {2}replicas: )\d+$/m, (_, before: string) => `${before}{{ .Values.${key}.replicas }}`);
}
