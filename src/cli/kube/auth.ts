import type { SelfSubjectAccessReview } from '../../api/types/authorization-v1.ts';
import { CliError } from '../errors.ts';
import { type KubeFlags, withKube } from './session.ts';

export interface CanIFlags extends KubeFlags {
  allNamespaces?: boolean;
  quiet?: boolean;
  subresource?: string;
}

/** `timonel auth can-i VERB TYPE[/NAME]|/PATH`: exit code 1 says no. */
export async function canI(words: readonly string[], flags: CanIFlags): Promise<void> {
  const [verb, what, name, ...more] = words;
  if (verb === undefined || what === undefined || more.length > 0) {
    throw new CliError('you must specify two arguments: verb resource or verb resource/resourceName.', {
      hint: "See 'timonel auth can-i -h' for help and examples.",
    });
  }
  await withKube(flags, async (kube) => {
    const spec = what.startsWith('/')
      ? { nonResourceAttributes: { path: what, verb } }
      : { resourceAttributes: await attributesOf(what) };
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const { status } = (await kube.client.raw('POST', path, review)) as SelfSubjectAccessReview;
    if (!status?.allowed) process.exitCode = 1;
    if (flags.quiet) return;
    const reason = status?.allowed || !status?.reason ? '' : ` - ${status.reason}`;
    process.stdout.write(`${status?.allowed ? 'yes' : 'no'}${reason}\n`);

    async function attributesOf(word: string): Promise<Record<string, string>> {
      const [type = '', inName = name ?? ''] = word.split('/');
      const known = type === '*' ? undefined : await typeOf(type);
      const namespace = known?.namespaced === false || flags.allNamespaces ? '' : kube.namespace;
      return {
        ...{ verb: verb ?? '', group: known?.group ?? '', resource: known?.plural ?? type },
        ...(type === '*' && { group: '*' }),
        ...(namespace && { namespace }),
        ...(inName && { name: inName }),
        ...(flags.subresource && { subresource: flags.subresource }),
      };
    }

    async function typeOf(type: string): Promise<{ namespaced: boolean; group: string; plural: string } | undefined> {
      try {
        const [resource] = await kube.finder.find(type);
        if (resource && !resource.namespaced && !flags.allNamespaces) {
          process.stderr.write(`Warning: resource '${resource.plural}' is not namespace scoped\n\n`);
        }
        return resource;
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        process.stderr.write(`Warning: the server doesn't have a resource type '${type}'\n\n`);
        return undefined;
      }
    }
  });
}
