import { revisionsOf } from '../../delivery/charts/actions/history.ts';
import { recordsOf, type ShipRecord } from '../../delivery/pipeline/record.ts';
import { createOutput, table } from '../output.ts';
import { loadShipProject } from './project.ts';
import { type WhereFlags, withTarget } from './target.ts';

/** Prints the revisions of the app, oldest first, each with the record of its shipment where there is one. */
export async function history(flags: WhereFlags & { output?: 'json' }): Promise<void> {
  const { file } = await loadShipProject(flags.file);
  await withTarget(flags, file, async (target) => {
    const { client, namespace } = target;
    const [revisions, records] = await Promise.all([
      revisionsOf(target, file.name),
      recordsOf(client, namespace, file.name),
    ]);
    const rows = revisions.map((revision) => {
      const { info } = revision.read();
      const { version, status } = revision;
      return {
        revision: version,
        updated: info.lastDeployed,
        status,
        description: info.description,
        record: records.get(version),
      };
    });
    const output = createOutput();
    if (flags.output === 'json') return output.data(JSON.stringify(rows));
    const header = ['REVISION', 'UPDATED', 'STATUS', 'BY', 'COMMIT', 'IMAGES', 'TESTS', 'DESCRIPTION'];
    const cells = rows.map(({ revision, updated, status, description, record }) => [
      ...[String(revision), updated.replace(/\.\d+/, ''), status],
      ...cellsOf(record),
      description.split('\n')[0] ?? '',
    ]);
    output.data(table(header, cells));
  });
}

function cellsOf(record: ShipRecord | undefined): string[] {
  if (!record) return ['-', '-', '-', '-'];
  const { by, commit, images, tests } = record;
  const passed = tests.filter(({ result }) => result === 'passed').length;
  const skipped = tests.length - passed;
  const testWords = [...(passed > 0 ? [`${passed} passed`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])];
  const changed = commit.endsWith('+') ? '+' : '';
  return [
    by,
    commit ? `${commit.slice(0, 7)}${changed}` : '-',
    images.map(({ name, digest }) => digest.slice(7, 19) || name.split(':').at(-1)).join(',') || '-',
    testWords.join(', ') || '-',
  ];
}
