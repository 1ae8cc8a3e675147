import type { AnyObject } from '../../api/object.ts';
import type { SelfSubjectReview } from '../../api/types/authentication-v1.ts';
import type { SelfSubjectAccessReview, SelfSubjectRulesReview } from '../../api/types/authorization-v1.ts';
import { createColumns } from '../../delivery/inspect/columns.ts';
import { ruleRows } from '../../delivery/inspect/describe/access.ts';
import { CliError } from '../errors.ts';
import { objectPrinter } from './print-objects.ts';
import { type KubeFlags, withKube } from './session.ts';

export interface WhoAmIFlags extends KubeFlags {
  output?: string;
}

/** `timonel auth whoami`: who the server takes one for (SelfSubjectReview, authentication.k8s.io/v1). */
export async function whoAmI(flags: WhoAmIFlags): Promise<void> {
  const printer = await objectPrinter(flags.output);
  await withKube(flags, async ({ client }) => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} };
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const answer = (await client.raw('POST', path, review)) as SelfSubjectReview;
    if (printer) return void process.stdout.write(printer.print(answer as AnyObject));
    const { username = '', uid, groups = [], extra = {} } = answer.status?.userInfo ?? {};
    const text = (list: readonly string[]): string => `[${list.join(' ')}]`;
    const keys = Object.keys(extra).toSorted((a, b) => (a < b ? -1 : 1));
    printRows([
      ['ATTRIBUTE', 'VALUE'],
      ...(username ? [['Username', username]] : []),
      ...(uid ? [['UID', uid]] : []),
      ...(groups.length > 0 ? [['Groups', text(groups)]] : []),
      ...keys.map((key) => [`Extra: ${key}`, text(extra[key] ?? [])]),
    ]);
  });
}

function printRows(rows: readonly (readonly string[])[]): void {
  for (const line of createColumns().lines(rows)) process.stdout.write(`${line}\n`);
}

export interface CanIFlags extends KubeFlags {
  allNamespaces?: boolean;
  quiet?: boolean;
  subresource?: string;
  list?: boolean;
  /** Commander's name of `--no-headers`. */
  headers: boolean;
}

/** `timonel auth can-i VERB TYPE[/NAME]|/PATH`: exit code 1 says no. */
export async function canI(words: readonly string[], flags: CanIFlags): Promise<void> {
  if (flags.list) return listRules(words, flags);
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

/** `timonel auth can-i --list`: what one may do in a namespace (SelfSubjectRulesReview, authorization.k8s.io/v1). */
async function listRules(words: readonly string[], flags: CanIFlags): Promise<void> {
  if (words.length > 0) throw new CliError('list option must be specified with no arguments');
  await withKube(flags, async ({ client, namespace }) => {
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
    const { status } = (await client.raw('POST', path, review)) as SelfSubjectRulesReview;
    const { resourceRules = [], nonResourceRules = [], incomplete, evaluationError = '' } = status ?? {};
    if (incomplete) process.stderr.write(`warning: the list may be incomplete: ${evaluationError}\n`);
    const header = ['Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs'];
    printRows([...(flags.headers ? [header] : []), ...ruleRows([...resourceRules, ...nonResourceRules])]);
  });
}
