import { createColumns } from '../../delivery/inspect/columns.ts';
import { CliError } from '../errors.ts';
import { shownGroupVersion } from './resource-finder.ts';
import { type KubeFlags, withKube } from './session.ts';

export interface ApiResourceFlags extends KubeFlags {
  apiGroup?: string;
  /** `true` or `false`. */
  namespaced?: string;
  verbs?: string;
  categories?: string;
  output?: string;
  headers: boolean;
  sortBy?: string;
}

/** `timonel api-resources`: the types that the server knows. */
export async function apiResources(flags: ApiResourceFlags): Promise<void> {
  const { apiGroup, namespaced, verbs, categories, output = '', sortBy } = flags;
  if (!['', 'wide', 'name'].includes(output)) throw new CliError(`--output ${output} is not available`);
  if (sortBy && sortBy !== 'name' && sortBy !== 'kind') throw new CliError('--sort-by accepts only name or kind');
  await withKube(flags, async ({ finder }) => {
    const has = (list: readonly string[], wanted: string | undefined): boolean =>
      !wanted || wanted.split(',').every((each) => list.includes(each));
    const found = (await finder.all())
      .filter(({ group }) => apiGroup === undefined || group === apiGroup)
      .filter((each) => namespaced === undefined || each.namespaced === (namespaced === 'true'))
      .filter((each) => each.verbs.length > 0 && has(each.verbs, verbs) && has(each.categories, categories))
      .toSorted(
        (a, b) =>
          (sortBy === 'kind' ? a.kind.localeCompare(b.kind) : 0) ||
          (sortBy ? 0 : order(a.group, b.group)) ||
          order(a.plural, b.plural),
      );
    if (output === 'name') {
      for (const { plural, group } of found) process.stdout.write(`${plural}${group ? `.${group}` : ''}\n`);
      return;
    }
    const isWide = output === 'wide';
    const header = [
      'NAME',
      'SHORTNAMES',
      'APIVERSION',
      'NAMESPACED',
      'KIND',
      ...(isWide ? ['VERBS', 'CATEGORIES'] : []),
    ];
    const rows = found.map((each) => [
      ...[each.plural, each.shortNames.join(','), shownGroupVersion(each), String(each.namespaced), each.kind],
      ...(isWide ? [each.verbs.join(','), each.categories.join(',')] : []),
    ]);
    const lines = createColumns().lines([...(flags.headers ? [header] : []), ...rows]);
    process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  });
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `timonel api-versions`. */
export async function apiVersions(flags: KubeFlags): Promise<void> {
  await withKube(flags, async ({ finder }) => {
    const versions = [...new Set((await finder.all({ allVersions: true })).map(shownGroupVersion))];
    process.stdout.write(
      versions
        .toSorted()
        .map((version) => `${version}\n`)
        .join(''),
    );
  });
}
