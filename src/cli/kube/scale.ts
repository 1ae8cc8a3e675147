import type { AnyObject } from '../../api/object.ts';
import { objectPath } from '../../client/request-path.ts';
import { CliError } from '../errors.ts';
import { shownName } from './resource-finder.ts';
import { placeOf, type SelectionFlags, selectionOf } from './selection.ts';
import { type KubeFlags, withKube } from './session.ts';

export interface ScaleFlags extends KubeFlags, SelectionFlags {
  replicas: string;
  currentReplicas?: string;
  all?: boolean;
  selector?: string;
}

/** `timonel scale deploy/web --replicas=3`, by the scale subresource that every scalable kind has. */
export async function scale(words: readonly string[], flags: ScaleFlags): Promise<void> {
  const replicas = Number(flags.replicas);
  if (!Number.isInteger(replicas) || replicas < 0)
    throw new CliError('The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0');
  await withKube(flags, async (kube) => {
    for (const selection of await selectionOf(kube, words, flags)) {
      const { resource, name } = selection;
      const names = name === undefined ? await namesOf(selection.resource) : [name];
      for (const each of names) {
        try {
          await scaleOne({ ...selection, name: each });
          process.stdout.write(`${shownName(resource, each)} scaled\n`);
        } catch (error) {
          kube.fail(error);
        }
      }
    }

    async function namesOf(resource: Parameters<typeof kube.client.list>[0]): Promise<string[]> {
      if (!flags.all && !flags.selector) throw new CliError('resource(s) were provided, but no name was specified');
      const { items } = await kube.client.list(resource, {
        namespace: kube.namespace,
        ...(flags.selector && { labelSelector: flags.selector }),
      });
      return items.map(({ metadata }) => metadata.name ?? '');
    }

    async function scaleOne(selection: Parameters<typeof placeOf>[1]): Promise<void> {
      const { resource } = selection;
      const place = placeOf(kube, selection);
      if (flags.currentReplicas !== undefined) {
        const { spec } = (await kube.client.raw('GET', objectPath(resource, place, 'scale'))) as AnyObject & {
          spec: { replicas?: number };
        };
        const now = spec.replicas ?? 0;
        if (now !== Number(flags.currentReplicas))
          throw new CliError(`Expected replicas to be ${flags.currentReplicas}, was ${now}`);
      }
      await kube.client.patch(
        resource,
        place,
        { kind: 'merge', document: { spec: { replicas } } },
        { subresource: 'scale' },
      );
    }
  });
}
