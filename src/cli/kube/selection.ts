import type { AnyObject } from '../../api/object.ts';
import type { ObjectName, Resource } from '../../client/client.ts';
import { createResourceMapper } from '../../delivery/apply/resource-mapper.ts';
import { CliError } from '../errors.ts';
import { manifestsOf } from './manifest-files.ts';
import type { Kube } from './session.ts';

/** What a command's words mean: all objects of a type, or one of them. */
export interface Selection {
  resource: Resource;
  /** Undefined: all, as the selectors say. */
  name?: string;
  /** Of an object in a file that says so. */
  namespace?: string;
}

export interface SelectionFlags {
  filename?: string[];
  recursive?: boolean;
}

/** `TYPE[,TYPE…] [NAME…]`, `TYPE/NAME …`, or the objects of files. Rejects with CliError in kubectl's words. */
export async function selectionOf(kube: Kube, words: readonly string[], flags: SelectionFlags): Promise<Selection[]> {
  if (flags.filename?.length) {
    if (words.length > 0)
      throw new CliError(
        'when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well',
      );
    return fromFiles(kube, flags);
  }
  const [first] = words;
  if (first === undefined) {
    throw new CliError('Required resource not specified.', { hint: 'Name a type, such as pods, or TYPE/NAME.' });
  }
  if (words.some((word) => word.includes('/'))) {
    return (await Promise.all(words.map((word) => typeAndName(kube, word)))).flat();
  }
  const types = first.split(',');
  if (types.includes('')) throw new CliError(`the server doesn't have a resource type ""`);
  // A server would take the empty name for all of the type.
  if (words.includes('')) throw new CliError('resource name may not be empty');
  const resources = (await Promise.all(types.map((type) => kube.finder.find(type)))).flat();
  const names = words.slice(1);
  if (names.length === 0) return resources.map((resource) => ({ resource }));
  return resources.flatMap((resource) => names.map((name) => ({ resource, name })));
}

async function typeAndName({ finder }: Kube, word: string): Promise<Selection[]> {
  const [type = '', name = '', ...more] = word.split('/');
  if (!word.includes('/')) {
    throw new CliError(
      'there is no need to specify a resource type as a separate argument when passing arguments in resource/name ' +
        "form (e.g. 'timonel get resource/<resource_name>' instead of 'timonel get resource resource/<resource_name>'",
    );
  }
  if (more.length > 0) throw new CliError('arguments in resource/name form may not have more than one slash');
  if (type === '' || name === '') {
    throw new CliError('arguments in resource/name form must have a single resource and name');
  }
  const [resource] = (await finder.find(type)) as [Resource];
  return [{ resource, name }];
}

async function fromFiles({ client }: Kube, flags: SelectionFlags): Promise<Selection[]> {
  const mapper = createResourceMapper(client);
  const manifests = await manifestsOf(flags.filename ?? [], flags.recursive ?? false);
  return Promise.all(
    manifests.map(async ({ object }) => ({
      resource: await mapper.resourceOf(object.apiVersion ?? '', object.kind ?? ''),
      name: object.metadata.name ?? '',
      ...(object.metadata.namespace && { namespace: object.metadata.namespace }),
    })),
  );
}

/** Where a selected object is. */
export function placeOf({ namespace }: Kube, selection: Selection): ObjectName {
  const { resource, name = '', namespace: own } = selection;
  return resource.namespaced ? { name, namespace: own ?? namespace } : { name };
}

/** An object with what it is, which items of lists do not say. */
export function typed(resource: Resource, object: object): AnyObject {
  const { group, version, kind } = resource;
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, ...object } as AnyObject;
}
