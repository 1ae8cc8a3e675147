import { explainText, type OpenApiDocument } from '../../delivery/inspect/explain.ts';
import { CliError } from '../errors.ts';
import { type KubeFlags, withKube } from './session.ts';

export interface ExplainFlags extends KubeFlags {
  recursive?: boolean;
  apiVersion?: string;
}

/** `timonel explain pods.spec.containers`, from the server's OpenAPI v3. */
export async function explain(words: readonly string[], flags: ExplainFlags): Promise<void> {
  const [word, ...more] = words;
  if (word === undefined)
    throw new CliError('You must specify the type of resource to explain.', {
      hint: 'timonel api-resources lists them.',
    });
  if (more.length > 0) throw new CliError('We accept only this format: explain RESOURCE');
  const [type = '', ...path] = word
    .replaceAll('/', '.')
    .split('.')
    .filter((part) => part !== '');
  await withKube(flags, async ({ client, finder }) => {
    const [resource] = await finder.find(type);
    if (!resource) throw new CliError(`the server doesn't have a resource type "${type}"`);
    const [group, version] = flags.apiVersion ? divided(flags.apiVersion) : [resource.group, resource.version];
    const where = group === '' ? `api/${version}` : `apis/${group}/${version}`;
    const document = (await client.raw('GET', `/openapi/v3/${where}`)) as OpenApiDocument;
    const name = { group, version, kind: resource.kind };
    try {
      process.stdout.write(`${explainText(document, name, { path, isRecursive: flags.recursive ?? false })}\n`);
    } catch (error) {
      throw new CliError((error as Error).message, { cause: error });
    }
  });
}

function divided(apiVersion: string): [string, string] {
  const [first = '', second] = apiVersion.split('/');
  return second === undefined ? ['', first] : [first, second];
}
